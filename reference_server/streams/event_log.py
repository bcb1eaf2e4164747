"""Append-only log of one stream: the blocks that were sent, by number.

Pure. It must not render events, know who reads, or read a clock. Numbers start at 1 and
have no gaps; the oldest blocks go when a bound is reached, and a reader that still
needs one of them is told so instead of being given a hole.
"""

# CPython: 33 bytes of object header and 8 of list slot for each block.
_OVERHEAD_BYTES = 41


class DroppedError(LookupError):
    """The block asked for was in the log once and is not any more."""


class EventLog:
    """Blocks of one stream, bounded in number and bytes.

    The newest block always stays, whatever its size, so that a reader who keeps up
    misses nothing; the memory held is `max_bytes` plus one block at most.
    """

    __slots__ = (
        "_blocks",
        "_dropped",
        "_is_closed",
        "_max_bytes",
        "_max_events",
        "_size",
    )

    def __init__(self, *, max_events: int, max_bytes: int) -> None:
        self._blocks: list[bytes] = []
        self._dropped = 0
        self._size = 0
        self._is_closed = False
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
        return self._is_closed

    def append(self, block: bytes, *, is_terminal: bool = False) -> None:
        """Add the block numbered `last + 1`.

        Raises:
            RuntimeError: after the terminal block; nothing may follow it.
        """
        if self._is_closed:
            raise RuntimeError("expected no event after the terminal one, got another")
        self._blocks.append(block)
        self._size += len(block) + _OVERHEAD_BYTES
        self._is_closed = is_terminal
        self._trim()

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

    def _trim(self) -> None:
        excess = max(0, len(self._blocks) - self._max_events)
        freed = sum(len(b) + _OVERHEAD_BYTES for b in self._blocks[:excess])
        while self._size - freed > self._max_bytes and excess < len(self._blocks) - 1:
            freed += len(self._blocks[excess]) + _OVERHEAD_BYTES
            excess += 1
        del self._blocks[:excess]
        self._dropped += excess
        self._size -= freed
