"""Errors of the wire package.

Must not be used for what a peer did wrong on the wire: that is an `Anomaly`, data and
not an exception. An exception says that decoding or loading cannot go on.

    WireError
    ├── LimitExceeded     the peer sent more than the decoder may hold
    ├── DecoderClosed     the caller fed bytes after the end of the stream
    └── TranscriptError   the text given is no transcript (also a ValueError)
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .events import Item


class LimitKind(StrEnum):
    """Which of the decoder's two limits was reached."""

    LINE = "line"
    EVENT = "event"


class WireError(Exception):
    """Root of the errors of this package."""


class LimitExceeded(WireError):  # noqa: N818 -- named for what happened, as h11 does
    """A line or an event is larger than the decoder may hold.

    Attributes:
        limit: which limit was reached.
        max_bytes: the limit, in bytes.
        offset: body offset of the first byte that is too much; it does not depend
            on how the body was cut into chunks.
        items: what this call had decoded before it reached the limit.
    """

    def __init__(
        self,
        *,
        limit: LimitKind,
        max_bytes: int,
        offset: int,
        items: Sequence[Item] = (),
    ) -> None:
        super().__init__(
            f"expected {limit} of at most {max_bytes} bytes, got more at byte {offset}"
        )
        self.limit = limit
        self.max_bytes = max_bytes
        self.offset = offset
        self.items = tuple(items)


class DecoderClosed(WireError):  # noqa: N818 -- as above
    """Bytes were fed to a decoder whose stream has ended."""


class TranscriptError(WireError, ValueError):
    """A text is not a transcript in JSONL form; the message names the line."""
