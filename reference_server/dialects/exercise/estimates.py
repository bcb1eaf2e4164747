"""What a stage usually takes: as it was stored, or by default while that is too little.

A copy in memory, because a frame cannot wait for a store. It is made anew when the work
of a run begins.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ...store.database import StoreError
from ...store.durations import StageTimes
from .stages import Stage

_log = logging.getLogger(__name__)

_ENOUGH = 5


class Estimates:
    """Usual durations; shared by all runs.

    Args:
        read: returns the stored times by stage.
        stages: all, in their order.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[Mapping[str, StageTimes]]],
        stages: Sequence[Stage],
    ) -> None:
        self._read = read
        self._stages = stages
        self._times: Mapping[str, StageTimes] | None = None

    async def load(self) -> None:
        """Read what was stored before the process began, unless that was done."""
        if self._times is None:
            await self.refresh()

    async def refresh(self) -> None:
        """Read what is stored now; a store that cannot be read changes nothing."""
        try:
            self._times = await self._read()
        except StoreError as error:
            # A programme is worth more than the time that is left.
            _log.warning("estimates: %s", error)

    def estimate_ms(self, stage: Stage) -> float:
        """Return the usual duration of one stage."""
        return choose_times(stage, self._times or {}).p50_ms

    def estimate_after_ms(self, stage: Stage) -> float:
        """Return the usual duration of all stages that follow."""
        rest = self._stages[self._stages.index(stage) + 1 :]
        return sum(self.estimate_ms(each) for each in rest)


def choose_times(stage: Stage, stored: Mapping[str, StageTimes]) -> StageTimes:
    """Return the stored times of a stage, or the defaults with the number of them."""
    times = stored.get(stage.name)
    if times is not None and times.count >= _ENOUGH:
        return times
    return StageTimes(
        count=0 if times is None else times.count,
        mean_ms=stage.default_ms,
        p50_ms=stage.default_ms,
        p95_ms=stage.default_ms,
    )
