"""One judgement in words, as labelled rows that every report for people lays out. Pure.

A stranger has to be able to mend his server with nothing but these rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..model import Evidence, Exchange, Finding, Judgement, Verdict
from ..runner.result import ExitCode, RunResult
from .curl import curl_command, needs_credential, steering_notes
from .escaping import one_paragraph, printable, shown

MAX_FINDINGS = 3
"""Findings shown of one requirement: more of them rarely tell anything new."""

MAX_EARLIER = 4
"""Earlier exchanges of a probe that are named before the rest is left out."""


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its text; a verbatim text keeps its own line breaks."""

    label: str
    text: str
    is_verbatim: bool = False


def judgement_rows(judgement: Judgement, result: RunResult) -> Iterator[Row]:
    """Yield everything that is known about a judgement, the rule first."""
    requirement = judgement.requirement
    yield Row("rule", one_paragraph(requirement.rule))
    is_shown = False
    for finding in judgement.findings[:MAX_FINDINGS]:
        yield from _finding_rows(finding)
        exchange = exchange_of(finding, result)
        # One command is enough to see the fault; the JSON report has one for each.
        if exchange is not None and not is_shown:
            is_shown = True
            yield from _reproduction_rows(exchange, finding, result)
    if len(judgement.findings) > MAX_FINDINGS:
        yield Row("", f"and {len(judgement.findings) - MAX_FINDINGS} more")
    if judgement.reason:
        yield Row("reason", shown(judgement.reason))
    if judgement.samples:
        yield Row("measured", sample_summary(judgement.samples))
    if judgement.findings:
        yield Row("remedy", one_paragraph(requirement.remedy))
    yield Row("source", requirement.source)


def sample_summary(samples: Sequence[float]) -> str:
    """Return how many values in seconds there are and between what, in ms."""
    ordered = sorted(samples)
    low, middle, high = ordered[0], ordered[len(ordered) // 2], ordered[-1]
    values = "1 value" if len(ordered) == 1 else f"{len(ordered)} values"
    return f"{values}: min {_ms(low)}, median {_ms(middle)}, max {_ms(high)}"


def exchange_of(finding: Finding, result: RunResult) -> Exchange | None:
    """Return the exchange in which something was found, if there is one."""
    evidence = result.evidence.get(finding.probe)
    if evidence is None or not finding.exchange:
        return None
    try:
        return evidence.exchange(finding.exchange)
    except KeyError:
        return None


def verdict_sentence(result: RunResult) -> str:
    """Say in one sentence what the run proves, as the exit code does in a number."""
    totals = result.totals
    warned = f", {totals[Verdict.WARNED]} with a warning"
    if result.is_interrupted:
        return (
            f"interrupted: {_requirements(result.judged)} judged by then, "
            f"{totals[Verdict.FAILED]} failed; the others were not tested"
        )
    match result.exit_code:
        case ExitCode.NOT_CONFORMANT:
            return (
                f"not conformant: {totals[Verdict.FAILED]} of "
                f"{_requirements(result.judged)} failed"
            )
        case ExitCode.HARNESS_ERROR:
            return (
                "no verdict: the suite itself could not judge "
                f"{_requirements(totals[Verdict.ERRORED])}"
            )
        case ExitCode.INCOMPLETE if totals[Verdict.UNTESTABLE]:
            return (
                f"incomplete: {_requirements(totals[Verdict.UNTESTABLE])} could not "
                "be tested"
            )
        case ExitCode.INCOMPLETE:
            return "incomplete: nothing was judged"
        case _:
            part = " (partial: only what was selected)" if result.is_selection else ""
            return (
                f"conformant: {_requirements(result.judged)} judged, none failed"
                + (warned if totals[Verdict.WARNED] else "")
                + part
            )


def _requirements(count: int) -> str:
    return "1 requirement" if count == 1 else f"{count} requirements"


def _finding_rows(finding: Finding) -> Iterator[Row]:
    yield Row("expected", shown(finding.expected))
    yield Row("got", shown(finding.got))
    if where := _where(finding):
        yield Row("where", where)


def _where(finding: Finding) -> str:
    parts = []
    if finding.probe:
        parts.append(f"probe {finding.probe}")
    if finding.exchange:
        parts.append(f"exchange {printable(finding.exchange)}")
    if finding.offset is not None:
        parts.append(f"byte {finding.offset} of the body")
    if finding.at_s is not None:
        parts.append(f"{_ms(finding.at_s)} after its start")
    return ", ".join(parts)


def _reproduction_rows(
    exchange: Exchange, finding: Finding, result: RunResult
) -> Iterator[Row]:
    command = curl_command(exchange.request, result.target)
    yield Row("again", command, is_verbatim=True)
    notes = steering_notes(exchange.request, _scripts(result.evidence[finding.probe]))
    if needs_credential(exchange.request):
        own = f"a credential of the user {printable(exchange.user)}"
        notes.insert(0, f"TOKEN: {exchange.token or own}")
    if earlier := _earlier(exchange, finding, result):
        notes.append(earlier)
    for note in notes:
        yield Row("", note)


def _scripts(evidence: Evidence) -> Mapping[str, object]:
    scripts = evidence.facts.get("scripts")
    return scripts if isinstance(scripts, Mapping) else {}


def _earlier(exchange: Exchange, finding: Finding, result: RunResult) -> str:
    """Name what the probe had sent before, because the target may remember it."""
    labels = [each.label for each in result.evidence[finding.probe].exchanges]
    before = [printable(label) for label in labels[: labels.index(exchange.label)]]
    if not before:
        return ""
    more = len(before) - MAX_EARLIER
    named = ", ".join(before[:MAX_EARLIER]) + (f" and {more} more" if more > 0 else "")
    return f"sent before by this probe: {named}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
