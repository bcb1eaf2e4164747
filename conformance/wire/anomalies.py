"""What a tolerant reader forgives and a producer should not send.

Must not judge: whether an anomaly fails a check is the profile's and the catalogue's
business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AnomalyKind(StrEnum):
    """The closed set of anomalies, with the span each of them reports."""

    MIXED_LINE_ENDS = "mixed-line-ends"
    """The first line that ends otherwise than the lines before it (its terminator)."""

    BOM_AT_START = "bom-at-start"
    """A byte order mark at byte 0: allowed and stripped, but many clients keep it."""

    MISPLACED_BOM = "misplaced-bom"
    """A line later on starts with a byte order mark: its field is unknown (line)."""

    INVALID_UTF8 = "invalid-utf8"
    """A line is not UTF-8 and was decoded with U+FFFD (line)."""

    UNKNOWN_FIELD = "unknown-field"
    """A field name other than data, event, id and retry (line)."""

    FIELD_WITHOUT_COLON = "field-without-colon"
    """A known field name without a colon, which means an empty value (line)."""

    NUL_IN_ID = "nul-in-id"
    """An `id` value with U+0000: the field is ignored (line)."""

    BAD_RETRY = "bad-retry"
    """A `retry` value that is not ASCII digits, or too large for a timer (line)."""

    DUPLICATE_FIELD = "duplicate-field"
    """A second `event`, `id` or `retry` in one block: the last one wins (line)."""

    DATA_PREFIX_TWICE = "data-prefix-twice"
    """A `data` value that starts with `data:`, as if formatted twice (line)."""

    COMMENT_IN_BLOCK = "comment-in-block"
    """A comment after a field line of a block that has not ended (line)."""

    EVENT_WITHOUT_DATA = "event-without-data"
    """A block with an `event` field and no data: never dispatched (block)."""

    EVENT_NOT_CLOSED = "event-not-closed"
    """The body ended inside a block: its fields are discarded (block to end)."""

    COMMENT_NOT_CLOSED = "comment-not-closed"
    """The body ended after a comment, with no blank line after it (tail)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One anomaly and where it stands.

    Attributes:
        kind: which one.
        start: body offset of the first byte concerned.
        end: body offset past the last byte concerned.
        detail: what was found, for people; long values are cut.
    """

    kind: AnomalyKind
    start: int
    end: int
    detail: str


class AnomalyLog:
    """The anomalies of one body, in order, up to a limit; the rest are counted."""

    def __init__(self, *, limit: int) -> None:
        self.limit = limit
        self.found: list[Anomaly] = []
        self.omitted = 0

    def add(self, kind: AnomalyKind, start: int, end: int, detail: str) -> None:
        """Keep one anomaly, or count it when the log is full."""
        if len(self.found) < self.limit:
            self.found.append(Anomaly(kind=kind, start=start, end=end, detail=detail))
        else:
            self.omitted += 1
