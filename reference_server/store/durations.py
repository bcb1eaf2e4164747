"""How long stages took: table `generation_metrics`.

Timing only: no prompt, no patient.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Column,
    Connection,
    Float,
    Index,
    String,
    Table,
    Uuid,
    func,
    insert,
    select,
)

from .database import Database
from .tables import Moment, metadata

# Of each stage: enough for a 95th percentile, and read in a millisecond.
_RECENT = 1024

_TABLE = Table(
    "generation_metrics",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("stage", String, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("user_id", String, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("metadata", JSON, nullable=False),
    CheckConstraint("duration_ms >= 0", name="duration_ms_is_no_debt"),
    Index("ix_generation_metrics_stage", "stage", "created_at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long one finished stage took.

    Attributes:
        id: of this row.
        metadata: what a reader of the table wants to know beside it; JSON.
    """

    id: UUID
    stage: str
    duration_ms: float
    user_id: str
    created_at: datetime
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """How long one stage took, over the runs of all users; times in ms.

    Attributes:
        count: of all that were ever recorded; the times are those of the last 1024.
    """

    count: int
    mean_ms: float
    p50_ms: float
    p95_ms: float


class Durations:
    """The table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, durations: Sequence[Duration]) -> None:
        """Keep how long some finished stages took.

        Raises:
            StoreError: they are not kept.
        """
        if not durations:
            return
        rows = [
            {
                "id": each.id,
                "stage": each.stage,
                "duration_ms": each.duration_ms,
                "user_id": each.user_id,
                "created_at": each.created_at,
                "metadata": dict(each.metadata),
            }
            for each in durations
        ]
        await self._database.execute(insert(_TABLE), rows)

    async def statistics(self) -> Mapping[str, StageTimes]:
        """Return the times of every stage that was ever recorded.

        Raises:
            StoreError: they cannot be read.
        """
        return await self._database.run(_statistics)


def _statistics(connection: Connection) -> Mapping[str, StageTimes]:
    columns = _TABLE.c
    counts = select(columns.stage, func.count()).group_by(columns.stage)
    found = {}
    for stage, count in connection.execute(counts).all():
        recent = (
            select(columns.duration_ms)
            .where(columns.stage == stage)
            .order_by(columns.created_at.desc())
            .limit(_RECENT)
        )
        times_ms = connection.execute(recent).scalars()
        found[stage] = _summarise(count, sorted(times_ms))
    return found


def _summarise(count: int, times_ms: Sequence[float]) -> StageTimes:
    return StageTimes(
        count=count,
        mean_ms=math.fsum(times_ms) / len(times_ms),
        p50_ms=_percentile(times_ms, 50),
        p95_ms=_percentile(times_ms, 95),
    )


def _percentile(times_ms: Sequence[float], percent: int) -> float:
    """Return the smallest time that so many percent of all do not exceed."""
    return times_ms[math.ceil(len(times_ms) * percent / 100) - 1]
