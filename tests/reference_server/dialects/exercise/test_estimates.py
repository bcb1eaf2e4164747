"""What a stage usually takes."""

from collections.abc import Mapping

import pytest

from streamproof.reference_server.dialects.exercise.estimates import (
    Estimates,
    choose_times,
)
from streamproof.reference_server.dialects.exercise.stages import (
    GENERATING,
    STAGES,
    STORING,
    VALIDATING,
)
from streamproof.reference_server.store.database import StoreError
from streamproof.reference_server.store.durations import StageTimes


def times(count: int, p50_ms: float = 7) -> StageTimes:
    return StageTimes(count=count, mean_ms=8, p50_ms=p50_ms, p95_ms=9)


class Stored:
    """A store that has something in it."""

    def __init__(self, **stored: StageTimes) -> None:
        self.stored = stored
        self.asked = 0
        self.is_there = True

    async def read(self) -> Mapping[str, StageTimes]:
        self.asked += 1
        if not self.is_there:
            raise StoreError("gone")
        return dict(self.stored)


def test_five_are_enough() -> None:
    assert choose_times(STORING, {"storing": times(5)}) == times(5)


@pytest.mark.parametrize("stored", [{}, {"generating": times(9)}])
def test_without_any_there_are_defaults(stored: dict[str, StageTimes]) -> None:
    chosen = choose_times(STORING, stored)

    assert chosen == StageTimes(count=0, mean_ms=50, p50_ms=50, p95_ms=50)


def test_with_too_few_there_are_defaults_and_the_real_count() -> None:
    chosen = choose_times(STORING, {"storing": times(4)})

    assert chosen == StageTimes(count=4, mean_ms=50, p50_ms=50, p95_ms=50)


async def test_what_is_stored_counts_once_it_is_read() -> None:
    estimates = Estimates(Stored(storing=times(5)).read, STAGES)

    before = estimates.estimate_ms(STORING)
    await estimates.load()

    assert (before, estimates.estimate_ms(STORING)) == (50, 7)


async def test_it_is_read_once_at_first_and_whenever_it_is_wanted_anew() -> None:
    stored = Stored(storing=times(5))
    estimates = Estimates(stored.read, STAGES)

    await estimates.load()
    await estimates.load()
    asked = stored.asked
    stored.stored["storing"] = times(6, p50_ms=3)
    await estimates.refresh()

    assert asked == 1
    assert estimates.estimate_ms(STORING) == 3


async def test_the_rest_is_the_sum_of_what_follows() -> None:
    estimates = Estimates(Stored(storing=times(5)).read, STAGES)
    await estimates.load()

    assert estimates.estimate_after_ms(VALIDATING) == 7
    assert estimates.estimate_after_ms(GENERATING) == 27
    assert estimates.estimate_after_ms(STAGES[-1]) == 0


async def test_a_store_that_is_away_changes_nothing() -> None:
    stored = Stored(storing=times(5))
    estimates = Estimates(stored.read, STAGES)
    await estimates.load()

    stored.is_there = False
    await estimates.refresh()

    assert estimates.estimate_ms(STORING) == 7
