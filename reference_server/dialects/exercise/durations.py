"""How long stages took, kept for estimates and metrics.

    Durations              what a store of them can do
    DurationsInMemory      the one that ends with the process

Timing only: no prompt, no patient. What is here must not know runs or frames.
"""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

# Of each stage. They are sorted at the end of every run, which so takes half a ms.
_KEPT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """How long one stage took, over all runs of all users; times in ms."""

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float


class Durations(Protocol):
    """A store of durations."""

    async def record(
        self,
        stage: str,
        duration_ms: float,
        *,
        user_id: str,
        created_at: datetime,
        metadata: Mapping[str, object],
    ) -> None:
        """Keep how long one finished stage took."""

    async def statistics(self) -> Mapping[str, StageTimes]:
        """Return the times of every stage that was ever recorded."""


@dataclass(slots=True)
class _Kept:
    count: int = 0
    recent_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))


class DurationsInMemory:
    """Counts all, and tells the times of the last thousand of each stage."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    async def record(
        self,
        stage: str,
        duration_ms: float,
        *,
        user_id: str,  # noqa: ARG002 -- a store that lasts keeps it
        created_at: datetime,  # noqa: ARG002 -- the same
        metadata: Mapping[str, object],  # noqa: ARG002 -- the same
    ) -> None:
        """Keep how long one finished stage took."""
        kept = self._kept.setdefault(stage, _Kept())
        kept.count += 1
        kept.recent_ms.append(duration_ms)

    async def statistics(self) -> Mapping[str, StageTimes]:
        """Return the times of every stage that was ever recorded."""
        return {stage: _summarise(kept) for stage, kept in self._kept.items()}


def _summarise(kept: _Kept) -> StageTimes:
    times_ms = sorted(kept.recent_ms)
    return StageTimes(
        count=kept.count,
        mean_ms=math.fsum(times_ms) / len(times_ms),
        p50_ms=_percentile(times_ms, 50),
        p95_ms=_percentile(times_ms, 95),
    )


def _percentile(times_ms: Sequence[float], percent: int) -> float:
    """Return the smallest time that so many percent of all do not exceed."""
    return times_ms[math.ceil(len(times_ms) * percent / 100) - 1]
