"""What is kept of how long stages took."""

from datetime import UTC, datetime

import pytest

from streamproof.reference_server.dialects.exercise.durations import (
    Durations,
    DurationsInMemory,
    StageTimes,
)


async def record(durations: Durations, stage: str, *times_ms: float) -> None:
    for time_ms in times_ms:
        await durations.record(
            stage,
            time_ms,
            user_id="ada",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            metadata={},
        )


async def test_nothing_is_there_at_first() -> None:
    assert await DurationsInMemory().statistics() == {}


async def test_stages_are_counted_apart() -> None:
    durations = DurationsInMemory()
    await record(durations, "storing", 30, 10, 20)
    await record(durations, "started", 1)

    assert await durations.statistics() == {
        "storing": StageTimes(count=3, mean_ms=20, p50_ms=20, p95_ms=30),
        "started": StageTimes(count=1, mean_ms=1, p50_ms=1, p95_ms=1),
    }


async def test_percentiles_are_times_that_were_taken() -> None:
    durations = DurationsInMemory()
    await record(durations, "storing", *range(100, 0, -1))

    times = (await durations.statistics())["storing"]

    assert (times.p50_ms, times.p95_ms) == (50, 95)


async def test_times_of_long_ago_are_counted_and_forgotten() -> None:
    durations = DurationsInMemory()
    await record(durations, "storing", *[1000.0] * 500, *[2.0] * 1024)

    times = (await durations.statistics())["storing"]

    assert times.count == 1524
    assert (times.mean_ms, times.p95_ms) == pytest.approx((2, 2))
