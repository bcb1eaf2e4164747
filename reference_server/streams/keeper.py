"""What keeps one run: saves of it in between, and the one at its end.

A task of its own, so that no token waits for a database and no two saves of a run meet.
It must not know what is saved.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from .run import Run, RunState

_log = logging.getLogger(__name__)

# Longest time for one save; the end of a run is told after the last one.
_SAVE_S = 5.0


class Keeper:
    """Saves one run until its end is kept.

    Args:
        run: what is kept.
        save: keeps what there is of a run in some state.
        interval_s: how often that is done while the run goes on; None for never.
        on_kept: called once, after the last save; is told whether it succeeded.
    """

    def __init__(
        self,
        run: Run,
        *,
        save: Callable[[RunState], Awaitable[None]],
        interval_s: float | None,
        on_kept: Callable[[bool], None],
    ) -> None:
        self._run = run
        self._save = save
        self._interval_s = interval_s
        self._on_kept = on_kept
        self._ended = asyncio.Event()
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def finish(self) -> None:
        """Save for the last time: the run has ended."""
        self._ended.set()

    async def wait_kept(self) -> None:
        """Return when the last save is done."""
        await asyncio.wait([self._task])

    async def _keep(self) -> None:
        while not await self._wait_ended():
            # The run may have ended at the same moment.
            if self._run.is_running:
                await self._save_now()
        self._on_kept(await self._save_now())

    async def _wait_ended(self) -> bool:
        """Return whether the run ended before it is time to save again."""
        try:
            async with asyncio.timeout(self._interval_s):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    async def _save_now(self) -> bool:
        try:
            async with asyncio.timeout(_SAVE_S):
                await self._save(self._run.state)
        except Exception:  # noqa: BLE001 -- whatever it was, the run goes on to its end
            _log.exception("stream %s: not saved", self._run.identity.id)
            return False
        return True
