"""One requirement and the evidence for it in, its verdict out. Pure.

A requirement may be judged on several probes. It fails if one of them shows a fault.
A probe that could not be judged does not count against the others: the requirement
that this probe exists for is then untestable, and the run is not green.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ..checks import Check, Sample, Untestable
from ..model import Evidence, Finding, Judgement, Level, Requirement, Verdict
from ..profiles import Profile

LATE_S = 0.1
"""From here on the suite's own lateness may explain a timed finding.

Ten times the ordinary scheduling delay of a busy two-core machine (measured 10 ms),
a fifth of the smallest tolerance of a built-in profile (heartbeat, 500 ms).
"""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What the check said of one probe's evidence."""

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    samples: tuple[float, ...] = ()
    reason: str = ""
    is_disturbed: bool = False


def judge(
    requirement: Requirement,
    check: Check,
    evidence: Mapping[str, Evidence],
    profile: Profile,
    *,
    strict: bool,
) -> Judgement:
    """Judge one requirement on the evidence of the probes it names.

    With `strict` a violated SHOULD fails instead of warning.
    """
    by_probe = {
        probe: _judge_probe(check, evidence[probe], profile)
        for probe in requirement.probes
        if probe in evidence
    }
    outcomes = list(by_probe.values())
    fault = (
        Verdict.FAILED if strict or requirement.level is Level.MUST else Verdict.WARNED
    )
    verdict = _merge([outcome.verdict for outcome in outcomes])
    return Judgement(
        requirement=requirement,
        verdict=fault if verdict is Verdict.FAILED else verdict,
        findings=tuple(f for outcome in outcomes for f in outcome.findings),
        reason=_join_reasons(by_probe),
        samples=tuple(s for outcome in outcomes for s in outcome.samples),
    )


def _join_reasons(outcomes: Mapping[str, _Outcome]) -> str:
    """Return the one reason of all probes, or else each after the probes it is of.

    A reason that names no probe is the same for many requirements, so that a report
    can say it once.
    """
    probes: dict[str, list[str]] = {}
    for probe, outcome in outcomes.items():
        probes.setdefault(outcome.reason, []).append(probe)
    if len(probes) == 1:
        return next(iter(probes))
    return "; ".join(
        f"{', '.join(names)}: {reason}" for reason, names in probes.items() if reason
    )


def is_disturbed(checks: Iterable[Check], evidence: Evidence, profile: Profile) -> bool:
    """Tell whether the suite was late and this may have changed what a check saw.

    It may have caused a finding, or kept the probe from what it was to bring about.
    """
    return evidence.late_s >= LATE_S and any(
        _judge_probe(check, evidence, profile).is_disturbed for check in checks
    )


def _judge_probe(check: Check, evidence: Evidence, profile: Profile) -> _Outcome:
    if evidence.error:
        return _Outcome(Verdict.ERRORED, reason=evidence.error)
    if evidence.missing:
        return _Outcome(Verdict.UNTESTABLE, reason=evidence.missing)
    outcome = _run_check(check, evidence, profile)
    if evidence.late_s < LATE_S or not outcome.findings:
        return outcome
    if not all(_may_be_ours(each, evidence.late_s) for each in outcome.findings):
        return outcome
    finding = outcome.findings[0]
    return _Outcome(
        Verdict.ERRORED,
        samples=outcome.samples,
        reason=f"the suite itself was late by "
        f"{evidence.late_s * 1000:.0f} ms, so this measurement proves nothing: "
        f"expected {finding.expected}, got {finding.got}",
        is_disturbed=True,
    )


def _may_be_ours(finding: Finding, late_s: float) -> bool:
    """Tell whether a suite that was so late may have caused the finding itself."""
    return finding.timed and late_s >= finding.beyond_s


def _run_check(check: Check, evidence: Evidence, profile: Profile) -> _Outcome:
    findings: list[Finding] = []
    samples: list[float] = []
    try:
        for said in check(evidence, profile):
            if isinstance(said, Sample):
                samples.append(said.seconds)
            else:
                findings.append(replace(said, probe=evidence.probe))
    except Untestable as control:
        if not findings:
            return _Outcome(
                Verdict.UNTESTABLE,
                reason=str(control),
                is_disturbed=control.timed and evidence.late_s >= LATE_S,
            )
    except Exception as defect:  # noqa: BLE001 -- a broken check is not the run's end
        place = traceback.extract_tb(defect.__traceback__)[-1]
        return _Outcome(
            Verdict.ERRORED,
            reason=f"the check itself broke: {defect!r} "
            f"({place.name}, line {place.lineno})",
        )
    verdict = Verdict.FAILED if findings else Verdict.PASSED
    return _Outcome(verdict, tuple(findings), tuple(samples))


def _merge(verdicts: list[Verdict]) -> Verdict:
    """Return the verdict over all probes: a fault first, then what hides one."""
    for verdict in (Verdict.FAILED, Verdict.ERRORED, Verdict.PASSED):
        if verdict in verdicts:
            return verdict
    return Verdict.UNTESTABLE
