"""The time that is written into frames: it never goes back.

Pure: the clock comes in as a parameter.
"""

from collections.abc import Callable


class SteadyTime:
    """A wall clock that stands still while the real one is behind it.

    Shared by all events and heartbeats, so that each is as late as those before it.

    Args:
        wall_clock: seconds since the epoch.
    """

    def __init__(self, wall_clock: Callable[[], float]) -> None:
        self._wall_clock = wall_clock
        self._latest = 0.0

    def __call__(self) -> float:
        """Return the time in seconds since the epoch."""
        self._latest = max(self._latest, self._wall_clock())
        return self._latest
