"""Append-only log of one stream: the blocks that were sent, by number.

Pure. It must not render events, know who reads, or read a clock. Numbers start at 1 and
have no gaps; the oldest blocks go when a bound is reached, and a reader that still
needs one of them is told so instead of being given a hole.
"""

from array import array
from itertools import accumulate

# CPython: 33 bytes of object header and 8 of list slot for each block.
_OVERHEAD_BYTES = 41


class DroppedError(LookupError):
    """The block asked for was in the log once and is not any more."""


class EventLog:
    """Blocks of one stream, bounded in number and bytes.

    The newest block always stays, whatever its size, so that a reader who keeps up
    misses nothing; the memory held is `max_bytes` plus one block at most. A log that is
    closed is kept for minutes and read seldom: its blocks become one piece of memory.
    """

    __slots__ = (
        "_blocks",
        "_dropped",
        "_max_bytes",
        "_max_events",
        "_size",
    )

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._blocks: list[bytes] | _Packed = []
        self._dropped = 0
        self._size = 0
        self._max_events = max_events
        self._max_bytes = max_bytes

    @property
    def last(self) -> int:
        """Number of the newest block, 0 while there is none."""
        return self._dropped + len(self._blocks)

    @property
    def first(self) -> int:
        """Number of the oldest block that is still here (`last + 1` while empty)."""
        return self._dropped + 1

    @property
    def size_bytes(self) -> int:
        """Memory held by the blocks, about."""
        return self._size

    @property
    def is_closed(self) -> bool:
        """Whether the newest block is the terminal one."""
        return isinstance(self._blocks, _Packed)

    def append(self, block: bytes, *, is_terminal: bool = False) -> None:
        """Add the block numbered `last + 1`.

        Raises:
            RuntimeError: after the terminal block; nothing may follow it.
        """
        blocks = self._blocks
        if isinstance(blocks, _Packed):
            message = "expected no event after the terminal one, got another"
            raise RuntimeError(message)  # noqa: TRY004 -- of a state, not a type
        blocks.append(block)
        self._size += len(block) + _OVERHEAD_BYTES
        self._trim(blocks)
        if is_terminal:
            self._blocks = _Packed(blocks)
            self._size = self._blocks.size_bytes

    def get(self, number: int) -> bytes | None:
        """Return one block, or None when it is still to come.

        Raises:
            DroppedError: the block has been dropped.
        """
        index = number - self._dropped - 1
        if index < 0:
            raise DroppedError(number)
        return self._blocks[index] if index < len(self._blocks) else None

    def has_all_after(self, number: int) -> bool:
        """Whether every block after this one that exists is still here."""
        return number >= self._dropped

    def _trim(self, blocks: list[bytes]) -> None:
        excess = max(0, len(blocks) - self._max_events)
        freed = sum(len(b) + _OVERHEAD_BYTES for b in blocks[:excess])
        while self._size - freed > self._max_bytes and excess < len(blocks) - 1:
            freed += len(blocks[excess]) + _OVERHEAD_BYTES
            excess += 1
        del blocks[:excess]
        self._dropped += excess
        self._size -= freed


class _Packed:
    """Blocks that will not change any more, one behind the other."""

    __slots__ = ("_bytes", "_offsets")

    def __init__(self, blocks: list[bytes]) -> None:
        self._bytes = b"".join(blocks)
        self._offsets = array("Q", accumulate(map(len, blocks), initial=0))

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> bytes:
        return self._bytes[self._offsets[index] : self._offsets[index + 1]]

    @property
    def size_bytes(self) -> int:
        return len(self._bytes) + self._offsets.itemsize * len(self._offsets)
