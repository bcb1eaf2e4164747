"""How late the suite's own event loop was: what its measurements are worth.

A task that wants to run every few ms notes each time it could not. Must not judge: it
is the runner that sets the lateness of a probe against what the probe found.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable

INTERVAL_S = 0.01
NOTED_S = 0.005
"""Lateness below this is ordinary scheduling; above, it is kept."""

MAX_NOTED = 100_000
"""Bounds a run of hours on a machine that is always late, at 16 bytes each."""


class LoopLag:
    """Measures and remembers lateness.

    Args:
        clock: monotonic seconds.
        sleep: waits for so many seconds on the loop that is measured.
    """

    def __init__(
        self, *, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._due: float | None = None
        self._noted: deque[tuple[float, float]] = deque(maxlen=MAX_NOTED)

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            self._due = self._clock() + INTERVAL_S
            await self._sleep(INTERVAL_S)
            now = self._clock()
            if now - self._due >= NOTED_S:
                self._noted.append((now, now - self._due))

    def worst(self, start: float, end: float) -> float:
        """Return by how many seconds the loop was late at worst between two instants.

        Lateness that reaches into the time between them counts whole, also one that
        is going on and not noted yet.
        """
        noted = list(self._noted)
        if self._due is not None and self._clock() - self._due >= NOTED_S:
            now = self._clock()
            noted.append((now, now - self._due))
        later = noted[bisect_left(noted, (start, 0.0)) :]
        return max((late for at, late in later if at - late <= end), default=0.0)
