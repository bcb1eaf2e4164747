"""`plan.pace`: when each token is due, without a clock."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.fakes.dice import Dice
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.plan.pace import due_times
from streamproof.fakes.script import Delay, Spread, parse_script

DICE = Dice(seed=0, fingerprint="f")


def times(delay: Delay, size: int = 4, *, prompt_tokens: int = 0) -> list[float]:
    return list(due_times(delay, DICE, prompt_tokens=prompt_tokens, size=size))


def strays(delay: Delay, size: int = 20_000) -> list[float]:
    """Tell how far each token is from its place, 1000 ms from the next."""
    spaced = delay.model_copy(update={"first_ms": 1000.0, "each_ms": 1000.0})
    return [time - 1000 * n for n, time in enumerate(times(spaced, size), start=1)]


def test_without_delays_every_token_is_due_at_once() -> None:
    assert times(Delay()) == [0, 0, 0, 0]


def test_tokens_come_one_interval_after_the_other() -> None:
    assert times(Delay(first_ms=100, each_ms=20)) == [100, 120, 140, 160]


def test_a_rate_is_an_interval() -> None:
    assert times(Delay(tokens_per_s=50)) == [0, 20, 40, 60]


def test_every_token_of_the_prompt_is_read_before_the_first() -> None:
    delay = Delay(first_ms=100, prefill_ms=0.5, each_ms=20)

    assert times(delay, prompt_tokens=200) == [200, 220, 240, 260]


def test_a_burst_leaves_when_its_last_token_is_due() -> None:
    delay = Delay(each_ms=10, burst=3)

    assert times(delay, 8) == [20, 20, 20, 50, 50, 50, 70, 70]


def test_a_long_answer_does_not_drift() -> None:
    assert times(Delay(each_ms=0.1), 100_000)[-1] == pytest.approx(9999.9, abs=1e-9)


@pytest.mark.parametrize("spread", list(Spread))
def test_jitter_keeps_the_mean_rate(spread: Spread) -> None:
    delay = Delay(each_ms=20, jitter_ms=30, spread=spread)

    assert times(delay, 10_000)[-1] == pytest.approx(9999 * 20, abs=300)


def test_a_uniform_spread_is_within_its_width_and_even() -> None:
    found = strays(Delay(jitter_ms=100))

    assert -100 <= min(found) < -99
    assert 99 < max(found) <= 100
    assert fmean(found) == pytest.approx(0, abs=2)


def test_a_normal_spread_has_its_standard_deviation() -> None:
    found = strays(Delay(jitter_ms=100, spread=Spread.NORMAL))

    assert fmean(found) == pytest.approx(0, abs=2)
    assert stdev(found) == pytest.approx(100, rel=0.03)


def test_an_exponential_spread_only_makes_tokens_late() -> None:
    found = strays(Delay(jitter_ms=50, spread=Spread.EXPONENTIAL))

    assert min(found) >= 0
    assert fmean(found) == pytest.approx(50, rel=0.03)


def test_the_same_request_has_the_same_times_and_another_has_others() -> None:
    delay = Delay(each_ms=20, jitter_ms=10)
    other = Dice(seed=0, fingerprint="g")

    assert times(delay) == times(delay)
    assert times(delay) != list(due_times(delay, other, prompt_tokens=0, size=4))


def test_the_times_of_a_seed_never_change() -> None:
    found = times(Delay(each_ms=20, jitter_ms=10))

    assert found == pytest.approx([9.408774, 25.642757, 49.952638, 59.856726])


@given(
    each_ms=st.floats(0, 100),
    jitter_ms=st.floats(0, 1000),
    spread=st.sampled_from(Spread),
    burst=st.integers(1, 7),
    size=st.integers(0, 40),
)
def test_time_never_goes_back(
    each_ms: float, jitter_ms: float, spread: Spread, burst: int, size: int
) -> None:
    delay = Delay(each_ms=each_ms, jitter_ms=jitter_ms, spread=spread, burst=burst)
    found = times(delay, size)

    assert len(found) == size
    assert all(before <= after for before, after in pairwise([0.0, *found]))


@pytest.mark.parametrize("rate", [0.0, 1e-320, 1e-8, 2_000_000.0])
def test_a_rate_that_no_timer_can_keep_is_refused(rate: float) -> None:
    data = f'{{"delay": {{"tokens_per_s": {rate!r}}}}}'
    with pytest.raises(ScriptError, match=r"script: delay\.tokens_per_s: expected at"):
        parse_script(data, where="script")
