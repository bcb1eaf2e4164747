"""The registry of checks, and a right pipeline run before all of them that apply."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.conformance.checks.situations import evidence, findings
from tests.conformance.checks.timelines import (
    HEADERS,
    PIPELINE,
    body,
    pipeline_frames,
)

from streamproof.conformance.checks import CHECKS, Sample
from streamproof.conformance.checks.registry import check
from streamproof.conformance.errors import CatalogueError
from streamproof.conformance.model import Evidence, Finding
from streamproof.conformance.profiles import Profile

TOPICS = ("headers", "framing", "vocabulary", "ids", "lifecycle")
NEED_MORE = {
    # These look at another situation than one complete run.
    "headers.same-on-resume",
    "framing.text-survives",
    "framing.no-forged-events",
    "vocabulary.error-codes",
    "ids.stream-differs",
    "lifecycle.all-tokens-arrive",
    "lifecycle.one-generation",
    "lifecycle.streams-do-not-mix",
}


def judge_nothing(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    yield from ()


def test_a_requirement_has_one_check() -> None:
    with pytest.raises(CatalogueError, match=r"one check for framing\.no-bom, got two"):
        check("framing.no-bom")(judge_nothing)


@pytest.mark.parametrize("id_", CHECKS)
def test_a_check_is_named_after_its_requirement(id_: str) -> None:
    slug = id_.partition(".")[2].replace("-", "_")
    made_by_a_factory = "judge"

    assert CHECKS[id_].__name__ in (f"judge_{slug}", made_by_a_factory)


def test_the_registry_cannot_be_changed_from_outside() -> None:
    with pytest.raises(TypeError):
        CHECKS["topic.rule"] = judge_nothing  # type: ignore[index]  # the point here


@pytest.mark.parametrize(
    "id_",
    sorted(id_ for id_ in CHECKS if id_.startswith(TOPICS) and id_ not in NEED_MORE),
)
def test_a_right_pipeline_run_passes(id_: str) -> None:
    headers = {**HEADERS, "X-Accel-Buffering": "no"}
    given = evidence(body("stream", *pipeline_frames(), headers=headers))

    assert findings(id_, given, PIPELINE) == []
