"""The time between the frames of streams, as seen through a window. Pure.

What a window cuts off must not look shorter than it was: a gap counts by its end, from
wherever it began, and one that is still open when the window closes counts as long as
it has lasted, once that is longer than usual. So a stream that stopped is not lost.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from .figures import percentile

__all__ = ["gaps_s"]


def gaps_s(streams: Iterable[Sequence[float]], begin: float, end: float) -> list[float]:
    """Return the gaps of all streams, s, from the times of their frames, s.

    Times of a stream go up. A stream without a frame before `end` was silent for the
    whole window. Raises `ValueError` when no gap ended in the window.
    """
    closed: list[float] = []
    still_open: list[float] = []
    for times in streams:
        stop = bisect_left(times, end)
        start = max(bisect_left(times, begin) - 1, 0)
        closed += [later - sooner for sooner, later in pairwise(times[start:stop])]
        still_open.append(end - (times[stop - 1] if stop else begin))
    usual = percentile(closed, 50)
    return closed + [gap for gap in still_open if gap > usual]
