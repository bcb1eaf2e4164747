"""Requirements, evidence and a bench, all made by hand."""

from collections.abc import Iterator

from streamproof.conformance import profiles
from streamproof.conformance.model import Evidence, Finding, Level, Requirement
from streamproof.conformance.profiles import Profile

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


def passes(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    return iter(())


def fails(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield FAULT


def finds_late(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield LATE
