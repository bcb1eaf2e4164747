"""Frames of dialect `pipeline`, literally."""

import json

from streamproof.reference_server.dialects.pipeline import render as pipeline
from streamproof.reference_server.streams.events import (
    FailureCode,
    NodeCompleted,
    NodeEntered,
    Position,
    RunFailed,
    TextDelta,
    failure,
)

AT = Position(node="intake", step=1, total=2, eta_ms=900)
LAST = Position(node="assemble", step=2, total=2, eta_ms=100)


def test_entering_a_node() -> None:
    frame = pipeline.render(NodeEntered(at=AT))

    assert frame.event == "state_delta"
    assert frame.data == (
        '{"type":"node-enter","node":"intake","delta":{"status":"running"},'
        '"progress":{"node":"intake","step":1,"total":2,"etaMs":900}}'
    )
    assert not frame.is_terminal


def test_a_piece_of_text() -> None:
    frame = pipeline.render(TextDelta(at=AT, text="a\u2028ü"))

    assert json.loads(frame.data)["delta"] == {"text": "a\u2028ü"}
    assert "ü" in frame.data
    assert not frame.is_terminal


def test_completing_a_node_on_the_way() -> None:
    frame = pipeline.render(NodeCompleted(at=AT, output="all"))

    document = json.loads(frame.data)
    assert document["type"] == "node-complete"
    assert document["delta"] == {"status": "complete", "output": "all"}
    assert document["progress"]["etaMs"] == 900
    assert not frame.is_terminal


def test_completing_the_last_node_is_the_end() -> None:
    frame = pipeline.render(NodeCompleted(at=LAST, output="all"))

    assert frame.is_terminal
    assert json.loads(frame.data)["progress"]["etaMs"] == 0


def test_a_failure_is_the_end() -> None:
    reason = failure(FailureCode.SERVER_SHUTDOWN, retry_ms=1234)

    frame = pipeline.render(RunFailed(at=AT, failure=reason))

    assert json.loads(frame.data) == {
        "type": "error",
        "node": "intake",
        "delta": {
            "status": "error",
            "code": "SERVER_SHUTDOWN",
            "message": "the server is shutting down, try again shortly",
            "retryable": True,
        },
        "progress": {"node": "intake", "step": 1, "total": 2, "etaMs": 0},
    }
    assert frame.retry_ms == 1234
    assert frame.is_terminal


def test_half_a_surrogate_pair_is_escaped() -> None:
    frame = pipeline.render(TextDelta(at=AT, text="\ud83d"))

    assert "\\ud83d" in frame.data
    assert frame.data.encode()


def test_every_failure_has_a_message_of_its_own() -> None:
    messages = {failure(code).message for code in FailureCode}

    assert len(messages) == len(FailureCode)
