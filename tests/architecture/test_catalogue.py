"""Every requirement has exactly one check and real probes (design.md, invariant 4)."""

from streamproof.conformance.catalogue import requirements
from streamproof.conformance.checks import CHECKS
from streamproof.conformance.probes import PROBES
from streamproof.conformance.profiles import CAPABILITIES
from streamproof.conformance.runner.plan import check_completeness


def test_requirements_checks_and_probes_fit_together() -> None:
    check_completeness(
        requirements(), CHECKS, {name: probe.needs for name, probe in PROBES.items()}
    )


def test_every_need_is_a_capability_that_a_profile_can_declare() -> None:
    needs = {need for each in requirements() for need in each.needs}
    needs |= {need for probe in PROBES.values() for need in probe.needs}

    assert needs <= CAPABILITIES


def test_every_probe_is_judged_by_something() -> None:
    judged = {probe for each in requirements() for probe in each.probes}

    assert judged == set(PROBES)


def test_there_are_at_least_seventy_requirements() -> None:
    assert len([each for each in requirements() if not each.excluded]) >= 70
