"""Frames of dialect `pipeline`, literally."""

import json

from streamproof.reference_server.dialects.pipeline import render
from streamproof.reference_server.dialects.pipeline.progress import Position
from streamproof.reference_server.streams.failure import Failure

AT = Position(node="intake", step=1, total=2, eta_ms=900)
LAST = Position(node="assemble", step=2, total=2, eta_ms=100)


def test_entering_a_node() -> None:
    frame = render.enter_node(AT)

    assert frame.event == "state_delta"
    assert frame.data == (
        '{"type":"node-enter","node":"intake","delta":{"status":"running"},'
        '"progress":{"node":"intake","step":1,"total":2,"etaMs":900}}'
    )
    assert not frame.is_terminal


def test_a_piece_of_text() -> None:
    frame = render.say(AT, "a\u2028ü")

    assert json.loads(frame.data)["delta"] == {"text": "a\u2028ü"}
    assert "ü" in frame.data
    assert not frame.is_terminal


def test_completing_a_node_on_the_way() -> None:
    frame = render.complete_node(AT, "all")

    document = json.loads(frame.data)
    assert document["type"] == "node-complete"
    assert document["delta"] == {"status": "complete", "output": "all"}
    assert document["progress"]["etaMs"] == 900
    assert not frame.is_terminal


def test_completing_the_last_node_is_the_end() -> None:
    frame = render.complete_node(LAST, "all")

    assert frame.is_terminal
    assert json.loads(frame.data)["progress"]["etaMs"] == 0


def test_a_failure_is_the_end() -> None:
    failure = Failure(code="BROKEN", message="it broke", retryable=True)

    frame = render.fail(AT, failure)

    assert json.loads(frame.data) == {
        "type": "error",
        "node": "intake",
        "delta": {
            "status": "error",
            "code": "BROKEN",
            "message": "it broke",
            "retryable": True,
        },
        "progress": {"node": "intake", "step": 1, "total": 2, "etaMs": 0},
    }
    assert frame.is_terminal


def test_half_a_surrogate_pair_is_escaped() -> None:
    frame = render.say(AT, "\ud83d")

    assert "\\ud83d" in frame.data
    assert frame.data.encode()
