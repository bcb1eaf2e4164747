"""Takes the credentials of a run out of its result, before anything is shown. Pure.

A target may put the credential it was sent into an answer, and a finding quote that
answer. Must not touch transcripts: `Transcript.to_jsonl` does that for itself, and
offsets are counted in the bytes as they came.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from ..model import Evidence, Finding, Judgement
from ..runner.result import RunResult
from ..wire.redaction import MARKER, forms_of


def without_secrets(result: RunResult, secrets: Collection[str]) -> RunResult:
    """Return `result` with each of `secrets` replaced wherever a report shows text."""
    if not secrets:
        return result
    # The longest first: one secret may be the beginning of another.
    texts = sorted(_written(secrets), key=len, reverse=True)
    return replace(
        result,
        judgements=tuple(_judgement(each, texts) for each in result.judgements),
        evidence={
            name: _evidence(each, texts) for name, each in result.evidence.items()
        },
    )


def _judgement(judgement: Judgement, texts: Sequence[str]) -> Judgement:
    return replace(
        judgement,
        reason=_text(judgement.reason, texts),
        findings=tuple(_finding(each, texts) for each in judgement.findings),
    )


def _finding(finding: Finding, texts: Sequence[str]) -> Finding:
    return replace(
        finding,
        expected=_text(finding.expected, texts),
        got=_text(finding.got, texts),
    )


def _evidence(evidence: Evidence, texts: Sequence[str]) -> Evidence:
    return replace(
        evidence,
        missing=_text(evidence.missing, texts),
        error=_text(evidence.error, texts),
    )


def _text(text: str, texts: Sequence[str]) -> str:
    for secret in texts:
        text = text.replace(secret, MARKER)
    return text


def _written(secrets: Collection[str]) -> set[str]:
    """Return all texts to look for: findings quote what came, as Python quotes."""
    forms = {form for secret in secrets if secret for form in forms_of(secret)}
    return forms | {repr(form)[1:-1] for form in forms}
