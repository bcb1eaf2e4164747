r"""Counts the frames of a chunked event stream without decoding any of it. Pure.

For a client that must not be the bottleneck. It relies on what chat completions of
every service look like: lines end in LF, one blank line ends a frame, and no frame
holds a blank line or a CR. So `\n\n` occurs once per frame, and `\r\n0\r\n\r\n` only
where the body ends.

Retained between calls: the last `len(LAST_CHUNK)` bytes.
"""

from __future__ import annotations

from typing import Final

__all__ = ["FrameCounter"]

SEPARATOR: Final = b"\n\n"
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class FrameCounter:
    """Counts one connection's frames; a new response goes on where the last ended."""

    __slots__ = ("_tail",)

    def __init__(self) -> None:
        """Start before the first byte."""
        self._tail = b""

    def feed(self, data: bytes) -> int:
        """Return how many frames end in these bytes."""
        count = data.count(SEPARATOR)
        if self._tail.endswith(b"\n") and data.startswith(b"\n"):
            count += 1
        short = len(data) < len(LAST_CHUNK)
        self._tail = ((self._tail + data) if short else data)[-len(LAST_CHUNK) :]
        return count

    @property
    def is_at_end(self) -> bool:
        """True when the last bytes so far were the end of a response."""
        return self._tail == LAST_CHUNK
