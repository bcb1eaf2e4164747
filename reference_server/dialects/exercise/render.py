"""Dialect `exercise`: frames of data alone, progress and the result.

Pure. It must not know the order of the stages.
"""

from typing import Any

from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.json_text import to_json
from .progress import Position


def show_progress(at: Position, *, is_terminal: bool = False) -> Frame:
    """Return the frame of a stage that begins, or of a step in it."""
    document = _progress(at, at.stage.message, left_ms=at.left_ms)
    return Frame(data=to_json(document), is_terminal=is_terminal)


def show_result(result: dict[str, Any]) -> Frame:
    """Return the frame of the programme."""
    return Frame(data=to_json(result_document(result)))


def result_document(result: dict[str, Any]) -> dict[str, Any]:
    """Return the programme as it is told, in a frame or as an answer."""
    return {"type": "result", "data": result}


def fail(at: Position, failure: Failure) -> Frame:
    """Return the frame of the end before the end; it is terminal."""
    document = _progress(at, failure.message, left_ms=0)
    error = {"error": failure.code, "retryable": failure.retryable}
    return Frame(data=to_json({**document, **error}), is_terminal=True)


def _progress(at: Position, message: str, *, left_ms: int) -> dict[str, Any]:
    return {
        "stage": at.stage.name,
        "message": message,
        "progress": at.progress,
        "estimatedTimeRemaining": left_ms,
    }
