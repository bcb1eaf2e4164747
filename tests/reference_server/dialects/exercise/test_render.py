"""Frames of dialect `exercise`, literally."""

import json

from streamproof.reference_server.dialects.exercise import render
from streamproof.reference_server.dialects.exercise.progress import Position
from streamproof.reference_server.dialects.exercise.stages import COMPLETE, GENERATING
from streamproof.reference_server.streams.failure import Failure

AT = Position(stage=GENERATING, progress=43, left_ms=900)


def test_progress() -> None:
    frame = render.show_progress(AT)

    assert frame.event is None
    assert frame.data == (
        '{"stage":"generating","message":"Writing the programme","progress":43,'
        '"estimatedTimeRemaining":900}'
    )
    assert not frame.is_terminal


def test_the_last_progress_is_the_end() -> None:
    at = Position(stage=COMPLETE, progress=100, left_ms=0)

    frame = render.show_progress(at, is_terminal=True)

    assert json.loads(frame.data)["stage"] == "complete"
    assert frame.is_terminal


def test_the_result() -> None:
    frame = render.show_result({"title": "ü", "exercises": []})

    assert frame.event is None
    assert frame.data == '{"type":"result","data":{"title":"ü","exercises":[]}}'
    assert not frame.is_terminal


def test_a_failure_tells_where_it_happened_and_is_the_end() -> None:
    failure = Failure(code="BROKEN", message="it broke", retryable=True)

    frame = render.fail(AT, failure)

    assert json.loads(frame.data) == {
        "stage": "generating",
        "message": "it broke",
        "progress": 43,
        "estimatedTimeRemaining": 0,
        "error": "BROKEN",
        "retryable": True,
    }
    assert frame.is_terminal
