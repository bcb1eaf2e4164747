"""What is kept of how long stages took."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

import pytest

from streamproof.reference_server.store.database import Database, StoreError
from streamproof.reference_server.store.durations import (
    Duration,
    Durations,
    StageTimes,
)

_numbers = count(1)


def duration(stage: str, duration_ms: float) -> Duration:
    number = next(_numbers)
    return Duration(
        id=UUID(int=number),
        stage=stage,
        duration_ms=duration_ms,
        user_id="ada",
        created_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
        metadata={"generation_id": "a"},
    )


async def test_nothing_is_there_at_first(database: Database) -> None:
    assert await Durations(database).statistics() == {}


async def test_nothing_is_kept_of_nothing(database: Database) -> None:
    await Durations(database).record([])

    assert await Durations(database).statistics() == {}


async def test_stages_are_counted_apart(database: Database) -> None:
    durations = Durations(database)
    await durations.record([duration("storing", ms) for ms in (30, 10, 20)])
    await durations.record([duration("started", 1)])

    assert await durations.statistics() == {
        "storing": StageTimes(count=3, mean_ms=20, p50_ms=20, p95_ms=30),
        "started": StageTimes(count=1, mean_ms=1, p50_ms=1, p95_ms=1),
    }


async def test_percentiles_are_times_that_were_taken(database: Database) -> None:
    durations = Durations(database)
    await durations.record([duration("storing", ms) for ms in range(100, 0, -1)])

    times = (await durations.statistics())["storing"]

    assert (times.p50_ms, times.p95_ms) == (50, 95)


async def test_old_times_are_counted_and_do_not_matter(database: Database) -> None:
    durations = Durations(database)
    await durations.record([duration("storing", 1000) for _ in range(500)])
    await durations.record([duration("storing", 2) for _ in range(1024)])

    times = (await durations.statistics())["storing"]

    assert times.count == 1524
    assert (times.mean_ms, times.p95_ms) == pytest.approx((2, 2))


async def test_a_time_below_nothing_is_refused(database: Database) -> None:
    durations = Durations(database)

    with pytest.raises(StoreError, match="duration_ms_is_no_debt"):
        await durations.record([duration("storing", -1)])

    assert await durations.statistics() == {}
