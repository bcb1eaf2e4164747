"""Server-Sent Events writer: the fields of one event in, the bytes of one block out.

Pure, and imports nothing of this package. It must not know what the data means, number
events or decide when one is sent. Output follows the event stream grammar of
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream:
UTF-8, LF line ends, one block per event, each closed by an empty line.
"""

import re

_LINE_END = re.compile(r"\r\n|\r|\n")
_FORBIDDEN_IN_NAME = re.compile(r"[\r\n]")
_FORBIDDEN_IN_ID = re.compile(r"[\r\n\0]")


def encode(
    data: str,
    *,
    event: str | None = None,
    id: str | None = None,  # noqa: A002 -- the field is called `id` in the standard
    retry_ms: int | None = None,
) -> bytes:
    """Return the block of one event.

    `retry` comes first, so that a block which carries one is known by its first bytes
    (see `with_retry`).

    Raises:
        ValueError: if `event` or `id` cannot be expressed in the stream.
    """
    lines = []
    if retry_ms is not None:
        lines.append(_retry_line(retry_ms))
    if event is not None:
        if _FORBIDDEN_IN_NAME.search(event):
            raise ValueError(f"expected an event name on one line, got {event!r}")
        lines.append(f"event: {event}\n")
    if id is not None:
        # "If the field value does not contain U+0000 NULL, then set the last event ID
        # buffer to the field value. Otherwise, ignore the field."
        if _FORBIDDEN_IN_ID.search(id):
            raise ValueError(f"expected an id without line end or NUL, got {id!r}")
        lines.append(f"id: {id}\n")
    # CR and CRLF end a line too; str.splitlines() would also split at U+2028 and others
    # that are ordinary characters here. An empty payload still needs its data line.
    lines.extend(f"data: {line}\n" for line in _LINE_END.split(data))
    lines.append("\n")
    return "".join(lines).encode()


def comment(text: str) -> bytes:
    """Return a comment block; no client dispatches anything for it."""
    lines = [f": {line}\n" for line in _LINE_END.split(text)]
    return "".join([*lines, "\n"]).encode()


def with_retry(block: bytes, retry_ms: int) -> bytes:
    """Add a `retry` field to an encoded event that has none of its own."""
    if block.startswith(b"retry:"):
        return block
    return _retry_line(retry_ms).encode() + block


def _retry_line(retry_ms: int) -> str:
    # "If the field value consists of only ASCII digits" -- anything else is ignored.
    if retry_ms < 0:
        raise ValueError(f"expected a retry time of 0 ms or more, got {retry_ms}")
    return f"retry: {retry_ms}\n"
