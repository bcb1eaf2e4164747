"""Dialect `story`: frames of data alone, told apart by their `type`.

Pure. It must not know the order of the nodes.
"""

from typing import Any

from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.json_text import to_json
from .measures import Measures
from .nodes import WORKFLOW, Node
from .progress import Progress
from .safety import Verdict


def start_workflow(story_id: str) -> Frame:
    """Return the first frame, which tells under which id the chapter is kept."""
    return _frame("node", node=WORKFLOW.name, status="started", story_id=story_id)


def start_node(node: Node) -> Frame:
    """Return the frame of a node that begins."""
    return _frame("node", node=node.name, status="started")


def complete_node(node: Node) -> Frame:
    """Return the frame of a node that is done."""
    return _frame("node", node=node.name, status="completed")


def show_progress(at: Progress) -> Frame:
    """Return the frame of how far the chapter is."""
    progress = {
        "stage": at.node.name,
        "description": at.description,
        "percent": at.percent,
    }
    return _frame("progress", progress=progress)


def say(chunk: str) -> Frame:
    """Return the frame of a piece of the chapter."""
    return _frame("content", chunk=chunk)


def show_verdict(verdict: Verdict) -> Frame:
    """Return the frame of what the safety check came to."""
    return _frame("safety_check", status=verdict.status, score=verdict.score)


def show_measures(measures: Measures) -> Frame:
    """Return the frame of what is told beside the text."""
    return _frame("metadata", **_metadata(measures))


def complete(
    text: str, verdict: Verdict, measures: Measures, *, story_id: str
) -> Frame:
    """Return the frame of the whole story; it is terminal."""
    story = {
        "success": True,
        "story_id": story_id,
        "story_content": text,
        "choices": measures.choices,
        "choice_question": measures.choice_question,
        "safety_score": verdict.score,
        "content_approved": True,
        **_metadata(measures),
    }
    return _frame("complete", story=story, is_terminal=True)


def fail(failure: Failure) -> Frame:
    """Return the frame of the end before the end; it is terminal."""
    return _frame(
        "error",
        message=failure.message,
        error_code=failure.code,
        retryable=failure.retryable,
        is_terminal=True,
    )


def _metadata(measures: Measures) -> dict[str, Any]:
    return {
        "estimated_reading_time": measures.reading_time,
        "vocabulary_level": measures.vocabulary_level,
        "educational_elements": measures.educational_elements,
    }


def _frame(kind: str, *, is_terminal: bool = False, **members: object) -> Frame:
    return Frame(data=to_json({"type": kind, **members}), is_terminal=is_terminal)
