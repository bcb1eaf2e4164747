"""Virtual time and a connection made of a list, for the engine's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamproof.fakes.net.clock import CLOSE_S, VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamproof.fakes.net.link import Cutting, Exchange


class VirtualTimers(VirtualClock):
    """A clock that moves when told to, and may be late."""

    @property
    def now(self) -> float:
        return self.time()

    def advance(self, ms: float, *, late_ms: float = 0.0) -> None:
        """Let time pass; every callback comes `late_ms` late."""
        end = self.now + ms / 1000
        while (due := self.next_due) is not None and due <= end + CLOSE_S:
            self._now = max(self._now, due + late_ms / 1000)
            self.run_next()
        self.move_to(max(self.now, end))

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
