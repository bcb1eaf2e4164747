"""What the safety check says of a story, read from the model's answer.

Pure. Its words count as whole words in any case; `reject` outweighs `revise`, and an
answer with neither approves.
"""

import re
from dataclasses import dataclass
from enum import StrEnum


class SafetyStatus(StrEnum):
    """What becomes of a story."""

    APPROVED = "approved"
    REVISED = "revised"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of one check; the score goes from 0, harmful, to 1, harmless."""

    status: SafetyStatus
    score: float


_REJECT = re.compile(r"\breject\b", re.IGNORECASE)
_REVISE = re.compile(r"\brevise\b", re.IGNORECASE)
# With its decimals, so that the number of a list or of a chapter is none.
_SCORE = re.compile(r"(?<![\w.-])[01]\.[0-9]{1,6}(?!\w|\.[0-9])")

_USUAL_SCORE = {
    SafetyStatus.APPROVED: 1.0,
    SafetyStatus.REVISED: 0.5,
    SafetyStatus.REJECTED: 0.0,
}


def read_verdict(answer: str, *, may_revise: bool) -> Verdict:
    """Return what an answer of the model means.

    Args:
        answer: all that the model said.
        may_revise: whether the story may be written again; if not, that it should be
            is a rejection.
    """
    if _REJECT.search(answer):
        status = SafetyStatus.REJECTED
    elif _REVISE.search(answer):
        status = SafetyStatus.REVISED if may_revise else SafetyStatus.REJECTED
    else:
        status = SafetyStatus.APPROVED
    return Verdict(status=status, score=_find_score(answer, _USUAL_SCORE[status]))


def _find_score(answer: str, usual: float) -> float:
    scores = (float(match[0]) for match in _SCORE.finditer(answer))
    return next((score for score in scores if score <= 1), usual)
