"""The bytes of a streamed body in another guise: line ends, a mark, comments, faults.

Works on whole frames as a provider encodes them, and only on what is around their
JSON: a line end there is never part of a text, because JSON escapes those. Events
stay the same events in any shape; `break_frame` and `repeat_frame` are the exceptions.
Rules of events after
https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
Pure. Must not know any provider, HTTP framing, or when anything leaves.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..errors import ScriptError
from ..providers.provider import Syntax

if TYPE_CHECKING:
    from ..script import Wire

__all__ = ["Shape", "break_frame", "payload_of", "repeat_frame"]

BOM: Final = "\ufeff".encode()
NEWLINES: Final = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}
# A frame and what ends it; what a stream's end cuts off is one too.
_FRAMES: Final = {
    Syntax.EVENTS: re.compile(rb"(?:[^\r\n]+\r?\n)+(?:\r?\n)?"),
    Syntax.LINES: re.compile(rb".*\n"),
    Syntax.ARRAY: re.compile(rb".+", re.DOTALL),
}
# What only events can have, and how a wire says that it is as ever.
_OF_EVENTS: Final = (
    ("comment", None),
    ("space", True),
    ("ids", False),
    ("event", None),
    ("remark", None),
)
_OF_EVENTS_ALONE: Final = {"comment": "no comments", "remark": "no comments"}
_FIELD: Final = re.compile(rb"^(data|event|id): ")
# What stands before the first element, and before all others.
_BEFORE_ELEMENT: Final = re.compile(rb"\A(?:\[|,\r\n)")


class Shape:
    """What a `wire` makes of a body, one piece after the other."""

    def __init__(self, wire: Wire, syntax: Syntax) -> None:
        """Take what is asked for and what the frames are.

        Raises:
            ScriptError: for comments where there are none.
        """
        asked = [name for name, plain in _OF_EVENTS if getattr(wire, name) != plain]
        if asked and syntax is not Syntax.EVENTS:
            raise ScriptError(
                f"[[fake:wire {asked[0]}]]: expected a stream of events, got {syntax} "
                f"of JSON, which have {_OF_EVENTS_ALONE.get(asked[0], 'no fields')}"
            )
        self._wire = wire
        self._is_relined = bool(set(asked) - {"comment"})
        self._events = 0
        self._newline = NEWLINES[wire.newline] if wire.newline else None
        self._before = BOM if wire.bom else b""
        self._comment = None if wire.comment is None else f": {wire.comment}".encode()

    def dress(self, frames: bytes) -> bytes:
        """Return the frames with their comments and line ends; none stays none."""
        if self._is_relined:
            events = _FRAMES[Syntax.EVENTS].findall(frames)
            frames = b"".join(self._reline(event) for event in events)
        if self._comment is not None:
            frames = self._announce(frames, self._comment)
        if self._newline is not None:
            frames = _end_lines(frames, self._newline)
        return frames

    def open(self, body: bytes) -> bytes:
        """Put the mark before the first bytes that leave; none stays none."""
        if not body or not self._before:
            return body
        before, self._before = self._before, b""
        return before + body

    def _reline(self, event: bytes) -> bytes:
        """Add lines to one event, and take the space out of its fields."""
        if not event.startswith((b"data:", b"event:")):
            return event
        newline = b"\r\n" if b"\r\n" in event else b"\n"
        lines = event.split(newline)
        if self._wire.event is not None and not event.startswith(b"event:"):
            lines.insert(0, f"event: {self._wire.event}".encode())
        if self._wire.ids:
            self._events += 1
            lines.insert(0, f"id: {self._events}".encode())
        if not self._wire.space:
            lines = [_FIELD.sub(rb"\1:", line) for line in lines]
        if self._wire.remark is not None:
            lines.insert(1, f": {self._wire.remark}".encode())
        return newline.join(lines)

    def _announce(self, frames: bytes, comment: bytes) -> bytes:
        """Put a comment before every event, in a block of its own.

        "a complete comment line, between events only": a line of the same block would
        split the event for readers that read by lines.
        """
        events = _FRAMES[Syntax.EVENTS].findall(frames)
        newline = b"\r\n" if b"\r\n" in frames else b"\n"
        before = comment + newline * 2
        return b"".join(
            event if event.startswith(b":") else before + event for event in events
        )


def _end_lines(frames: bytes, newline: bytes) -> bytes:
    """End every line alike; a tenth of the time that a pattern would take."""
    frames = frames.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return frames if newline == b"\n" else frames.replace(b"\n", newline)


def break_frame(frames: bytes) -> bytes:
    """Take the last brace out of the last frame, so that it is no JSON any more."""
    before, _, after = frames.rpartition(b"}")
    return before + after


def repeat_frame(frames: bytes, syntax: Syntax) -> bytes:
    """Say the last frame twice."""
    last = _FRAMES[syntax].findall(frames)[-1]
    if syntax is Syntax.ARRAY:
        return frames + b",\r\n" + _BEFORE_ELEMENT.sub(b"", last)
    return frames + bytes(last)


def payload_of(frame: bytes, syntax: Syntax) -> bytes:
    """Return the JSON of one frame."""
    if syntax is Syntax.EVENTS:
        frame = frame.partition(b"data: ")[2]
    return _BEFORE_ELEMENT.sub(b"", frame).strip()
