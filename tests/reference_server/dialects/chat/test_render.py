"""Frames of dialect `chat`, literally."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from streamproof.reference_server.dialects.chat import render
from streamproof.reference_server.dialects.chat.request import CancelReason
from streamproof.reference_server.streams import sse
from streamproof.reference_server.streams.failure import Failure

SESSION = UUID("5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a90")
NOW = 1_800_000_000.0625
AT = '"timestamp":"2027-01-15T08:00:00.062Z"}'


def test_stages() -> None:
    frames = [
        render.show_retrieval_start(SESSION, NOW),
        render.show_retrieval_complete(8, NOW),
        render.show_reranking_start(NOW),
        render.show_reranking_complete(4, NOW),
    ]

    assert [frame.data for frame in frames] == [
        (
            '{"type":"retrieval_start","content":{"session_id":'
            f'"5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a90"}},{AT}'
        ),
        f'{{"type":"retrieval_complete","content":{{"documents":8}},{AT}',
        f'{{"type":"reranking_start","content":{{}},{AT}',
        f'{{"type":"reranking_complete","content":{{"kept":4}},{AT}',
    ]
    assert {frame.event for frame in frames} == {None}
    assert not any(frame.is_terminal for frame in frames)


def test_a_token() -> None:
    frame = render.show_token('ü "\u2028\n', NOW)

    assert frame.data == f'{{"type":"token","content":"ü \\"\u2028\\n",{AT}'
    assert not frame.is_terminal


def test_half_of_a_surrogate_pair_travels_escaped() -> None:
    frame = render.show_token("\ud83d", NOW)

    assert '"content":"\\ud83d"' in frame.data


def test_the_end() -> None:
    frame = render.show_done(SESSION, 7, "stop", NOW)

    assert json.loads(frame.data)["content"] == {
        "session_id": str(SESSION),
        "tokens": 7,
        "finish_reason": "stop",
    }
    assert frame.is_terminal


@pytest.mark.parametrize("reason", CancelReason)
def test_a_cancel_tells_its_reason(reason: CancelReason) -> None:
    failure = Failure(code="CANCELLED", message="it ended", retryable=False)

    frame = render.fail(failure, reason, NOW)

    assert json.loads(frame.data) == {
        "type": "error",
        "content": {
            "code": "CANCELLED",
            "message": "it ended",
            "retryable": False,
            "reason": reason,
        },
        "timestamp": "2027-01-15T08:00:00.062Z",
    }
    assert frame.is_terminal


def test_another_failure_has_no_reason() -> None:
    failure = Failure(code="BROKEN", message="it broke", retryable=True)

    frame = render.fail(failure, CancelReason.ERROR, NOW)

    assert json.loads(frame.data)["content"] == {
        "code": "BROKEN",
        "message": "it broke",
        "retryable": True,
    }


def test_a_heartbeat_is_data_without_an_id() -> None:
    block = render.show_heartbeat(NOW)

    assert block.decode() == f'data: {{"type":"heartbeat","content":{{}},{AT}\n\n'


def test_a_heartbeat_can_repeat_the_time_of_an_event() -> None:
    frame = render.show_token('"timestamp":"1999-01-01T00:00:00.000Z"\ndata: {}', NOW)
    block = sse.encode(frame.data, id="stream1-7", retry_ms=1000)

    assert render.repeat_time(block) == render.show_heartbeat(NOW)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (0.9999, "1970-01-01T00:00:00.999Z"),
        (1_800_000_000.5, "2027-01-15T08:00:00.500Z"),
    ],
)
def test_times_have_milliseconds_and_are_not_rounded_up(now: float, told: str) -> None:
    assert json.loads(render.show_token("", now).data)["timestamp"] == told
