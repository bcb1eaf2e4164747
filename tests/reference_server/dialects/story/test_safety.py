"""What an answer of the safety check means."""

from __future__ import annotations

import pytest

from streamproof.reference_server.dialects.story.safety import (
    SafetyStatus,
    read_verdict,
)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("approve", "approved"),
        ("", "approved"),
        ("I have no idea", "approved"),
        ("rejected", "approved"),
        ("revised, prerevise", "approved"),
        ("reject", "rejected"),
        ("REJECT.", "rejected"),
        ("I'd Reject\nit", "rejected"),
        ("*reject*", "rejected"),
        ("revise", "revised"),
        ("Please ReViSe: too dark", "revised"),
        ("revise or reject", "rejected"),
    ],
)
def test_whole_words_count_in_any_case(answer: str, status: str) -> None:
    assert read_verdict(answer, may_revise=True).status == status


def test_a_second_revision_is_a_rejection() -> None:
    verdict = read_verdict("revise 0.4", may_revise=False)

    assert (verdict.status, verdict.score) == (SafetyStatus.REJECTED, 0.4)


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("approve 0.93", 0.93),
        ("approve (score: 1.0)", 1.0),
        ("0.5.", 0.5),
        ("0.25, before 0.75", 0.25),
        ("approve", 1.0),
        ("reject", 0.0),
        ("revise", 0.5),
        ("approve 1.5", 1.0),
        ("approve 1.5, or 0.2", 0.2),
        ("approve 10.5", 1.0),
        ("approve 0.1.2", 1.0),
        ("approve -0.5", 1.0),
        ("reject chapter 1", 0.0),
        ("approve \u0660.\u0665", 1.0),
        ("approve 0." + "9" * 70_000, 1.0),
    ],
)
def test_the_score_is_the_first_that_can_be_one(answer: str, score: float) -> None:
    assert read_verdict(answer, may_revise=True).score == score
