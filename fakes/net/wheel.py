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
        # Seconds on the loop's clock; asked several times for every token.
        self.time = loop.time
        self.call_soon = loop.call_soon
        # By the millisecond at whose end they are due.
        self._due: dict[int, list[Alarm]] = {}

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back at a time, in seconds, or up to a millisecond later."""
        tick = math.ceil(when * 1000)
        together = self._due.get(tick)
        if together is None:
            # The loop drops what is cancelled; a tick here would stay until it is due.
            if when - self._loop.time() > FAR_S:
                return self._loop.call_at(when, callback)
            together = self._due[tick] = []
            self._loop.call_at(tick / 1000, self._turn, tick)
        timer = Alarm(callback)
        together.append(timer)
        return timer

    def _turn(self, tick: int) -> None:
        for timer in self._due.pop(tick):
            callback = timer.callback
            if callback is None:
                continue
            try:
                callback()
            except Exception as error:  # noqa: BLE001 -- as the loop itself does: it must not cost the others theirs
                self._loop.call_exception_handler(
                    {"message": f"exception in {callback!r}", "exception": error}
                )
