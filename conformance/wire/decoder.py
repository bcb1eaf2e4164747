"""Bytes of an event stream in, events out: HTML 9.2.5 and 9.2.6, incremental.

Must not read a clock, log, or judge. Must not raise on any bytes, save for the limits.

Theory of operation. Bytes are cut at line ends first and decoded after, which `lines`
justifies; so a character split over two chunks needs no care. What follows the last
line end waits in `_tail`; only new bytes are searched for a line end and the tail is
copied once, when its line is complete: O(n) for any chunking. A CR ends a line at
once; an LF at the very start of the next bytes then belongs to it and is swallowed.

Complete lines take one of two ways to the `Interpreter`, which holds the rules:
- `_take_plain`: every line ends in LF, or every line in CRLF, the text is UTF-8, and no
  limit can be reached; all lines are decoded in one go;
- `_take_exact`: anything else; each line is measured, decoded and counted by itself.
They give the same result wherever both apply; a property test holds them to it.

Retained between calls: at most one incomplete line (`max_line_bytes`), the fields of
one incomplete block (`max_event_bytes` on the wire; as Python text about as much, and
ten times as much if it is all data lines of one character), `MAX_ANOMALIES` anomalies.

Quotes are from https://html.spec.whatwg.org/multipage/server-sent-events.html, section
"Interpreting an event stream" (#event-stream-interpretation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from .anomalies import Anomaly, AnomalyKind, AnomalyLog
from .errors import DecoderClosed, LimitExceeded, LimitKind
from .interpreter import Interpreter
from .lines import Terminator, Terminators, terminator_of

if TYPE_CHECKING:
    from .events import Item

MAX_LINE_BYTES = 1 << 20
"""A line without its terminator. Whole documents travel in one `data:` line; a megabyte
is ten times what the public protocols we know are seen to send."""

MAX_EVENT_BYTES = 8 << 20
"""A block from its first field line on: room for several full lines."""

MAX_ANOMALIES = 1000
"""Enough to see a pattern; a stream wrong in each event must not fill memory."""

_BOM = b"\xef\xbb\xbf"
_CR = 0x0D
_LF = Terminator.LF
_CRLF = Terminator.CRLF


class Decoder:
    """Decode one event stream body, chunk by chunk.

    The items, their spans, the anomalies and the counters do not depend on how the
    body was cut into chunks.

    Attributes:
        offset: body bytes taken so far.
    """

    def __init__(
        self,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_event_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        self.offset = 0
        self._max_line_bytes = max_line_bytes
        self._max_event_bytes = max_event_bytes
        self._log = AnomalyLog(limit=MAX_ANOMALIES)
        self._stream = Interpreter(self._log)
        self._is_over = False  # closed, or a limit was exceeded
        self._exceeded: tuple[LimitKind, int, int] | None = None  # which, bytes, where
        self._tail = bytearray()  # bytes after the last line end
        self._after_cr = False  # the last byte ended a line and is a CR
        self._ends = dict.fromkeys(Terminator, 0)
        self._first_end: Terminator | None = None
        self._is_mixed = False  # line ends differ, and that has been noted

    @property
    def last_event_id(self) -> str:
        """The last event ID string: what a reconnecting client would send."""
        return self._stream.last_event_id

    @property
    def reconnection_time_ms(self) -> int | None:
        """The last valid `retry` value; None before the first."""
        return self._stream.reconnection_time_ms

    @property
    def comment_count(self) -> int:
        """Comment lines so far."""
        return self._stream.comment_count

    @property
    def anomalies(self) -> list[Anomaly]:
        """The anomalies found so far, in order, at most `MAX_ANOMALIES`."""
        return list(self._log.found)

    @property
    def anomalies_omitted(self) -> int:
        """How many anomalies were found after the log was full."""
        return self._log.omitted

    @property
    def terminators(self) -> Terminators:
        """How the lines so far ended; a CR at the very end counts as CR for now."""
        return Terminators(
            lf=self._ends[Terminator.LF],
            cr=self._ends[Terminator.CR] + self._after_cr,
            crlf=self._ends[Terminator.CRLF],
        )

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the body and return the items they complete.

        Raises:
            LimitExceeded: a line or a block is too large; what this call had decoded
                before is in its `items`. Each further call raises it, without items.
            DecoderClosed: the decoder was closed.
        """
        if self._is_over:
            self._refuse()
        if self._after_cr and data:
            data = self._settle_cr(data)
        start = self.offset
        size = len(data)
        self.offset += size
        items: list[Item] = []
        cut = data.rfind(b"\n") + 1
        if _CR in data:
            cut = max(cut, data.rfind(b"\r") + 1)
        if cut:
            lines = data if cut == size else data[:cut]
            if self._tail:
                start -= len(self._tail)
                lines = b"".join((self._tail, lines))
                self._tail.clear()
            if not self._take_plain(lines, start, items):
                self._take_exact(lines, start, items)
        if cut < size:
            self._tail += data[cut:] if cut else data
            self._check_limits(self.offset - len(self._tail), self.offset, items)
        return items

    def close(self) -> list[Item]:
        """Take the end of the body; a second call does nothing.

        The list is always empty: "Once the end of the file is reached, any pending
        data must be discarded. (If the file ends in the middle of an event, before the
        final empty line, the incomplete event is not dispatched.)"
        """
        if self._is_over:
            return []
        self._is_over = True
        if self._after_cr:
            self._settle_cr(b"")
        self._note_unclosed(bytes(self._tail))
        self._discard()
        return []

    def _note_unclosed(self, tail: bytes) -> None:
        """Note what the end of the body leaves open."""
        tail_start = self.offset - len(tail)
        if tail_start == 0:
            tail = tail.removeprefix(_BOM)
        block, comment = self._stream.block_start, self._stream.unclosed_comment
        if block >= 0 or (tail and not tail.startswith(b":")):
            kind = AnomalyKind.EVENT_NOT_CLOSED
            start = block if block >= 0 else tail_start
        elif comment >= 0 or tail:
            kind = AnomalyKind.COMMENT_NOT_CLOSED
            start = comment if comment >= 0 else tail_start
        else:
            return
        detail = "expected a blank line before the end of the body"
        self._log.add(kind, start, self.offset, detail)

    def _refuse(self) -> NoReturn:
        if self._exceeded is not None:
            limit, max_bytes, offset = self._exceeded
            raise LimitExceeded(limit=limit, max_bytes=max_bytes, offset=offset)
        raise DecoderClosed("expected no more bytes after close()")

    # Cutting into lines

    def _take_plain(self, lines: bytes, start: int, items: list[Item]) -> bool:
        """Process complete lines that all end alike, or refuse and change nothing."""
        block_start = self._stream.block_start
        size = len(lines)
        if (
            size > self._max_line_bytes
            or (start - block_start if block_start >= 0 else 0) + size
            > self._max_event_bytes
            or (start == 0 and lines.startswith(_BOM))
        ):
            return False
        kind = _LF
        if _CR in lines:
            kind = _CRLF
            unified = lines.replace(b"\r\n", b"\n")
            if _CR in unified or unified.count(b"\n") != size - len(unified):
                return False
            lines = unified
        if self._first_end is not kind and self._first_end and not self._is_mixed:
            return False
        try:
            text = lines.decode()
        except UnicodeDecodeError:
            return False
        if "\0" in text:  # perhaps in an id
            return False
        self._first_end = self._first_end or kind
        self._ends[kind] += self._stream.take_text(
            text, start, 1 if kind is _LF else 2, items
        )
        return True

    def _take_exact(self, lines: bytes, start: int, items: list[Item]) -> None:
        """Process complete lines of any kind, one by one."""
        for raw in lines.splitlines(keepends=True):
            content = raw.rstrip(b"\r\n")
            content_end = start + len(content)
            self._check_limits(start, content_end, items)
            line = self._decode(content, start)
            # The line ends with the first byte of its terminator, see `events`.
            self._stream.take_line(line, start, content_end + 1, items)
            start += len(raw)
            terminator = terminator_of(raw)
            if terminator is Terminator.CR and start == self.offset:
                self._after_cr = True  # the last byte there is: perhaps half a CRLF
            elif terminator is not None:
                self._count_end(terminator, content_end)

    def _settle_cr(self, data: bytes) -> bytes:
        """Settle what the CR before `data` was; return `data` without its LF."""
        self._after_cr = False
        cr_at = self.offset - 1
        if not data.startswith(b"\n"):
            self._count_end(Terminator.CR, cr_at)
            return data
        self._count_end(Terminator.CRLF, cr_at)
        self.offset += 1
        return data[1:]

    def _count_end(self, terminator: Terminator, start: int) -> None:
        self._ends[terminator] += 1
        if self._first_end is None:
            self._first_end = terminator
        elif terminator is not self._first_end and not self._is_mixed:
            self._is_mixed = True
            end = start + (2 if terminator is Terminator.CRLF else 1)
            detail = (
                f"expected {self._first_end} as in the first line, got {terminator}"
            )
            self._log.add(AnomalyKind.MIXED_LINE_ENDS, start, end, detail)

    def _decode(self, content: bytes, start: int) -> str:
        """Decode one line.

        "Streams must be decoded using the UTF-8 decode algorithm." It "strips one
        leading UTF-8 Byte Order Mark (BOM), if any", and replaces each maximal subpart
        of an ill-formed sequence by U+FFFD, which is what Python's "replace" does.
        """
        if start == 0 and content.startswith(_BOM):
            content = content.removeprefix(_BOM)
            detail = (
                "expected no byte order mark; it is stripped, but not by all clients"
            )
            self._log.add(AnomalyKind.BOM_AT_START, 0, len(_BOM), detail)
            start = len(_BOM)
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            bad = content[error.start : error.end].hex(" ")
            detail = f"expected UTF-8, got {bad} at byte {start + error.start}"
            end = start + len(content)
            self._log.add(AnomalyKind.INVALID_UTF8, start, end, detail)
            return content.decode(errors="replace")

    # Limits

    def _check_limits(self, start: int, end: int, items: list[Item]) -> None:
        """Refuse a line, complete or not, that runs over one of the limits."""
        block_start = self._stream.block_start
        line_limit = start + self._max_line_bytes
        event_limit = self._max_event_bytes + (
            start if block_start < 0 else block_start
        )
        if end <= min(line_limit, event_limit):
            return
        limit, max_bytes = LimitKind.EVENT, self._max_event_bytes
        if line_limit <= event_limit:
            limit, max_bytes = LimitKind.LINE, self._max_line_bytes
        offset = min(line_limit, event_limit)
        self._discard()
        self._is_over = True
        self._exceeded = limit, max_bytes, offset
        raise LimitExceeded(
            limit=limit, max_bytes=max_bytes, offset=offset, items=items
        )

    def _discard(self) -> None:
        self._tail.clear()
        self._stream.discard()
