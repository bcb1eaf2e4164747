"""How clients wait in virtual time, and which of them lets it pass.

A client that is alone moves the clock itself. Of the tasks of an event loop that wait
together, one at a time moves it for all: to the next thing that is due, once the loop
has had nothing else to do for `IDLE_TURNS` turns, so that every task that can act does
so before. A client whose call is held at a gate loses no patience meanwhile.

Before a client gives up, and while all that wait depend on another task, the
loop gets `GRACE_S` of real time: another task may be back from a thread by then.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import anyio
import anyio.lowlevel

from ..net.clock import CLOSE_S
from .errors import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..net.clock import VirtualClock
    from .link import MemoryLink

__all__ = ["Patience"]

# An SDK's call goes through a handful of awaits before it reaches its transport.
IDLE_TURNS: Final = 20
# An SDK's first call asks in a thread what system it runs on, which may start programs.
GRACE_S: Final = 0.25
TIMED_OUT: Final = "The read operation timed out"
NEVER: Final = (
    "nothing more will ever come: the call is held or stalled, and the client has no "
    "read timeout; release the gate before, or set one"
)


class _Waiter:
    """A task that waits for something on a link."""

    __slots__ = ("deadline", "event", "has_timed_out", "link", "ready")

    def __init__(
        self, link: MemoryLink, ready: Callable[[], bool], deadline: float | None
    ) -> None:
        self.link = link
        self.ready = ready
        self.deadline = deadline
        self.has_timed_out = False
        self.event = anyio.Event()

    @property
    def is_over(self) -> bool:
        return self.has_timed_out or self.ready()

    @property
    def patience_ends(self) -> float | None:
        """When it gives up; None while it cannot."""
        return None if self.link.is_held else self.deadline

    async def wake(self) -> None:
        """Wait for whatever may concern this task."""
        await self.event.wait()
        self.event = anyio.Event()


class Patience:
    """The clients that wait for fakes of one clock."""

    def __init__(self, clock: VirtualClock) -> None:
        """Take the clock; no client waits yet."""
        self._clock = clock
        # Clients of several threads take turns, also with the engine.
        self.lock = threading.RLock()
        self._waiters: dict[MemoryLink, _Waiter] = {}
        self._driver: _Waiter | None = None
        self._news = 0
        self._thread = 0

    def expect_this_thread(self) -> None:
        """Refuse a client of another thread than the tasks that wait.

        Raises:
            RuntimeError: an event loop cannot be woken from there.
        """
        if self._waiters and self._thread != threading.get_ident():
            raise RuntimeError(
                "expected all clients of these fakes in the thread of the event loop "
                "whose tasks wait for them, got one in another; give it fakes of its "
                "own, or take a ThreadServer"
            )

    def tell(self, link: MemoryLink) -> None:
        """Take note that something happened on a link."""
        self._news += 1
        for waiter in (self._waiters.get(link), self._driver):
            if waiter is not None:
                waiter.event.set()

    def wait(self, ready: Callable[[], bool], timeout_s: float | None) -> None:
        """Let time pass until something is ready, for a client that is alone.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time, or never.
        """
        deadline = self._deadline(timeout_s)
        while True:
            with self.lock:
                if ready():
                    return
                self._move(deadline)

    async def await_(
        self, link: MemoryLink, ready: Callable[[], bool], timeout_s: float | None
    ) -> None:
        """Let time pass until something is ready, behind everything else there is.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time.
        """
        waiter = _Waiter(link, ready, self._deadline(timeout_s))
        self._waiters[link] = waiter
        self._thread = threading.get_ident()
        try:
            while not waiter.is_over:
                if self._driver is None:
                    await self._drive(waiter)
                else:
                    await waiter.wake()
        finally:
            del self._waiters[link]
        if waiter.has_timed_out and not ready():
            raise BrokenOffError("ReadTimeout", TIMED_OUT)

    def _deadline(self, timeout_s: float | None) -> float | None:
        return None if timeout_s is None else self._clock.time() + timeout_s

    def _move(self, deadline: float | None) -> None:
        """Let the next thing happen, if that is before the deadline."""
        due = self._clock.next_due
        if due is not None and (deadline is None or due <= deadline):
            self._clock.run_next()
            return
        if deadline is None:
            raise BrokenOffError("ReadTimeout", NEVER)
        self._clock.move_to(deadline)
        raise BrokenOffError("ReadTimeout", TIMED_OUT)

    async def _drive(self, waiter: _Waiter) -> None:
        """Let time pass for all that wait, as long as this task has to."""
        self._driver = waiter
        try:
            while not waiter.is_over:
                if await self._others_acted():
                    continue
                if self._is_up_to_others() and await self._had_news_in_grace(waiter):
                    continue
                if not self._step():
                    # Only another task can change this: open a gate, hang up.
                    await waiter.wake()
        finally:
            self._driver = None
            for other in self._waiters.values():
                if other is not waiter:
                    other.event.set()
                    break

    async def _others_acted(self) -> bool:
        """Give the event loop some turns; True as soon as anything happened in them."""
        seen = self._news
        for _ in range(IDLE_TURNS):
            await anyio.lowlevel.checkpoint()
            if self._news != seen:
                return True
        return False

    def _is_up_to_others(self) -> bool:
        """Tell whether the next thing would be that a client gives up."""
        due, end = self._clock.next_due, self._patience_ends
        is_end_next = end is not None and (due is None or end < due)
        return is_end_next or all(one.link.is_held for one in self._waiters.values())

    async def _had_news_in_grace(self, waiter: _Waiter) -> bool:
        with anyio.move_on_after(GRACE_S):
            await waiter.wake()
            return True
        return False

    @property
    def _patience_ends(self) -> float | None:
        """When the first of all that wait gives up."""
        ends = (waiter.patience_ends for waiter in self._waiters.values())
        return min((end for end in ends if end is not None), default=None)

    def _step(self) -> bool:
        """Move to what is next: something due, or the end of a patience."""
        with self.lock:
            due, deadline = self._clock.next_due, self._patience_ends
            if due is not None and (deadline is None or due <= deadline):
                self._clock.run_moment()
                return True
            if deadline is None:
                return False
            self._clock.move_to(deadline)
            self._give_up(deadline)
            return True

    def _give_up(self, deadline: float) -> None:
        for waiter in self._waiters.values():
            end = waiter.patience_ends
            if end is not None and end <= deadline + CLOSE_S:
                waiter.has_timed_out = True
                waiter.event.set()
