"""Lines of an event stream in, events out: HTML 9.2.6, line by line.

Must not know bytes, chunks or limits: `decoder` hands over decoded lines and where
they stand.

Quotes are from https://html.spec.whatwg.org/multipage/server-sent-events.html, section
"Interpreting an event stream" (#event-stream-interpretation).
"""

from __future__ import annotations

import re

from .anomalies import AnomalyKind, AnomalyLog
from .events import Block, Comment, Item, make_event

MAX_RETRY_DIGITS = 18
MAX_RETRY_MS = 10**MAX_RETRY_DIGITS - 1
"""Larger `retry` values are taken as this one: 31 million years, so no timer can tell
the difference, and `int` refuses more than 4,300 digits anyhow."""

_FIELDS = frozenset({"data", "event", "id", "retry"})
_SHOWN = 40  # characters of a bad value that an anomaly quotes

_FRAME = re.compile(
    r"(?:id: ?+(.*+)\n)?+(?:event: ?+(.*+)\n)?+data: ?+(?!data:)(.*+)\n\n"
)
"""A whole block of the commonest form, with nothing in it to remark on, in text that
ends its lines in LF and has no NUL. Possessive throughout: it never backtracks."""


class Interpreter:
    """The state of one event stream between lines.

    Attributes:
        last_event_id: the last event ID string.
        reconnection_time_ms: the last valid `retry` value; None before the first.
        comment_count: comment lines so far.
        block_start: body offset of the first field line of the block at hand, or -1
            where there is none.
        unclosed_comment: body offset of the first comment line after the last blank
            line, comments inside a block left out, or -1.
        log: receives the anomalies.
    """

    def __init__(self, log: AnomalyLog) -> None:
        self.log = log
        self.last_event_id = ""
        self.reconnection_time_ms: int | None = None
        self.comment_count = 0
        self.block_start = -1
        self.unclosed_comment = -1
        # "When a stream is parsed, a data buffer, an event type buffer, and a last
        # event ID buffer must be associated with it. They must be initialized to the
        # empty string." The data buffer is a list of lines here: no line, empty buffer.
        self._data: list[str] = []
        self._event_field: str | None = None
        self._id_buffer = ""
        # What the block at hand had, for `Event` and `Block`.
        self._id: str | None = None
        self._retry_ms: int | None = None
        self._has_id = False
        self._has_retry = False

    def discard(self) -> None:
        """Forget the block at hand and so free its memory."""
        self._data = []
        self._event_field = None

    def take_text(
        self, text: str, start: int, line_end_bytes: int, items: list[Item]
    ) -> int:
        """Process lines that hold no NUL and all end alike; return their number.

        Most streams are made of blocks of one form. Where such a block starts, one
        regular expression takes it whole, three times as fast as line by line.

        Args:
            text: the lines, each ending in LF whatever its line end is on the wire.
            start: body offset of the first byte.
            line_end_bytes: length of each line end on the wire.
            items: receives the items.
        """
        wide = line_end_bytes - 1  # bytes of each line end that the text lacks
        is_ascii = text.isascii()
        size = len(text)
        at = 0  # where in the text we are, in characters
        count = 0
        while at < size:
            frame = _FRAME.match(text, at) if self.block_start < 0 else None
            after = text.index("\n", at) + 1 if frame is None else frame.end()
            end = start + (after - at if is_ascii else len(text[at:after].encode()))
            if frame is None:
                count += 1
                self.take_line(text[at : after - 1], start, end, items)
            else:
                id_, event_field, data = frame.groups()
                lines = 2 + (id_ is not None) + (event_field is not None)
                count += lines
                end += (lines - 1) * wide
                if id_ is not None:
                    self._id_buffer = self.last_event_id = id_
                self.unclosed_comment = -1
                items.append(
                    make_event(
                        event_field or "message",
                        data,
                        self.last_event_id,
                        id_,
                        None,
                        event_field,
                        start,
                        end,
                    )
                )
            at = after
            start = end + wide
        return count

    def take_line(self, line: str, start: int, end: int, items: list[Item]) -> None:
        """Process one line, given without its terminator, and add what it completes.

        Args:
            line: the decoded line.
            start: body offset of its first byte.
            end: body offset past the byte that ended it.
            items: receives the item, if any.
        """
        if not line:
            # "If the line is empty (a blank line): Dispatch the event, as defined
            # below."
            self.unclosed_comment = -1
            if self.block_start >= 0:
                self._dispatch(end, items)
            return
        # "Collect the characters on the line before the first U+003A COLON character
        # (:), and let field be that string. Collect the characters on the line after
        # the first U+003A COLON character (:), and let value be that string."
        # Without a colon: "using the whole line as the field name, and the empty
        # string as the field value."
        field, colon, value = line.partition(":")
        if not field:
            # Nothing before the first colon, so "the line starts with a U+003A COLON
            # character (:)"; "Ignore the line."
            self._comment(value, start, end, items)
            return
        # "If value starts with a U+0020 SPACE character, remove it from value."
        value = value.removeprefix(" ")
        if self.block_start < 0:
            self.block_start = start
        self._field(field, value, start, end)
        if not colon and field in _FIELDS:
            detail = f"expected {field!r} to be followed by a colon"
            self.log.add(AnomalyKind.FIELD_WITHOUT_COLON, start, end, detail)

    def _comment(self, text: str, start: int, end: int, items: list[Item]) -> None:
        self.comment_count += 1
        inside = self.block_start >= 0
        items.append(Comment(text=text, start=start, end=end, inside_block=inside))
        if inside:
            detail = "expected comments between blocks only"
            self.log.add(AnomalyKind.COMMENT_IN_BLOCK, start, end, detail)
        elif self.unclosed_comment < 0:
            self.unclosed_comment = start

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
                detail = f"expected no second 'data:' prefix, got {_shown(value)}"
                self.log.add(AnomalyKind.DATA_PREFIX_TWICE, start, end, detail)
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
            # Any other name: "The field is ignored."
            self._unknown_field(field, start, end)

    def _id_field(self, value: str, start: int, end: int) -> None:
        if self._has_id:
            self._note_duplicate("id", start, end)
        self._has_id = True
        # "If the field value does not contain U+0000 NULL, then set the last event ID
        # buffer to the field value. Otherwise, ignore the field."
        if "\0" in value:
            detail = f"expected an id without NUL, got {_shown(value)}"
            self.log.add(AnomalyKind.NUL_IN_ID, start, end, detail)
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
        # ignored here. web-platform-tests (eventsource/format-field-retry-empty) asks
        # only that the event of the same block survives.
        if not (value.isascii() and value.isdigit()):
            detail = f"expected ASCII digits, got {_shown(value)}"
            self.log.add(AnomalyKind.BAD_RETRY, start, end, detail)
            return
        digits = value.lstrip("0")
        if len(digits) <= MAX_RETRY_DIGITS:
            self._retry_ms = int(digits or "0")
        else:
            self._retry_ms = MAX_RETRY_MS
            detail = f"expected a time a timer can hold, got {_shown(value)}"
            self.log.add(AnomalyKind.BAD_RETRY, start, end, detail)
        self.reconnection_time_ms = self._retry_ms

    def _unknown_field(self, field: str, start: int, end: int) -> None:
        if field.startswith("\ufeff"):
            detail = f"expected no byte order mark after byte 0, got {_shown(field)}"
            self.log.add(AnomalyKind.MISPLACED_BOM, start, end, detail)
            return
        detail = f"expected data, event, id or retry, got {_shown(field)}"
        self.log.add(AnomalyKind.UNKNOWN_FIELD, start, end, detail)

    def _dispatch(self, end: int, items: list[Item]) -> None:
        """Dispatch the event, or end a block that has none."""
        # "Set the last event ID string of the event source to the value of the last
        # event ID buffer. The buffer does not get reset"
        self.last_event_id = self._id_buffer
        start = self.block_start
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
                self.log.add(AnomalyKind.EVENT_WITHOUT_DATA, start, end, detail)
        # "Set the data buffer and the event type buffer to the empty string."
        self._event_field = None
        self.block_start = -1
        self._id = self._retry_ms = None
        self._has_id = self._has_retry = False

    def _note_duplicate(self, field: str, start: int, end: int) -> None:
        detail = f"expected one {field!r} field in a block, got another"
        self.log.add(AnomalyKind.DUPLICATE_FIELD, start, end, detail)


def _shown(value: str) -> str:
    """Quote a value from the wire for a message, cut to a readable length."""
    return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
