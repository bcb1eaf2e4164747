"""Every way in which evidence becomes a verdict."""

from collections.abc import Iterator

import pytest

from streamproof.conformance.checks import Check, Sample, Untestable
from streamproof.conformance.model import Evidence, Finding, Judgement, Level, Verdict
from streamproof.conformance.profiles import Profile
from streamproof.conformance.runner.judge import LATE_S, is_disturbed, judge

from .sample import FAULT, PROFILE, fails, finds_late, passes, requirement

PUNCTUAL = Evidence(probe="one")
LATE = Evidence(probe="one", late_s=LATE_S)
MISSING = Evidence(probe="one", missing="no second user")
BROKEN = Evidence(probe="one", error="deadline")


def measures(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    yield Sample(seconds=0.25)
    yield Sample(seconds=0.5)


def proves_nothing(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    raise Untestable("the stall was not seen")
    yield FAULT


def comes_too_late(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    raise Untestable("the stall was over", timed=True)
    yield FAULT


def finds_then_stops(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield FAULT
    raise Untestable("the rest cannot be told")


def breaks(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    raise LookupError("exchange")
    yield FAULT


def finds_both(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield from finds_late(evidence, profile)
    yield FAULT


def finds_half_a_second(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    yield Finding(expected="in time", got="late", timed=True, beyond_s=0.5)


def on(
    check: Check,
    *evidence: Evidence,
    level: Level = Level.MUST,
    strict: bool = False,
) -> Judgement:
    asked = requirement("a.b", *(each.probe for each in evidence), level=level)
    found = {each.probe: each for each in evidence}
    return judge(asked, check, found, PROFILE, strict=strict)


@pytest.mark.parametrize(
    ("check", "evidence", "verdict"),
    [
        (passes, PUNCTUAL, Verdict.PASSED),
        (fails, PUNCTUAL, Verdict.FAILED),
        (finds_late, PUNCTUAL, Verdict.FAILED),
        (proves_nothing, PUNCTUAL, Verdict.UNTESTABLE),
        (finds_then_stops, PUNCTUAL, Verdict.FAILED),
        (breaks, PUNCTUAL, Verdict.ERRORED),
        (fails, MISSING, Verdict.UNTESTABLE),
        (fails, BROKEN, Verdict.ERRORED),
        (passes, LATE, Verdict.PASSED),
        (fails, LATE, Verdict.FAILED),
        (finds_late, LATE, Verdict.ERRORED),
        (finds_both, LATE, Verdict.FAILED),
    ],
)
def test_one_probe_decides_the_verdict(
    check: Check, evidence: Evidence, verdict: Verdict
) -> None:
    assert on(check, evidence).verdict is verdict


@pytest.mark.parametrize(
    ("level", "strict", "verdict"),
    [
        (Level.MUST, False, Verdict.FAILED),
        (Level.MUST, True, Verdict.FAILED),
        (Level.SHOULD, False, Verdict.WARNED),
        (Level.SHOULD, True, Verdict.FAILED),
    ],
)
def test_a_violated_should_warns_unless_strict(
    level: Level, verdict: Verdict, *, strict: bool
) -> None:
    assert on(fails, PUNCTUAL, level=level, strict=strict).verdict is verdict


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        ([Verdict.PASSED, Verdict.FAILED, Verdict.ERRORED], Verdict.FAILED),
        ([Verdict.PASSED, Verdict.ERRORED, Verdict.UNTESTABLE], Verdict.ERRORED),
        ([Verdict.PASSED, Verdict.UNTESTABLE], Verdict.PASSED),
        ([Verdict.UNTESTABLE, Verdict.UNTESTABLE], Verdict.UNTESTABLE),
    ],
)
def test_the_worst_that_was_really_seen_counts_over_all_probes(
    others: list[Verdict], verdict: Verdict
) -> None:
    def check(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
        if evidence.facts["says"] is Verdict.FAILED:
            yield FAULT
        if evidence.facts["says"] is Verdict.UNTESTABLE:
            raise Untestable("nothing")
        if evidence.facts["says"] is Verdict.ERRORED:
            raise LookupError

    evidence = [
        Evidence(probe=f"p{n}", facts={"says": each}) for n, each in enumerate(others)
    ]

    assert on(check, *evidence).verdict is verdict


def test_without_any_evidence_nothing_is_proven() -> None:
    judgement = judge(requirement("a.b", "one"), passes, {}, PROFILE, strict=False)

    assert judgement.verdict is Verdict.UNTESTABLE


def test_a_finding_knows_its_probe() -> None:
    [finding] = on(fails, PUNCTUAL).findings

    assert finding.probe == "one"


def test_samples_are_kept_also_when_the_check_passed() -> None:
    judgement = on(measures, PUNCTUAL, Evidence(probe="two"))

    assert judgement.verdict is Verdict.PASSED
    assert judgement.samples == (0.25, 0.5, 0.25, 0.5)


@pytest.mark.parametrize(
    ("check", "evidence", "reason"),
    [
        (proves_nothing, PUNCTUAL, "the stall was not seen"),
        (passes, MISSING, "no second user"),
        (passes, BROKEN, "deadline"),
    ],
)
def test_the_reason_says_why_there_is_no_verdict(
    check: Check, evidence: Evidence, reason: str
) -> None:
    assert on(check, evidence).reason == reason


@pytest.mark.parametrize(
    ("late_s", "verdict"), [(0.49, Verdict.FAILED), (0.5, Verdict.ERRORED)]
)
def test_a_suite_less_late_than_the_target_did_not_cause_it(
    late_s: float, verdict: Verdict
) -> None:
    late = Evidence(probe="one", late_s=late_s)

    assert on(finds_half_a_second, late).verdict is verdict


def test_a_late_suite_says_by_how_much_and_what_it_seemed_to_find() -> None:
    assert on(finds_late, LATE).reason == (
        "the suite itself was late by 100 ms, so this measurement proves nothing: "
        "expected within 300 ms, got after 400 ms"
    )


def test_a_broken_check_is_named_with_the_place_where_it_broke() -> None:
    reason = on(breaks, PUNCTUAL).reason

    assert reason.startswith(
        "the check itself broke: LookupError('exchange') (breaks, "
    )


def test_one_reason_of_all_probes_is_said_once_so_that_reports_can_group_it() -> None:
    other = Evidence(probe="two", missing="no second user")

    assert on(passes, MISSING, other).reason == "no second user"


def test_reasons_that_differ_say_which_probe_they_are_about() -> None:
    two = Evidence(probe="two", missing="no steering")
    three = Evidence(probe="three", missing="no second user")

    assert on(passes, MISSING, two, three).reason == (
        "one, three: no second user; two: no steering"
    )


def test_a_reason_that_is_not_every_probes_says_whose_it_is() -> None:
    judgement = on(passes, MISSING, Evidence(probe="two"))

    assert judgement.verdict is Verdict.PASSED
    assert judgement.reason == "one: no second user"


@pytest.mark.parametrize(
    ("check", "evidence", "expected"),
    [
        (finds_late, LATE, True),
        (finds_late, PUNCTUAL, False),
        (comes_too_late, LATE, True),
        (comes_too_late, PUNCTUAL, False),
        (proves_nothing, LATE, False),
        (fails, LATE, False),
        (passes, LATE, False),
    ],
)
def test_a_probe_is_disturbed_when_lateness_may_explain_what_a_check_says(
    check: Check, evidence: Evidence, *, expected: bool
) -> None:
    assert is_disturbed([passes, check], evidence, PROFILE) is expected
