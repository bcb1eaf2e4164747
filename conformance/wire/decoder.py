"""Bytes of an event stream in, events out: HTML 9.2.5 and 9.2.6, incremental.

Must not read a clock, log, or judge. Must not raise on any bytes, save for the limits.

Theory of operation. Bytes are cut at line ends first and decoded after, which `lines`
justifies; so a character split over two chunks needs no care. What follows the last
line end waits in `_tail`; only new bytes are searched for a line end and the tail is
copied once, when its line is complete: O(n) for any chunking. A CR ends a line at
once; an LF at the very start of the next bytes then belongs to it and is swallowed.

Complete lines take one of two ways to `_line`, which holds the rules:
- `_feed_plain`: every line ends in LF, the text is UTF-8, and no limit can be reached.
  All lines are decoded in one go, and the two commonest lines are handled in place.
- `_feed_exact`: anything else; every line is measured, decoded and counted by itself.
They give the same result wherever both apply; a property test holds them to it.

Retained between calls: at most one incomplete line and the fields of one incomplete
block, so `max_event_bytes` of wire bytes (as text, four bytes for each at worst), and
`MAX_ANOMALIES` anomalies.

Quotes are from https://html.spec.whatwg.org/multipage/server-sent-events.html, section
"Interpreting an event stream" (#event-stream-interpretation).
"""

from __future__ import annotations

from typing import NoReturn

from .anomalies import Anomaly, AnomalyKind, AnomalyLog
from .errors import DecoderClosed, LimitExceeded, LimitKind
from .events import Block, Comment, Item, make_event
from .lines import Terminator, Terminators, terminator_of

MAX_LINE_BYTES = 1 << 20
"""A line without its terminator. Anthropic and OpenAI send whole documents in one
`data:` line; the largest seen in the protocols we know are some 100 KiB."""

MAX_EVENT_BYTES = 8 << 20
"""A block from its first field line on: room for several full lines."""

MAX_ANOMALIES = 1000
"""Enough to see a pattern; a stream that is wrong in each event must not fill memory."""

MAX_RETRY_MS = 2**63 - 1
"""Larger `retry` values are taken as this one: 292 million years, so no timer can tell
the difference, and `int` refuses more than 4,300 digits anyhow."""

_BOM = b"\xef\xbb\xbf"
_SHOWN = 40  # characters of a bad value that an anomaly quotes


class Decoder:
    """Decode one event stream body, chunk by chunk.

    The items, their spans, the anomalies and the counters do not depend on how the
    body was cut into chunks.

    Attributes:
        last_event_id: the last event ID string: what a client would send as
            `Last-Event-ID` if the connection broke now.
        reconnection_time_ms: the last valid `retry` value; None before the first.
        comment_count: comment lines so far.
        offset: body bytes consumed so far.
    """

    def __init__(
        self,
        *,
        max_line_bytes: int = MAX_LINE_BYTES,
        max_event_bytes: int = MAX_EVENT_BYTES,
    ) -> None:
        self.last_event_id = ""
        self.reconnection_time_ms: int | None = None
        self.comment_count = 0
        self.offset = 0
        self._max_line_bytes = max_line_bytes
        self._max_event_bytes = max_event_bytes
        self._log = AnomalyLog(limit=MAX_ANOMALIES)
        self._closed = False
        self._exceeded: LimitExceeded | None = None
        # lines
        self._tail = bytearray()  # bytes after the last line end
        self._after_cr = False  # the last byte seen was a CR that ended a line
        self._line_ends = dict.fromkeys(Terminator, 0)
        self._expected_end: Terminator | None = None  # how the first line ended
        self._is_mixed = False  # line ends differ, and that has been reported
        self._unclosed_comment: int | None = None  # first comment after a blank line
        # "When a stream is parsed, a data buffer, an event type buffer, and a last
        # event ID buffer must be associated with it. They must be initialized to the
        # empty string." The data buffer is a list of lines here: no line, empty buffer.
        self._data: list[str] = []
        self._event_field: str | None = None
        self._id_buffer = ""
        # facts about the block at hand
        self._block_start = -1  # -1: no field line yet
        self._id: str | None = None
        self._retry_ms: int | None = None
        self._has_id = False
        self._has_retry = False

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """The anomalies found so far, in order, at most `MAX_ANOMALIES`."""
        return tuple(self._log.found)

    @property
    def anomalies_omitted(self) -> int:
        """How many anomalies were found after the log was full."""
        return self._log.omitted

    @property
    def terminators(self) -> Terminators:
        """How the lines so far ended; a CR at the very end counts as CR for now."""
        ends = self._line_ends
        return Terminators(
            lf=ends[Terminator.LF],
            cr=ends[Terminator.CR] + self._after_cr,
            crlf=ends[Terminator.CRLF],
        )

    def feed(self, data: bytes) -> list[Item]:
        """Take the next bytes of the body and return the items they complete.

        Raises:
            LimitExceeded: a line or a block is too large; what this call had decoded
                before is in its `items`. Each further call raises it again.
            DecoderClosed: the decoder was closed.
        """
        if self._closed:
            raise DecoderClosed("expected no more bytes after close()")
        if self._exceeded is not None:
            raise self._exceeded
        if self._after_cr and data:
            data = self._end_cr(data)
        last_cr = data.rfind(b"\r")
        cut = max(data.rfind(b"\n"), last_cr) + 1
        if not cut:
            self._tail += data
            self.offset += len(data)
            self._check_tail([])
            return []
        start = self.offset - len(self._tail)
        lines = bytes(self._tail) + data[:cut] if self._tail else data[:cut]
        self._tail[:] = data[cut:]
        self.offset += len(data)
        items: list[Item] = []
        if last_cr >= 0 or not self._feed_plain(lines, start, items):
            self._feed_exact(lines, start, items)
        if self._tail:
            self._check_tail(items)
        return items

    def close(self) -> list[Item]:
        """Take the end of the body.

        The list is always empty: "Once the end of the file is reached, any pending
        data must be discarded. (If the file ends in the middle of an event, before the
        final empty line, the incomplete event is not dispatched.)"
        """
        if self._closed or self._exceeded is not None:
            return []
        self._closed = True
        if self._after_cr:
            self._end_line(Terminator.CR, self.offset - 1)
            self._after_cr = False
        tail_start = self.offset - len(self._tail)
        tail_is_field = self._tail[:1] not in (b"", b":") and self._tail != _BOM
        if self._block_start >= 0 or tail_is_field:
            start = self._block_start if self._block_start >= 0 else tail_start
            self._note(
                AnomalyKind.EVENT_NOT_CLOSED,
                start,
                self.offset,
                "expected a blank line before the end of the body",
            )
        elif self._unclosed_comment is not None or self._tail:
            start = tail_start
            if self._unclosed_comment is not None:
                start = self._unclosed_comment
            self._note(
                AnomalyKind.COMMENT_NOT_CLOSED,
                start,
                self.offset,
                "expected a blank line after the last comment",
            )
        self._tail.clear()
        return []

    # Cutting into lines

    def _feed_plain(self, lines: bytes, start: int, items: list[Item]) -> bool:
        """Process complete lines that all end in LF, or refuse and change nothing."""
        first = start if self._block_start < 0 else self._block_start
        if (
            len(lines) > self._max_line_bytes
            or start + len(lines) - first > self._max_event_bytes
            or not start
            or not (self._expected_end is Terminator.LF or self._is_mixed)
        ):
            return False
        try:
            text = lines.decode()
        except UnicodeDecodeError:
            return False
        is_ascii = len(text) == len(lines)
        rows = text.split("\n")
        rows.pop()  # the text ends in LF
        self._line_ends[Terminator.LF] += len(rows)
        for row in rows:
            end = start + (len(row) if is_ascii else len(row.encode())) + 1
            self._line(row, start, end, items)
            start = end
        return True

    def _feed_exact(self, lines: bytes, start: int, items: list[Item]) -> None:
        """Process complete lines of any kind, one by one."""
        for raw in lines.splitlines(keepends=True):
            content = raw.rstrip(b"\r\n")
            content_end = start + len(content)
            self._check_limits(start, content_end, items)
            row = self._decode(content, start)
            # The line ends with the first byte of its terminator, see `events`.
            self._line(row, start, content_end + 1, items)
            start += len(raw)
            terminator = terminator_of(raw)
            if terminator is Terminator.CR and start == self.offset - len(self._tail):
                self._after_cr = True  # perhaps half of a CRLF
            elif terminator is not None:
                self._end_line(terminator, content_end)

    def _end_cr(self, data: bytes) -> bytes:
        """Settle what the CR before `data` was; return `data` without its LF."""
        self._after_cr = False
        if not data.startswith(b"\n"):
            self._end_line(Terminator.CR, self.offset - 1)
            return data
        self._end_line(Terminator.CRLF, self.offset - 1)
        self.offset += 1
        return data[1:]

    def _end_line(self, terminator: Terminator, start: int) -> None:
        self._line_ends[terminator] += 1
        if self._expected_end is None:
            self._expected_end = terminator
        elif terminator is not self._expected_end and not self._is_mixed:
            self._is_mixed = True
            self._note(
                AnomalyKind.MIXED_LINE_ENDS,
                start,
                start + (2 if terminator is Terminator.CRLF else 1),
                f"expected {self._expected_end} as in the first line, got {terminator}",
            )

    def _decode(self, content: bytes, start: int) -> str:
        """Decode one line.

        "Streams must be decoded using the UTF-8 decode algorithm." It "strips one
        leading UTF-8 Byte Order Mark (BOM), if any", and replaces each maximal subpart
        of an ill-formed sequence by U+FFFD, which is what Python's "replace" does.
        """
        if start == 0 and content.startswith(_BOM):
            content = content[len(_BOM) :]
            detail = "stripped, as it must be; many clients do not"
            self._note(AnomalyKind.BOM_AT_START, 0, len(_BOM), detail)
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            bad = content[error.start : error.end].hex(" ")
            detail = f"expected UTF-8, got {bad} at byte {error.start} of the line"
            self._note(
                AnomalyKind.INVALID_UTF8, start, start + len(content), detail=detail
            )
            return content.decode(errors="replace")

    # Limits

    def _check_tail(self, items: list[Item]) -> None:
        self._check_limits(self.offset - len(self._tail), self.offset, items)

    def _check_limits(self, start: int, end: int, items: list[Item]) -> None:
        """Refuse a line, complete or not, that runs over one of the limits."""
        block_start = self._block_start if self._block_start >= 0 else start
        line_limit = start + self._max_line_bytes
        event_limit = block_start + self._max_event_bytes
        if end > min(line_limit, event_limit):
            self._exceed(line_limit, event_limit, items)

    def _exceed(self, line_limit: int, event_limit: int, items: list[Item]) -> NoReturn:
        self._tail.clear()
        self._data.clear()
        is_line = line_limit <= event_limit
        kind = LimitKind.LINE if is_line else LimitKind.EVENT
        max_bytes = self._max_line_bytes if is_line else self._max_event_bytes
        offset = min(line_limit, event_limit)
        self._exceeded = LimitExceeded(limit=kind, max_bytes=max_bytes, offset=offset)
        raise LimitExceeded(limit=kind, max_bytes=max_bytes, offset=offset, items=items)

    # Interpreting lines

    def _line(self, line: str, start: int, end: int, items: list[Item]) -> None:
        if not line:
            # "If the line is empty (a blank line): Dispatch the event"
            self._unclosed_comment = None
            if self._block_start >= 0:
                self._dispatch(end, items)
            return
        if line[0] == ":":
            # "If the line starts with a U+003A COLON character (:): Ignore the line."
            self._comment(line, start, end, items)
            return
        # "Collect the characters on the line before the first U+003A COLON character
        # (:), and let field be that string. Collect the characters on the line after
        # the first U+003A COLON character (:), and let value be that string."
        # Without a colon: "using the whole line as the field name, and the empty
        # string as the field value."
        field, colon, value = line.partition(":")
        # "If value starts with a U+0020 SPACE character, remove it from value."
        if value.startswith(" "):
            value = value[1:]
        if self._block_start < 0:
            self._block_start = start
        self._field(field, value, start, end)
        if not colon and field in {"data", "event", "id", "retry"}:
            detail = f"expected {field!r} to be followed by a colon"
            self._note(AnomalyKind.FIELD_WITHOUT_COLON, start, end, detail)

    def _comment(self, line: str, start: int, end: int, items: list[Item]) -> None:
        self.comment_count += 1
        inside = self._block_start >= 0
        items.append(Comment(text=line[1:], start=start, end=end, inside_block=inside))
        if inside:
            detail = "expected comments between blocks only"
            self._note(AnomalyKind.COMMENT_IN_BLOCK, start, end, detail)
        elif self._unclosed_comment is None:
            self._unclosed_comment = start

    def _field(self, field: str, value: str, start: int, end: int) -> None:
        """Process a field.

        "Field names must be compared literally, with no case folding performed."
        """
        if field == "data":
            # "Append the field value to the data buffer, then append a single U+000A
            # LINE FEED (LF) character to the data buffer." The LF is implied by the
            # list, and dispatch removes the last one.
            self._data.append(value)
            if value.startswith("data:"):
                detail = "the value starts with 'data:' itself"
                self._note(AnomalyKind.DATA_PREFIX_TWICE, start, end, detail)
        elif field == "event":
            # "Set the event type buffer to field value."
            if self._event_field is not None:
                self._note_duplicate(field, start, end)
            self._event_field = value
        elif field == "id":
            self._id_field(value, start, end)
        elif field == "retry":
            self._retry_field(value, start, end)
        else:
            # "Otherwise: The field is ignored."
            self._unknown_field(field, start, end)

    def _id_field(self, value: str, start: int, end: int) -> None:
        if self._has_id:
            self._note_duplicate("id", start, end)
        self._has_id = True
        # "If the field value does not contain U+0000 NULL, then set the last event ID
        # buffer to the field value. Otherwise, ignore the field."
        if "\0" in value:
            detail = f"expected an id without NUL, got {_shown(value)}"
            self._note(AnomalyKind.NUL_IN_ID, start, end, detail)
            return
        self._id_buffer = self._id = value

    def _retry_field(self, value: str, start: int, end: int) -> None:
        if self._has_retry:
            self._note_duplicate("retry", start, end)
        self._has_retry = True
        # "If the field value consists of only ASCII digits, then interpret the field
        # value as an integer in base ten, and set the event stream's reconnection time
        # to that integer. Otherwise, ignore the field."
        # XX: an empty value consists of only ASCII digits too, but is no integer; it is
        # ignored here, as in browsers (web-platform-tests, format-field-retry-empty).
        if not (value.isascii() and value.isdigit()):
            detail = f"expected ASCII digits, got {_shown(value)}"
            self._note(AnomalyKind.BAD_RETRY, start, end, detail)
            return
        digits = value.lstrip("0")
        is_sane = len(digits) < len(str(MAX_RETRY_MS))
        self._retry_ms = int(digits or "0") if is_sane else MAX_RETRY_MS
        self.reconnection_time_ms = self._retry_ms
        if not is_sane:
            detail = f"expected a time a timer can hold, got {_shown(value)}"
            self._note(AnomalyKind.BAD_RETRY, start, end, detail)

    def _unknown_field(self, field: str, start: int, end: int) -> None:
        if field.startswith("\ufeff"):
            detail = f"expected no byte order mark after byte 0, got {_shown(field)}"
            self._note(AnomalyKind.MISPLACED_BOM, start, end, detail)
            return
        detail = f"expected data, event, id or retry, got {_shown(field)}"
        self._note(AnomalyKind.UNKNOWN_FIELD, start, end, detail)

    def _dispatch(self, end: int, items: list[Item]) -> None:
        """Dispatch the event, or end a block that has none."""
        # "Set the last event ID string of the event source to the value of the last
        # event ID buffer. The buffer does not get reset"
        self.last_event_id = self._id_buffer
        start = self._block_start
        event_field = self._event_field
        data = self._data
        if data:
            # "If the data buffer's last character is a U+000A LINE FEED (LF) character,
            # then remove the last character from the data buffer."
            # "Initialize event's type attribute to "message" […] If the event type
            # buffer has a value other than the empty string, change the type"
            items.append(
                make_event(
                    event_field or "message",
                    data[0] if len(data) == 1 else "\n".join(data),
                    self.last_event_id,
                    self._id,
                    self._retry_ms,
                    event_field,
                    start,
                    end,
                )
            )
            self._data = []
        else:
            # "If the data buffer is an empty string, set the data buffer and the event
            # type buffer to the empty string and return."
            items.append(
                Block(
                    event_field=event_field,
                    id=self._id,
                    retry_ms=self._retry_ms,
                    start=start,
                    end=end,
                )
            )
            if event_field is not None:
                detail = f"expected data for event {_shown(event_field)}"
                self._note(AnomalyKind.EVENT_WITHOUT_DATA, start, end, detail)
        # "Set the data buffer and the event type buffer to the empty string."
        self._event_field = None
        self._block_start = -1
        self._id = self._retry_ms = None
        self._has_id = self._has_retry = False

    def _note_duplicate(self, field: str, start: int, end: int) -> None:
        detail = f"expected one {field!r} field in a block, got another"
        self._note(AnomalyKind.DUPLICATE_FIELD, start, end, detail)

    def _note(self, kind: AnomalyKind, start: int, end: int, detail: str) -> None:
        self._log.add(kind, start, end, detail=detail)


def _shown(value: str) -> str:
    """Quote a value from the wire for a message, cut to a readable length."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
