"""Requirements, evidence and a bench, all made by hand."""

from collections.abc import Iterator

from streamproof.conformance import profiles
from streamproof.conformance.model import Evidence, Finding, Level, Requirement
from streamproof.conformance.probes import Probe
from streamproof.conformance.profiles import Profile
from streamproof.conformance.runner.suite import Suite

PROFILE = profiles.parse(
    """
    name = "sample"
    title = "Sample"
    source = "by hand"
    endpoint = { path = "/stream" }
    framing = { type = { location = "event-field" } }
    terminal = { form = "eof" }
    heartbeat = { form = "comment", interval_s = 0.3 }
    """,
    origin="sample",
)

FAULT = Finding(expected="a", got="b")
LATE = Finding(expected="within 300 ms", got="after 400 ms", timed=True)


def requirement(
    id_: str,
    *probes: str,
    needs: tuple[str, ...] = (),
    level: Level = Level.MUST,
    excluded: str = "",
) -> Requirement:
    return Requirement(
        id=id_,
        level=level,
        rule="rule",
        source="source",
        remedy="remedy",
        probes=probes,
        needs=needs,
        excluded=excluded,
    )


async def nothing(_: object) -> None:
    """Do nothing."""


PROBES = {
    name: Probe(name=name, needs=needs, seconds=lambda _: 1.0, run=nothing)
    for name, needs in (
        ("plain", ()),
        ("silent", ("heartbeat",)),
        ("retried", ("errors.retries",)),
    )
}


def suite(*requirements: Requirement) -> Suite:
    """Make a suite of these requirements, all of which pass."""
    checks = {each.id: passes for each in requirements if not each.excluded}
    return Suite(requirements=requirements, checks=checks, probes=PROBES)


def passes(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    return iter(())


def fails(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield FAULT


def finds_late(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield LATE
