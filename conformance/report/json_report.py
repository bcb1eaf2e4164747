"""The JSON report: one document per run, for machines and for diffs. Pure.

Judgements are sorted by id and every mapping by key, so that two reports can be
compared line by line. Times end in `_ms` or are called `seconds`. No credential gets
in: requests carry `$TOKEN`, and what a target echoes is replaced.
"""

from __future__ import annotations

import json
from typing import Any

from ..model import Evidence, Finding, Judgement, Verdict
from ..runner.result import RunResult
from .curl import curl_command
from .escaping import one_paragraph, without_credentials
from .wording import exchange_of, verdict_sentence

SCHEMA = 1
"""Raised when a key changes its meaning or goes; a new key does not raise it."""


def to_json(result: RunResult) -> str:
    """Return the report on `result` as indented JSON text that ends in a line feed."""
    document = {
        "schema": SCHEMA,
        "run": _run(result),
        "totals": {verdict.value: result.totals[verdict] for verdict in Verdict},
        "probes": [_probe(name, result) for name in sorted(result.probe_seconds)],
        "judgements": [
            _judgement(each, result)
            for each in sorted(result.judgements, key=lambda j: j.requirement.id)
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _run(result: RunResult) -> dict[str, Any]:
    return {
        "profile": result.profile,
        "target": result.target,
        "seed": result.seed,
        "settings": list(result.settings),
        "started": result.started,
        "seconds": round(result.seconds, 3),
        "exit_code": result.exit_code.value,
        "is_interrupted": result.is_interrupted,
        "is_selection": result.is_selection,
        "verdict": verdict_sentence(result),
    }


def _probe(name: str, result: RunResult) -> dict[str, Any]:
    evidence = result.evidence.get(name, Evidence(probe=name))
    return {
        "name": name,
        "seconds": round(result.probe_seconds[name], 3),
        "late_ms": _ms(evidence.late_s),
        "missing": without_credentials(evidence.missing),
        "error": without_credentials(evidence.error),
    }


def _judgement(judgement: Judgement, result: RunResult) -> dict[str, Any]:
    requirement = judgement.requirement
    return {
        "id": requirement.id,
        "level": requirement.level.value,
        "verdict": judgement.verdict.value,
        "rule": one_paragraph(requirement.rule),
        "source": requirement.source,
        "reason": without_credentials(judgement.reason),
        "samples_ms": [_ms(sample) for sample in judgement.samples],
        "findings": [_finding(each, result) for each in judgement.findings],
    }


def _finding(finding: Finding, result: RunResult) -> dict[str, Any]:
    exchange = exchange_of(finding, result)
    return {
        "expected": without_credentials(finding.expected),
        "got": without_credentials(finding.got),
        "probe": finding.probe,
        "exchange": finding.exchange,
        "offset": finding.offset,
        "at_ms": None if finding.at_s is None else _ms(finding.at_s),
        "reproduce": exchange and curl_command(exchange.request, result.target),
        "token": exchange and exchange.token,
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
