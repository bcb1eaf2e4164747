"""A clock that moves only when it is told to, with timers like an event loop's.

For fakes without a socket: a delay of a minute is over at once, and always in the
same order. Pure. Must not know who waits.
"""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Alarm", "VirtualClock"]

# Sums of due times differ in their last bits; nothing is due that close together.
CLOSE_S: Final = 1e-9


class Alarm:
    """One callback, until cancelled."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        """Remember what will happen."""
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        """Make it not happen."""
        self.callback = None


class VirtualClock:
    """Seconds that pass from callback to callback; timers of one moment in order."""

    def __init__(self, start_s: float = 1000.0) -> None:
        """Stand still at a time."""
        self._now = start_s
        self._order = count()
        self._queue: list[tuple[float, int, Alarm]] = []

    def time(self) -> float:
        """Return the time, in seconds."""
        return self._now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Alarm:
        """Call back at a time; one that is over is now."""
        timer = Alarm(callback)
        heapq.heappush(self._queue, (when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callable[[], object], /) -> Alarm:
        """Call back at this time, behind everything else that is due."""
        return self.call_at(self._now, callback)

    @property
    def next_due(self) -> float | None:
        """When the next callback comes; None if there is none."""
        while self._queue and self._queue[0][2].callback is None:
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else None

    def run_next(self) -> bool:
        """Move to the next callback and make it; False if there is none."""
        if self.next_due is None:
            return False
        when, _, timer = heapq.heappop(self._queue)
        self._now = max(self._now, when)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()
        return True

    def run_moment(self) -> None:
        """Make all callbacks of the next moment, but none that these ask for."""
        due = self.next_due
        before = next(self._order)
        while self.next_due == due and due is not None and self._queue[0][1] < before:
            self.run_next()

    def move_to(self, when: float) -> None:
        """Make every callback that is due until then, and be there."""
        while (due := self.next_due) is not None and due <= when + CLOSE_S:
            self.run_next()
        self._now = max(self._now, when)
