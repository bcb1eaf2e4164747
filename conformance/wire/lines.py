"""Lines of a body and how they end.

Must not decode text: a line here is a span of bytes.

Theory: HTML 9.2.6 names "the ways in which a line can end": "a U+000D CARRIAGE RETURN
U+000A LINE FEED (CRLF) character pair, a single U+000A LINE FEED (LF) character not
preceded by a U+000D CARRIAGE RETURN (CR) character, and a single U+000D CARRIAGE RETURN
(CR) character not followed by a U+000A LINE FEED (LF) character". Nothing else ends a
line, U+0085, U+2028 and U+2029 included. In UTF-8 the bytes 0D and 0A occur only as
CR and LF, so bytes can be split before they are decoded; `bytes.splitlines` splits at
exactly these three, other than `str.splitlines`.
https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Terminator(StrEnum):
    """How a line ended."""

    LF = "LF"
    CR = "CR"
    CRLF = "CRLF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a body.

    Attributes:
        start: body offset of the first byte.
        end: body offset past the terminator, both bytes of a CRLF included.
        terminator: how the line ended; None for a tail that did not end.
    """

    start: int
    end: int
    terminator: Terminator | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminators:
    """How many lines ended in which way."""

    lf: int = 0
    cr: int = 0
    crlf: int = 0

    @property
    def kinds(self) -> frozenset[Terminator]:
        """The terminators that occur at all."""
        counts = {
            Terminator.LF: self.lf,
            Terminator.CR: self.cr,
            Terminator.CRLF: self.crlf,
        }
        return frozenset(kind for kind, count in counts.items() if count)


def terminator_of(raw: bytes) -> Terminator | None:
    """Say how `raw`, one line with its terminator, ends."""
    if raw.endswith(b"\r\n"):
        return Terminator.CRLF
    if raw.endswith(b"\n"):
        return Terminator.LF
    if raw.endswith(b"\r"):
        return Terminator.CR
    return None


def split_lines(body: bytes) -> tuple[Line, ...]:
    """Split a whole body into lines; a tail without terminator is the last line."""
    lines = []
    start = 0
    for raw in body.splitlines(keepends=True):
        end = start + len(raw)
        lines.append(Line(start=start, end=end, terminator=terminator_of(raw)))
        start = end
    return tuple(lines)
