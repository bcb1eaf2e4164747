"""The suite's own lateness, on a clock that the test moves."""

import pytest

from streamproof.conformance.probes.bench.lag import LoopLag


class EnoughError(Exception):
    """Ends the endless measuring."""


class Loop:
    """A loop that is late by the given numbers of seconds, one after another."""

    def __init__(self, lateness: list[float]) -> None:
        self.now = 0.0
        self._lateness = iter(lateness)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        late = next(self._lateness, None)
        if late is None:
            raise EnoughError
        self.now += seconds + late


async def measured(lateness: list[float]) -> tuple[LoopLag, Loop]:
    loop = Loop(lateness)
    lag = LoopLag(clock=loop.clock, sleep=loop.sleep)
    with pytest.raises(EnoughError):
        await lag.run()
    return lag, loop


async def test_a_loop_on_time_is_not_late() -> None:
    lag, _ = await measured([0.0, 0.001, 0.004])

    assert lag.worst(0.0, 1.0) == 0.0


async def test_the_worst_lateness_between_two_instants_counts() -> None:
    lag, _ = await measured([0.0, 0.2, 0.0, 0.5])  # ends at 0.01, 0.22, 0.23, 0.74

    assert lag.worst(0.0, 1.0) == pytest.approx(0.5)
    assert lag.worst(0.0, 0.23) == pytest.approx(0.2)
    assert lag.worst(0.75, 1.0) == 0.0


async def test_lateness_that_reaches_into_the_time_counts_whole() -> None:
    lag, _ = await measured([0.2])

    assert lag.worst(0.2, 0.3) == pytest.approx(0.2)
    assert lag.worst(0.0, 0.05) == pytest.approx(0.2)


async def test_lateness_that_still_goes_on_counts() -> None:
    lag, loop = await measured([0.0])
    loop.now += 0.31

    assert lag.worst(0.0, loop.now) == pytest.approx(0.3)


def test_before_the_first_measurement_there_is_no_lateness() -> None:
    assert LoopLag(clock=lambda: 5.0, sleep=Loop([]).sleep).worst(0.0, 9.0) == 0.0
