"""A plan holds what is judged and exactly the probes that this needs."""

import pytest

from streamproof.conformance.errors import UsageError
from streamproof.conformance.model import Level
from streamproof.conformance.runner.plan import Filters, make_plan

from .sample import PROFILE, requirement, suite

CATALOGUE = (
    requirement("framing.lf", "plain"),
    requirement("framing.short", "plain", level=Level.SHOULD),
    requirement("heartbeat.on-time", "silent", "plain", needs=("heartbeat",)),
    requirement("errors.retried", "retried"),
    requirement("limits.exact", "plain", needs=("limits",)),
    requirement("limits.unseen", excluded="not observable from outside"),
)


def ids(filters: Filters) -> list[str]:
    plan = make_plan(suite(*CATALOGUE), PROFILE, filters)
    return [each.id for each in plan.selected]


def test_without_filters_everything_but_the_excluded_is_selected_in_order() -> None:
    assert ids(Filters()) == [each.id for each in CATALOGUE[:5]]


def test_each_needed_probe_is_planned_once() -> None:
    plan = make_plan(suite(*CATALOGUE), PROFILE, Filters())

    assert plan.probes == ("plain", "silent")


def test_a_capability_that_is_not_declared_is_named() -> None:
    plan = make_plan(suite(*CATALOGUE), PROFILE, Filters())

    assert plan.undeclared == {
        "limits.exact": "limits",
        "errors.retried": "errors.retries",
    }


def test_a_probe_that_the_profile_rules_out_leaves_the_other_probes_to_judge_on() -> (
    None
):
    either = requirement("errors.shape", "retried", "plain")

    plan = make_plan(suite(either), PROFILE, Filters())

    assert plan.probes == ("plain",)
    assert plan.undeclared == {}


def test_only_takes_ids_and_patterns() -> None:
    assert ids(Filters(only=("framing.*", "limits.exact"))) == [
        "framing.lf",
        "framing.short",
        "limits.exact",
    ]


def test_filters_of_different_kinds_narrow_each_other() -> None:
    filters = Filters(topics=("framing", "limits"), levels=(Level.SHOULD,))

    assert ids(filters) == ["framing.short"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (
            Filters(only=("framing.lv",)),
            "unknown requirement 'framing.lv'; did you mean 'framing.lf'?",
        ),
        (Filters(only=("zzz",)), "unknown requirement 'zzz'; see `streamproof list`"),
        (
            Filters(topics=("frame",)),
            "unknown topic 'frame'; did you mean 'framing'?",
        ),
        (
            Filters(only=("framing.lf",), levels=(Level.SHOULD,)),
            "the filters together select no requirement",
        ),
    ],
)
def test_filters_that_select_nothing_are_the_users_error(
    filters: Filters, message: str
) -> None:
    with pytest.raises(UsageError) as problem:
        ids(filters)

    assert str(problem.value) == message
