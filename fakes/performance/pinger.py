"""Pings at fixed intervals while a call waits for an unknown time.

Must not know what a ping is or where it goes, and reads time only from its `Timers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..net.link import Timer, Timers

__all__ = ["Pinger"]


class Pinger:
    """One interval at a time, until stopped."""

    __slots__ = ("_each_s", "_next", "_ping", "_timer", "_timers")

    def __init__(
        self, ping: Callable[[], object], *, each_ms: float, timers: Timers
    ) -> None:
        """Ping first after one interval from now."""
        self._ping = ping
        self._each_s = each_ms / 1000
        self._timers = timers
        self._next = timers.time() + self._each_s
        self._timer: Timer = timers.call_at(self._next, self._run)

    def stop(self) -> None:
        """Ping no more."""
        self._timer.cancel()

    def _run(self) -> None:
        self._next += self._each_s
        self._timer = self._timers.call_at(self._next, self._run)
        self._ping()
