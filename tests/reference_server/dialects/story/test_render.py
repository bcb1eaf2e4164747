"""How the frames look."""

from __future__ import annotations

import json
from typing import Any

from streamproof.reference_server.dialects.story import render
from streamproof.reference_server.dialects.story.measures import Measures
from streamproof.reference_server.dialects.story.nodes import CHECK, GENERATE
from streamproof.reference_server.dialects.story.progress import Progress
from streamproof.reference_server.dialects.story.safety import SafetyStatus, Verdict
from streamproof.reference_server.streams.failure import Failure
from streamproof.reference_server.streams.frame import Frame

VERDICT = Verdict(status=SafetyStatus.APPROVED, score=0.9)
MEASURES = Measures(
    reading_time=2,
    vocabulary_level="beginner",
    educational_elements=["counting"],
    choices=["Hide", "Sing"],
    choice_question="What now?",
)

PROGRESS = Progress(node=GENERATE, description="Writing", percent=7)


def read(frame: Frame, *, is_terminal: bool = False) -> dict[str, Any]:
    assert frame.event is None
    assert frame.is_terminal is is_terminal
    document = json.loads(frame.data)
    assert isinstance(document, dict)
    return document


def test_nodes_start_and_complete() -> None:
    assert read(render.start_workflow("an id")) == {
        "type": "node",
        "node": "workflow",
        "status": "started",
        "story_id": "an id",
    }
    assert read(render.start_node(GENERATE)) == {
        "type": "node",
        "node": "generate_content",
        "status": "started",
    }
    assert read(render.complete_node(CHECK)) == {
        "type": "node",
        "node": "safety_check",
        "status": "completed",
    }


def test_what_is_told_of_a_chapter_on_its_way() -> None:
    assert read(render.show_progress(PROGRESS)) == {
        "type": "progress",
        "progress": {
            "stage": "generate_content",
            "description": "Writing",
            "percent": 7,
        },
    }
    assert read(render.say("Once\n")) == {"type": "content", "chunk": "Once\n"}
    assert read(render.show_verdict(VERDICT)) == {
        "type": "safety_check",
        "status": "approved",
        "score": 0.9,
    }
    assert read(render.show_measures(MEASURES)) == {
        "type": "metadata",
        "estimated_reading_time": 2,
        "vocabulary_level": "beginner",
        "educational_elements": ["counting"],
    }


def test_the_whole_story() -> None:
    frame = render.complete("Once", VERDICT, MEASURES, story_id="an id")

    assert read(frame, is_terminal=True) == {
        "type": "complete",
        "story": {
            "success": True,
            "story_id": "an id",
            "story_content": "Once",
            "choices": ["Hide", "Sing"],
            "choice_question": "What now?",
            "educational_elements": ["counting"],
            "estimated_reading_time": 2,
            "safety_score": 0.9,
            "content_approved": True,
            "vocabulary_level": "beginner",
        },
    }


def test_a_failure_is_terminal() -> None:
    frame = render.fail(Failure(code="LLM_ERROR", message="no", retryable=True))

    assert read(frame, is_terminal=True) == {
        "type": "error",
        "message": "no",
        "error_code": "LLM_ERROR",
        "retryable": True,
    }
