"""`calls.quotas`: what is left, and when it is there again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from streamproof.fakes.calls.quotas import Quotas
from streamproof.fakes.content import Limits
from streamproof.fakes.script import Fail, Quota

if TYPE_CHECKING:
    from streamproof.fakes.calls.quotas import Charge


class Model:
    """One model with a clock of its own."""

    def __init__(self) -> None:
        self.quotas = Quotas()
        self.now = 1000.0

    def call(self, quota: Quota, *, tokens: int = 10, model: str = "m") -> Charge:
        return self.quotas.charge(model, quota, tokens=tokens, at=self.now)


def test_what_is_left_is_told_with_every_call() -> None:
    model, quota = Model(), Quota(requests=3, tokens=100, window_ms=60_000)
    model.call(quota)
    model.now += 20
    charge = model.call(quota, tokens=25)

    assert charge.refusal is None
    assert charge.limits == Limits(
        requests=3, requests_left=1, tokens=100, tokens_left=65, reset_ms=40_000
    )


@pytest.mark.parametrize(
    ("quota", "exceeded"),
    [
        (Quota(requests=2, window_ms=1500), "requests"),
        (Quota(tokens=29, window_ms=1500), "tokens"),
    ],
)
def test_more_is_refused_until_the_window_ends(quota: Quota, exceeded: str) -> None:
    model = Model()
    assert [model.call(quota).refusal for _ in range(2)] == [None, None]
    model.now += 0.5
    charge = model.call(quota)
    assert charge.refusal == Fail(status=429, retry_after_s=1)
    assert charge.limits.exceeded == exceeded
    model.now += 1

    assert model.call(quota).refusal is None


def test_a_refused_call_costs_nothing() -> None:
    model, quota = Model(), Quota(requests=5, tokens=30)
    model.call(quota, tokens=20)
    refused = model.call(quota, tokens=20)

    assert (refused.limits.requests_left, refused.limits.tokens_left) == (4, 10)
    assert model.call(quota, tokens=10).refusal is None


def test_calls_at_once_are_counted_until_they_end() -> None:
    model, quota = Model(), Quota(concurrency=1)
    running = model.call(quota)
    refused = model.call(quota)
    refused.leave()
    assert model.call(quota).refusal == Fail(status=429)
    assert refused.limits.exceeded == "concurrency"
    running.leave()

    assert model.call(quota).refusal is None


def test_running_calls_outlast_their_window() -> None:
    model, quota = Model(), Quota(concurrency=1, window_ms=1000)
    model.call(quota)
    model.now += 60

    assert model.call(quota).refusal is not None


def test_nothing_allowed_is_nothing_let_through() -> None:
    assert Model().call(Quota(requests=0)).refusal is not None


def test_models_have_windows_of_their_own() -> None:
    model, quota = Model(), Quota(requests=1)
    model.call(quota)

    assert model.call(quota, model="other").refusal is None


def test_scripts_with_other_quotas_share_what_was_used() -> None:
    model = Model()
    model.call(Quota(requests=9), tokens=50)
    charge = model.call(Quota(tokens=40))

    assert charge.refusal is not None
    assert charge.limits.tokens_left == 0


def test_of_idle_windows_the_oldest_is_forgotten() -> None:
    quotas, quota = Quotas(max_models=2), Quota(requests=1)
    running = quotas.charge("running", quota, tokens=0, at=0)
    for at, name in enumerate(("idle", "newer"), start=1):
        quotas.charge(name, quota, tokens=0, at=at).leave()

    assert quotas.charge("running", quota, tokens=0, at=3).refusal is not None
    assert quotas.charge("newer", quota, tokens=0, at=3).refusal is not None
    assert quotas.charge("idle", quota, tokens=0, at=3).refusal is None
    running.leave()
