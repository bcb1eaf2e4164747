"""Virtual time and a connection made of a list, for the engine's tests."""

from __future__ import annotations

import heapq
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.link import Cutting, Exchange


class VirtualTimer:
    """One callback, until cancelled."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualTimers:
    """A clock that moves when told to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._order = count()
        self._queue: list[tuple[float, int, VirtualTimer]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> VirtualTimer:
        timer = VirtualTimer(callback)
        heapq.heappush(self._queue, (when, next(self._order), timer))
        return timer

    def call_soon(self, callback: Callable[[], object], /) -> VirtualTimer:
        return self.call_at(self.now, callback)

    def advance(self, ms: float, *, late_ms: float = 0.0) -> None:
        """Let time pass; every callback comes `late_ms` late."""
        end = self.now + ms / 1000
        while self._queue and self._queue[0][0] <= end + 1e-9:
            when, _, timer = heapq.heappop(self._queue)
            self.now = max(self.now, when + late_ms / 1000)
            if timer.callback is not None:
                timer.callback()
        self.now = max(self.now, end)

    @property
    def pending(self) -> int:
        """Timers that would still do something."""
        return sum(timer.callback is not None for _, _, timer in self._queue)


class VirtualLink:
    """Takes bytes, keeps them, and does as it is told."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_open = True
        self.is_full = False
        self.fills_on_write = False
        self.breaks_on_write = False
        self.finished: bool | None = None
        self.how: Cutting | None = None
        self.exchange: Exchange | None = None
        self.on_delivery: Callable[[], object] | None = None

    @property
    def data(self) -> bytes:
        return b"".join(self.writes)

    def attach(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def write(self, data: bytes) -> None:
        self.writes.append(data)
        self.is_full = self.fills_on_write
        self.is_open = not self.breaks_on_write

    def finish(self, *, keep_alive: bool) -> None:
        self.finished = keep_alive

    def cut(self, how: Cutting) -> None:
        self.how = how
        self.is_open = False

    def when_delivered(self, callback: Callable[[], object]) -> None:
        self.on_delivery = callback
