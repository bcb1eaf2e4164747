"""Tells a listener that time passes while nothing else happens.

Must not know what is going on. A probe may wait for a minute, and a screen that does
not change for so long looks like a suite that hangs.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from .events import RunEvent, TimePassed

TICK_S = 1.0
"""What people take for alive."""


@asynccontextmanager
async def ticking(
    emit: Callable[[RunEvent], None],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> AsyncIterator[None]:
    """Emit `TimePassed` about once in `TICK_S` until the block ends."""
    problem: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(_tick, emit, clock, sleep)
        # What the caller raises must reach him as it is: the group would wrap it.
        try:
            yield
        except Exception as raised:  # noqa: BLE001 -- raised again below
            problem = raised
        group.cancel_scope.cancel()
    if problem is not None:
        raise problem


async def _tick(
    emit: Callable[[RunEvent], None],
    clock: Callable[[], float],
    sleep: Callable[[float], Awaitable[None]],
) -> None:
    started = clock()
    while True:
        await sleep(TICK_S)
        emit(TimePassed(seconds=clock() - started))
