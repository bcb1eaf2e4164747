"""How much of what a target sends a run keeps: one bound for all exchanges together.

Pure. A probe has no say in it: a target that floods every stream meets the same bound
as one that floods a single one, and the suite's process stays below 200 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

RUN_BYTES = 64 * 1024 * 1024
"""What all that is kept may take in memory; 500 honest streams take a tenth of it."""

SHARE = 8
"""An exchange may have one part of so many of what is left: the first flood leaves room
for the honest streams behind it."""

FLOOR_BYTES = 32 * 1024
"""What every exchange may have, whatever is left: a head and some events. Without it a
late stream of a flooding target would count as no answer at all."""

_PIECE_BYTES = 200
_BYTE_BYTES = 6
_MARK_BYTES = {b"\n": 400, b"{": 400, b"[": 150, b",": 120}
"""A byte is kept as received, as text and as JSON; each mark is an object or several:
a line of a head or of an event, an object, an array, one of their elements."""


@dataclass(slots=True)
class Allowance:
    """What one run may keep.

    Attributes:
        limit: in bytes of memory.
        taken: how much of it is taken.
    """

    limit: int = RUN_BYTES
    taken: int = 0

    def take(self, more: int, *, own: int) -> bool:
        """Take `more` for an exchange that has `own` already; False if there is none.

        All are bytes of memory, as `weigh` returns them.
        """
        own += more
        if own > FLOOR_BYTES and own * SHARE > self.limit - self.taken:
            return False
        self.taken += more
        return True


def weigh(data: bytes) -> int:
    """Return what received bytes take in memory at most, once read and judged."""
    marks = sum(data.count(mark) * each for mark, each in _MARK_BYTES.items())
    return _PIECE_BYTES + len(data) * _BYTE_BYTES + marks
