"""A suite is a value whose parts fit together, or it is none."""

import pytest

from streamproof.conformance.errors import CatalogueError
from streamproof.conformance.runner.suite import Suite, built_in_suite

from .sample import PROBES, passes, requirement, suite


def test_a_suite_holds_what_it_was_made_of() -> None:
    rule = requirement("framing.lf", "plain")

    made = suite(rule, requirement("limits.unseen", excluded="not observable"))

    assert made.requirements[0] is rule
    assert list(made.checks) == ["framing.lf"]
    assert made.probes is PROBES


def test_everything_that_does_not_fit_together_is_named() -> None:
    catalogue = (requirement("a.b", "nowhere"), requirement("a.c"))

    with pytest.raises(CatalogueError) as problem:
        Suite(
            requirements=catalogue,
            checks={"a.b": passes, "a.d": passes},
            probes=PROBES,
        )

    assert str(problem.value) == (
        "no check for a.c; no requirement for a.d; a.b: no probe 'nowhere'; "
        "a.c: names no probe"
    )


def test_the_built_in_suite_is_made_once() -> None:
    assert built_in_suite() is built_in_suite()
