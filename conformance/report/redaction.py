"""Takes the credentials of a run out of its result, before anything is shown. Pure.

A target may put the credential it was sent into an answer, and a finding quote that
answer. Must not touch transcripts: `Transcript.to_jsonl` does that for itself, and
offsets are counted in the bytes as they came.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from ..model import Evidence, Finding, Judgement
from ..runner.result import RunResult
from ..wire.redaction import MARKER


def without_secrets(result: RunResult, secrets: Collection[str]) -> RunResult:
    """Return `result` with each of `secrets` replaced wherever a report shows text."""
    if not secrets:
        return result
    return replace(
        result,
        judgements=tuple(_judgement(each, secrets) for each in result.judgements),
        evidence={
            name: _evidence(each, secrets) for name, each in result.evidence.items()
        },
    )


def _judgement(judgement: Judgement, secrets: Collection[str]) -> Judgement:
    return replace(
        judgement,
        reason=_text(judgement.reason, secrets),
        findings=tuple(_finding(each, secrets) for each in judgement.findings),
    )


def _finding(finding: Finding, secrets: Collection[str]) -> Finding:
    return replace(
        finding,
        expected=_text(finding.expected, secrets),
        got=_text(finding.got, secrets),
    )


def _evidence(evidence: Evidence, secrets: Collection[str]) -> Evidence:
    return replace(
        evidence,
        missing=_text(evidence.missing, secrets),
        error=_text(evidence.error, secrets),
    )


def _text(text: str, secrets: Collection[str]) -> str:
    # The longest first: one secret may be the beginning of another.
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, MARKER)
    return text
