"""The JUnit report: one suite per topic, one case per requirement. Pure.

failed is a `failure`; errored an `error`; untestable an `error` of type `untestable`,
because a run that proves nothing must not look green; inapplicable is `skipped`; a
warning passes and speaks in `system-out`.

JUnit wants one time for each case, but a probe serves many requirements: a case shows
its slowest probe, and a suite its slowest case, so neither adds up to the run.
"""

from __future__ import annotations

from itertools import groupby
from xml.etree import ElementTree as ET

from ..model import Judgement, Verdict
from ..runner.result import RunResult
from .escaping import printable, shown
from .wording import judgement_rows, verdict_sentence

_ERRORS = (Verdict.ERRORED, Verdict.UNTESTABLE)


def to_junit(result: RunResult) -> str:
    """Return the report on `result` as XML text that ends in a line feed."""
    root = ET.Element(
        "testsuites",
        {
            "name": f"streamproof {result.profile}",
            **_counts(result.judgements),
            "time": f"{result.seconds:.3f}",
        },
    )
    ordered = sorted(result.judgements, key=lambda judgement: judgement.requirement.id)
    for topic, group in groupby(ordered, key=lambda each: each.requirement.topic):
        root.append(_suite(topic, list(group), result))
    ET.indent(root)
    text = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(topic: str, judgements: list[Judgement], result: RunResult) -> ET.Element:
    suite = ET.Element(
        "testsuite",
        {
            "name": topic,
            **_counts(judgements),
            "skipped": str(_count(judgements, Verdict.INAPPLICABLE)),
            "time": f"{max(_seconds(each, result) for each in judgements):.3f}",
            "timestamp": result.started.removesuffix("Z").partition("+")[0],
            "hostname": "localhost",
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("target", result.target),
        ("profile", result.profile),
        ("seed", str(result.seed)),
        ("settings", " ".join(result.settings)),
        ("verdict", verdict_sentence(result)),
    ):
        ET.SubElement(properties, "property", name=name, value=printable(value))
    for each in judgements:
        suite.append(_case(each, result))
    return suite


def _case(judgement: Judgement, result: RunResult) -> ET.Element:
    requirement = judgement.requirement
    case = ET.Element(
        "testcase",
        {
            "name": requirement.id,
            "classname": f"streamproof.{result.profile}.{requirement.topic}",
            "time": f"{_seconds(judgement, result):.3f}",
        },
    )
    match judgement.verdict:
        case Verdict.PASSED:
            pass
        case Verdict.INAPPLICABLE:
            ET.SubElement(case, "skipped", message=shown(judgement.reason))
        case Verdict.WARNED:
            ET.SubElement(case, "system-out").text = _body(judgement, result)
        case Verdict.FAILED | Verdict.ERRORED | Verdict.UNTESTABLE as verdict:
            tag = "error" if verdict in _ERRORS else "failure"
            problem = ET.SubElement(
                case, tag, type=verdict.value, message=_headline(judgement)
            )
            problem.text = _body(judgement, result)
    return case


def _headline(judgement: Judgement) -> str:
    if not judgement.findings:
        return shown(judgement.reason)
    first = judgement.findings[0]
    return f"expected {shown(first.expected)}, got {shown(first.got)}"


def _body(judgement: Judgement, result: RunResult) -> str:
    lines = []
    for row in judgement_rows(judgement, result):
        text = row.text if row.is_verbatim else printable(row.text)
        lines.append(f"{row.label + ':':10}{text}" if row.label else f"{'':10}{text}")
    return "\n" + "\n".join(lines) + "\n"


def _seconds(judgement: Judgement, result: RunResult) -> float:
    probes = judgement.requirement.probes
    return max((result.probe_seconds.get(probe, 0.0) for probe in probes), default=0.0)


def _counts(judgements: list[Judgement] | tuple[Judgement, ...]) -> dict[str, str]:
    return {
        "tests": str(len(judgements)),
        "failures": str(_count(judgements, Verdict.FAILED)),
        "errors": str(_count(judgements, *_ERRORS)),
    }


def _count(
    judgements: list[Judgement] | tuple[Judgement, ...], *verdicts: Verdict
) -> int:
    return sum(judgement.verdict in verdicts for judgement in judgements)
