"""Servers that write event streams wrongly."""

from __future__ import annotations

from collections.abc import Callable

from tests.mutants.asgi import Mutation, Reply, Wrap
from tests.mutants.bases.pipeline import is_terminal
from tests.mutants.frames import document, get, kind, number, put, with_document
from tests.mutants.mutant import Mutant

BOM = b"\xef\xbb\xbf"

NOT_JSON = {
    "framing.data-is-json": "the frame's data is no JSON",
    "vocabulary.known-types": "what is no JSON has no type",
    "lifecycle.order": "what has no type has no place in the order",
}
UNLIKE = {"vocabulary.invariants": "a node's output is not its tokens any more"}
LOST = NOT_JSON | UNLIKE | {"lifecycle.all-tokens-arrive": "the frame's token is lost"}
FOREIGN = NOT_JSON | {
    "vocabulary.event-field": "the frame is none of the server's own",
    "ids.on-every-event": "the frame is none of the server's own",
}


def _each(change: Callable[[bytes], bytes]) -> Wrap:
    """Change every frame."""
    return Mutation(frame=lambda frame, _reply: change(frame))


def _third(change: Callable[[bytes], bytes]) -> Wrap:
    """Change the third event of a stream."""
    return _each(lambda frame: change(frame) if number(frame) == 3 else frame)


def _in_output(old: bytes, new: bytes) -> Wrap:
    """Change the bytes of a completed node's output."""

    def change(frame: bytes) -> bytes:
        is_output = kind(frame) == "node-complete"
        return frame.replace(old, new, 1) if is_output else frame

    return _each(change)


def _in_text(change: Callable[[str], str]) -> Wrap:
    """Change the text of every token."""

    def frame(frame: bytes) -> bytes:
        if kind(frame) != "token-stream":
            return frame
        event = document(frame)
        event["delta"]["text"] = change(event["delta"]["text"])
        return with_document(frame, event)

    return _each(frame)


def _bom_first(frame: bytes, reply: Reply) -> bytes:
    return BOM + frame if reply.frames == 0 else frame


def _crlf(frame: bytes) -> bytes:
    return frame.replace(b"\n", b"\r\n")


def _unclosed(frame: bytes) -> bytes:
    return frame[:-1] if is_terminal(frame) else frame


def _comment_inside(frame: bytes) -> bytes:
    return frame.replace(b"\ndata: ", b"\n: still here\ndata: ", 1)


def _forge(frame: bytes) -> bytes:
    """Log a node's output beside its event, its lines as they are."""
    if kind(frame) != "node-complete":
        return frame
    output = document(frame)["delta"]["output"]
    return frame + f"event: log\ndata: {output}\n\n".encode()


def _format_twice(frame: bytes) -> bytes:
    data = get(frame, "data") or ""
    return put(frame, "data", f"data: {data}")


def _splitlines(frame: bytes) -> bytes:
    """Write the JSON line by line, with the lines of `str.splitlines`."""
    data = get(frame, "data") or ""
    lines = "\ndata: ".join(data.splitlines())
    return frame.replace(data.encode(), lines.encode())


def _with_lines(change: Callable[[str], str]) -> Callable[[str], str]:
    """Change what lies between two line feeds."""
    return lambda text: "\n".join(map(change, text.split("\n")))


MUTANTS = (
    Mutant(
        name="bytes-cut-inside-a-character",
        defect="F10: UTF-8 split and re-encoded per chunk",
        trips={"framing.valid-utf-8": "UTF-8"},
        also=UNLIKE,
        wrap=_in_output(b'"output":"', b'"output":"\xe2\x82'),
    ),
    Mutant(
        name="bom-at-the-start",
        defect="F09: byte order mark in the body",
        trips={"framing.no-bom": "no byte order mark at the start"},
        wrap=Mutation(frame=_bom_first),
    ),
    Mutant(
        name="bom-on-every-event",
        defect="BOM on every event",
        trips={"framing.no-misplaced-bom": "byte order mark"},
        also={"vocabulary.event-field": "the field behind a BOM is unknown"},
        wrap=_third(lambda frame: BOM + frame),
    ),
    Mutant(
        name="one-frame-in-crlf",
        defect="F19: mixed line ends in one stream",
        trips={
            "framing.one-line-end": "one kind of line end",
            "framing.line-end-policy": "CRLF",
        },
        wrap=_third(_crlf),
    ),
    Mutant(
        name="crlf-throughout",
        defect="F19: the default of a library breaks LF-only clients",
        trips={"framing.line-end-policy": "CRLF"},
        wrap=_each(_crlf),
    ),
    Mutant(
        name="json-body-in-the-stream",
        defect="F12: an error body written into the stream",
        trips={"framing.known-fields-only": "error"},
        wrap=_third(lambda frame: b'{"error": "busy"}\n\n' + frame),
    ),
    Mutant(
        name="event-field-twice",
        defect="F18: fields written by two layers",
        trips={"framing.one-of-each-field": "another in"},
        wrap=_third(lambda frame: b"event: state_delta\n" + frame),
    ),
    Mutant(
        name="no-blank-line-at-the-end",
        defect="F05: the terminal event is dropped by clients that follow the standard",
        trips={"framing.closed-by-blank-line": "blank line"},
        also={
            "lifecycle.one-terminal": "the terminal event is never dispatched",
            "lifecycle.completes": "the terminal event is never dispatched",
        },
        wrap=_each(_unclosed),
    ),
    Mutant(
        name="event-without-data",
        defect="F14: a priming event that no client dispatches",
        trips={"framing.no-empty-events": "a data line in every event"},
        wrap=_third(lambda frame: b"event: state_delta\n\n" + frame),
    ),
    Mutant(
        name="retry-with-a-unit",
        defect="F03: retry that is no number",
        trips={"framing.retry-is-digits": "1s"},
        wrap=_third(lambda frame: b"retry: 1s\n" + frame),
    ),
    Mutant(
        name="nul-in-an-id",
        defect="F16: clients ignore the id",
        trips={"framing.id-without-nul": "without U+0000"},
        wrap=_third(lambda frame: b"id: a\0b\n\n" + frame),
    ),
    Mutant(
        name="comment-inside-an-event",
        defect="H04: a heartbeat from a second writer gets into a frame",
        trips={"framing.comment-between-events": ": still here"},
        wrap=_third(_comment_inside),
    ),
    Mutant(
        name="very-long-line",
        defect="F13: more than the buffer of common scanners",
        trips={"framing.line-length": "65536"},
        also=UNLIKE,
        wrap=_in_output(b'"output":"', b'"output":"' + b"x" * 70_000),
    ),
    Mutant(
        name="frame-formatted-twice",
        defect="F18: a formatted frame formatted again",
        trips={"framing.not-formatted-twice": "data: {"},
        also=LOST,
        wrap=_third(_format_twice),
    ),
    Mutant(
        name="comment-as-data",
        defect="F11: a heartbeat comment wrapped as data",
        trips={"framing.data-is-json": ": processing"},
        also=FOREIGN,
        wrap=_third(lambda frame: b"data: : processing\n\n" + frame),
    ),
    Mutant(
        name="text-that-is-no-json",
        defect="F14: an empty priming event breaks clients that parse every event",
        trips={"framing.data-is-json": 'with data ""'},
        also=FOREIGN,
        wrap=_third(lambda frame: b"data:\n\n" + frame),
    ),
    Mutant(
        name="payload-through-splitlines",
        defect="F04: U+2028 and U+0085 taken for line ends",
        trips={"framing.text-survives": "separators"},
        also=NOT_JSON,
        probes=("awkward-text",),
        wrap=_each(_splitlines),
    ),
    Mutant(
        name="trailing-line-end-eaten",
        defect="F17: the last line end of a payload is lost",
        trips={"framing.text-survives": "unchanged"},
        wrap=_in_text(lambda text: text.removesuffix("\n")),
    ),
    Mutant(
        name="leading-space-eaten",
        defect="OUT-06: a payload that starts with a space loses it",
        trips={"framing.text-survives": "unchanged"},
        wrap=_in_text(_with_lines(lambda line: line.removeprefix(" "))),
    ),
    Mutant(
        name="carriage-return-normalised",
        defect="F02: CR is no line end here, so it is dropped",
        trips={"framing.text-survives": "unchanged"},
        wrap=_in_text(lambda text: text.replace("\r", "")),
    ),
    Mutant(
        name="payload-forges-events",
        defect="F01: line ends of the model's text become line ends of the stream",
        trips={"framing.no-forged-events": "forged"},
        also=FOREIGN
        | {
            "framing.known-fields-only": "other lines of the text are no fields",
            "framing.comment-between-events": "some lines of the text are comments",
            "framing.one-line-end": "the text brings line ends of its own",
            "framing.line-end-policy": "the text brings line ends of its own",
        },
        probes=("awkward-text",),
        wrap=_each(_forge),
    ),
)
