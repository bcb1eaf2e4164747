"""When the work of a new run begins: after the first events of a burst, not before.

To begin costs far more than a first event. So the work waits until the event loop has
nothing new to do: for some turns no run has been started. One begins a turn, the one
that waits longest first. None waits longer than its limit, whatever else comes.
"""

import asyncio
from collections import deque
from contextvars import Context

# What was received before a turn is started in it, and is seen in the next.
_QUIET_TURNS = 2
# As long as a first event may take at all.
_MAX_WAIT_S = 0.5


class Starts:
    """The runs that have been started and whose work has not begun."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._is_turning = False
        self._count = 0
        self._last_count = 0
        self._quiet_turns = 0

    def note(self) -> None:
        """Take note of a run that has been started."""
        self._count += 1

    async def wait_turn(self) -> None:
        """Return when the work of one run may begin."""
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append((loop.time() + _MAX_WAIT_S, turn))
        if not self._is_turning:
            self._is_turning = True
            self._quiet_turns = 0
            # In a context of its own: the first of a burst is long gone at its end.
            loop.call_soon(self._turn, context=Context())
        await turn

    def _turn(self) -> None:
        is_quiet = self._count == self._last_count
        self._quiet_turns = self._quiet_turns + 1 if is_quiet else 0
        self._last_count = self._count
        while self._waiting and self._waiting[0][1].done():  # cancelled
            self._waiting.popleft()
        self._is_turning = bool(self._waiting)
        if not self._waiting:
            return
        loop = asyncio.get_running_loop()
        due, turn = self._waiting[0]
        if self._quiet_turns >= _QUIET_TURNS or loop.time() >= due:
            self._waiting.popleft()
            turn.set_result(None)
        loop.call_soon(self._turn)
