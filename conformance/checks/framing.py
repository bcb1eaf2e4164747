"""Frame format: what bytes may make up an event stream.

Most faults are what the decoder reports as anomalies: a tolerant reader forgives them,
a producer must not send them. Quotes and sources stand in the catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..evidence.journal import watched
from ..evidence.streams import Stream, streams, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import few
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.pointer import MISSING, show
from ..profiles.typed import TypedEvent, known_types
from ..wire import Anomaly, AnomalyKind, Event
from ..wire.lines import Terminator, split_lines
from .registry import check

_DECLARED_ENDS = {
    "lf": Terminator.LF,
    "cr": Terminator.CR,
    "crlf": Terminator.CRLF,
}

# What a line-based writer makes of text that carries lines of its own.
_FIELD_LINE = re.compile(r"(data|event|id): ?(.*)")
_FORMATTED = ("data:", "event:", "id:", "retry:")


def spoken(evidence: Evidence, profile: Profile) -> tuple[Stream, ...]:
    """Return the streams with any body; raise `Untestable` if there is none."""
    found = tuple(s for s in streams(evidence, profile) if s.transcript.chunks)
    if not found:
        raise Untestable("every event stream was empty")
    return found


def _anomaly_check(requirement: str, kind: AnomalyKind, expected: str) -> None:
    """Register a check that finds every anomaly of one kind."""

    @check(requirement)
    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
        found = [
            stream.find(expected, _got(anomaly, stream), offset=anomaly.start)
            for stream in spoken(evidence, profile)
            for anomaly in stream.transcript.anomalies
            if anomaly.kind is kind
        ]
        yield from few(found, "places")


def _got(anomaly: Anomaly, stream: Stream) -> str:
    """Word what stands there; of the decoder's `expected …, got …` the second half."""
    bytes_ = stream.transcript.body[anomaly.start : anomaly.end]
    there = show(bytes_.decode("utf-8", "replace"))
    _, _, got = anomaly.detail.partition(", got ")
    return f"{got} in {there}" if got else there


for _requirement, _kind, _expected in (
    ("valid-utf-8", AnomalyKind.INVALID_UTF8, "a body that is UTF-8 throughout"),
    ("no-bom", AnomalyKind.BOM_AT_START, "no byte order mark at the start"),
    ("no-misplaced-bom", AnomalyKind.MISPLACED_BOM, "no byte order mark after byte 0"),
    ("one-line-end", AnomalyKind.MIXED_LINE_ENDS, "one kind of line end per stream"),
    (
        "known-fields-only",
        AnomalyKind.UNKNOWN_FIELD,
        "only lines that are a data, event, id or retry field, a comment, or blank",
    ),
    (
        "one-of-each-field",
        AnomalyKind.DUPLICATE_FIELD,
        "event, id and retry at most once in an event",
    ),
    (
        "closed-by-blank-line",
        AnomalyKind.EVENT_NOT_CLOSED,
        "a blank line after the last event, without which clients discard it",
    ),
    (
        "no-empty-events",
        AnomalyKind.EVENT_WITHOUT_DATA,
        "a data line in every event, without which clients never dispatch it",
    ),
    (
        "retry-is-digits",
        AnomalyKind.BAD_RETRY,
        "a retry value of ASCII digits, in milliseconds",
    ),
    ("id-without-nul", AnomalyKind.NUL_IN_ID, "an id without U+0000"),
    (
        "comment-between-events",
        AnomalyKind.COMMENT_IN_BLOCK,
        "comments between events, not between the lines of one",
    ),
):
    _anomaly_check(f"framing.{_requirement}", _kind, _expected)


@check("framing.line-end-policy")
def judge_line_end_policy(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold every line end against the declared kind."""
    declared = profile.framing.line_end
    for stream in spoken(evidence, profile):
        kinds = stream.transcript.terminators.kinds
        if declared in _DECLARED_ENDS:
            yield from _other_ends(stream, _DECLARED_ENDS[declared])
        elif declared == "any-one" and len(kinds) > 1:
            got = ", ".join(sorted(kinds))
            yield stream.find("one kind of line end, whichever", got)


def _other_ends(stream: Stream, declared: Terminator) -> Iterator[Finding]:
    if stream.transcript.terminators.kinds <= {declared}:
        return
    lines = split_lines(stream.transcript.body)
    if not stream.is_read_to_end:
        # A CR that we read last may be the first half of a CRLF.
        lines = lines[:-1]
    others = [line for line in lines if line.terminator not in (declared, None)]
    if others:
        first = others[0]
        yield stream.find(
            f"every line to end in {declared}",
            f"{len(others)} of {len(lines)} lines that do not, "
            f"the first of them in {first.terminator}",
            offset=first.start,
        )


@check("framing.line-length")
def judge_line_length(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find lines that overrun the buffers of common clients."""
    longest = profile.framing.max_line_bytes
    for stream in spoken(evidence, profile):
        body = stream.transcript.body
        if len(body) <= longest:
            continue
        for line in split_lines(body):
            size = line.end - line.start
            if size > longest:
                yield stream.find(
                    f"lines of at most {longest} bytes",
                    f"a line of {size} bytes",
                    offset=line.start,
                )
                break


@check("framing.not-formatted-twice")
def judge_not_formatted_twice(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find data that is a finished frame itself: `data: data: …`."""
    found = [
        stream.find(
            "data that is the payload itself",
            f"{event.name} whose data is a field line: {show(event.wire.data)}",
            event=event,
        )
        for stream in spoken(evidence, profile)
        for event in stream.events
        if event.wire.data.startswith(_FORMATTED)
    ]
    yield from few(found, "events")


@check("framing.data-is-json")
def judge_data_is_json(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find events whose data is not one JSON document."""
    found: list[Finding] = []
    for stream in spoken(evidence, profile):
        found += [
            stream.find(
                "data that is one JSON document",
                f"event {event.wire.type!r} with data {show(event.wire.data)}",
                event=event,
            )
            for event in stream.events
            if event.data is MISSING
        ]
    yield from few(found, "events")


@check("framing.text-survives")
def judge_text_survives(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the text of the first call that is shown against what the model said."""
    stream = the_stream(evidence, "stream", profile)
    said = _said(evidence, stream, profile)
    got = "".join(stream.token_text(event) for event in stream.tokens())
    if got.startswith(said):
        return
    same = next(
        (
            n
            for n, pair in enumerate(zip(said, got, strict=False))
            if len(set(pair)) > 1
        ),
        min(len(said), len(got)),
    )
    around = slice(max(0, same - 10), same + 20)
    yield stream.find(
        f"the model's text unchanged: …{show(said[around])}…",
        f"another text from character {same + 1} on: …{show(got[around])}…",
        event=_event_of_character(stream, same),
    )


def _said(evidence: Evidence, stream: Stream, profile: Profile) -> str:
    """Return what the model was told to say; `Untestable` if it did not speak."""
    if not watched(evidence, stream.exchange, profile).sent:
        raise Untestable("the model was not heard: it sent no token")
    return str(evidence.facts["text"])


def _event_of_character(stream: Stream, position: int) -> TypedEvent | None:
    """Return the token event that carries that character of the joined text."""
    for event in stream.tokens():
        position -= len(stream.token_text(event))
        if position < 0:
            return event
    return None


@check("framing.no-forged-events")
def judge_no_forged_events(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find events that the model's text, not the server, put on the wire.

    The text carries lines that look like fields. None of their values may come back as
    the type, the id or the whole data of an event.
    """
    stream = the_stream(evidence, "stream", profile)
    lines = _said(evidence, stream, profile).splitlines()
    fields = [found.groups() for line in lines if (found := _FIELD_LINE.match(line))]
    forged = {field: {v for f, v in fields if f == field} for field, _ in fields}
    known = known_types(profile)
    for event in stream.transcript.events:
        item = event.item
        if _is_forged(item, forged, known):
            yield stream.find(
                "only the server's own events, whatever the model says",
                f"an event of type {item.type!r}, id {item.id!r} and data "
                f"{show(item.data)}, which is text of the model",
                offset=item.start,
                at=event.at,
            )


def _is_forged(item: Event, forged: dict[str, set[str]], known: frozenset[str]) -> bool:
    types = forged.get("event", set()) - known
    return (
        item.event_field in types
        or item.id in forged.get("id", set())
        or item.data in forged.get("data", set())
    )
