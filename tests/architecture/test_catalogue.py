"""Every requirement has exactly one check and real probes (design.md, invariant 4)."""

from streamproof.conformance.profiles import CAPABILITIES
from streamproof.conformance.runner.suite import built_in_suite

SUITE = built_in_suite()  # raises unless its parts fit together


def test_every_need_is_a_capability_that_a_profile_can_declare() -> None:
    needs = {need for each in SUITE.requirements for need in each.needs}
    needs |= {need for probe in SUITE.probes.values() for need in probe.needs}

    assert needs <= CAPABILITIES


def test_every_probe_is_judged_by_something() -> None:
    judged = {probe for each in SUITE.requirements for probe in each.probes}

    assert judged == set(SUITE.probes)


def test_there_are_at_least_seventy_requirements() -> None:
    assert len(SUITE.checks) >= 70
