"""Timers of an event loop, gathered by the millisecond.

A thousand streams ask for fifty thousand timers a second. asyncio keeps each in a
heap that compares in Python, and waits for each by itself, in whole milliseconds
anyway, since epoll knows no shorter wait. So all that fall into one millisecond share
one of the loop's timers, at its end: nothing comes early, and nothing later than it
would have.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from .clock import Alarm

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from .link import Timer

__all__ = ["Wheel"]


# Streams wait for tokens, a small part of this; what is further away is rare.
FAR_S: Final = 1.0


class Wheel:
    """An event loop's clock, with timers that are cheap in great numbers."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the loop whose clock it is."""
        self._loop = loop
        # By the millisecond at whose end they are due.
        self._due: dict[int, list[Alarm]] = {}

    def time(self) -> float:
        """Return seconds on the loop's clock."""
        return self._loop.time()

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back at a time, in seconds, or up to a millisecond later."""
        # The loop drops what is cancelled; a tick here would stay until it is due.
        if when - self._loop.time() > FAR_S:
            return self._loop.call_at(when, callback)
        timer = Alarm(callback)
        tick = math.ceil(when * 1000)
        together = self._due.get(tick)
        if together is None:
            self._due[tick] = [timer]
            self._loop.call_at(tick / 1000, self._turn, tick)
        else:
            together.append(timer)
        return timer

    def call_soon(self, callback: Callable[[], object], /) -> Timer:
        """Call back once everything else had its turn."""
        return self._loop.call_soon(callback)

    def _turn(self, tick: int) -> None:
        for timer in self._due.pop(tick):
            if timer.callback is not None:
                self._make(timer.callback)

    def _make(self, callback: Callable[[], object]) -> None:
        """Make one callback; its failure must not cost the others theirs."""
        try:
            callback()
        except Exception as error:  # noqa: BLE001 -- as the loop itself does
            self._loop.call_exception_handler(
                {"message": f"exception in {callback!r}", "exception": error}
            )
