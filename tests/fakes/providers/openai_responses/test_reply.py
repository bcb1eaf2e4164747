"""`providers.openai_responses.reply`: the wire format, event by event."""

from __future__ import annotations

import json

import pytest
from tests.fakes.validators.frames import Json, split_events
from tests.fakes.validators.openai_chat import validate_error
from tests.fakes.validators.openai_responses import read_events

from streamproof.fakes.content import Answer, Kind, Part, StopReason, Usage
from streamproof.fakes.providers.openai_responses import ResponseReply, parse_request
from streamproof.fakes.script import Fail, InStreamError

KEY = {"authorization": "Bearer any"}
TEXT = Part(index=0, kind=Kind.TEXT, pieces=("Hi ", "you"))
ANSWER = Answer(
    parts=(TEXT,), usage=Usage(input_tokens=9, cached_tokens=4, output_tokens=2)
)


def reply(answer: Answer = ANSWER, **fields: object) -> ResponseReply:
    body = json.dumps({"model": "m", "input": "hi", "stream": True, **fields}).encode()
    request = parse_request(body, KEY, fingerprint="f")
    return ResponseReply(request=request, answer=answer, seed=0)


def events(data: bytes) -> list[Json]:
    return [json.loads(text) for _, text in split_events(data)]


def test_a_stream_opens_with_the_response_twice() -> None:
    created, in_progress = events(reply().opening())

    assert created["type"] == "response.created"
    assert in_progress["type"] == "response.in_progress"
    assert [created["sequence_number"], in_progress["sequence_number"]] == [0, 1]
    assert created["response"] == in_progress["response"]
    assert created["response"]["status"] == "in_progress"
    assert created["response"]["output"] == []


def test_the_first_token_opens_its_item_and_part() -> None:
    added, part, delta = events(reply().token(TEXT, "Hi "))

    assert added["item"]["content"] == []
    assert part["part"] == {
        "type": "output_text",
        "annotations": [],
        "logprobs": [],
        "text": "",
    }
    assert delta["delta"] == "Hi "
    assert delta["item_id"] == added["item"]["id"] == part["item_id"]


def test_obfuscation_hides_the_length_of_a_token() -> None:
    answer = reply()
    answer.token(TEXT, "a")
    lengths = {
        len(text) + len(events(answer.token(TEXT, text))[0]["obfuscation"])
        for text in ("a" * size for size in range(1, 16))
    }

    assert lengths == {16}


def test_obfuscation_can_be_turned_off() -> None:
    answer = reply(stream_options={"include_obfuscation": False})

    assert "obfuscation" not in events(answer.token(TEXT, "Hi "))[-1]


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (StopReason.STOP, "completed", None),
        (StopReason.REFUSAL, "completed", None),
        (StopReason.LENGTH, "incomplete", "max_output_tokens"),
        (StopReason.CONTENT_FILTER, "incomplete", "content_filter"),
    ],
)
def test_the_terminal_event_holds_the_whole_response(
    stop: StopReason, status: str, reason: str | None
) -> None:
    (terminal,) = events(reply(Answer(parts=(TEXT,), stop=stop)).terminator())
    response = terminal["response"]
    (item,) = response["output"]

    assert terminal["type"] == f"response.{status}"
    assert (response["status"], item["status"]) == (status, status)
    assert item["content"][0]["text"] == "Hi you"
    assert (response["incomplete_details"] or {}).get("reason") == reason


def test_the_usage_tells_details() -> None:
    assert json.loads(reply().body())["usage"] == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 11,
    }


def test_a_body_can_be_cut_behind_a_token() -> None:
    assert reply().truncated_body(1).endswith(b'"text":"Hi ')


def test_an_error_is_an_event_of_its_own() -> None:
    error = InStreamError(after=0, message="no", type="rate_limit_exceeded")
    (event,) = events(reply().stream_error(error))

    assert event == {
        "type": "error",
        "sequence_number": 0,
        "error": {
            "type": "rate_limit_exceeded",
            "code": "rate_limit_exceeded",
            "message": "no",
            "param": None,
        },
    }


def test_an_error_can_be_flat_as_the_reference_says() -> None:
    error = InStreamError(after=0, message="no", type="t", shape="flat")
    said = reply().stream_error(error)

    assert said == (
        b'event: error\ndata: {"type":"error","sequence_number":0,"code":"t",'
        b'"message":"no","param":null}\n\n'
    )


def test_a_ping_is_an_event_with_a_number_of_its_own() -> None:
    answer = reply()
    opening = answer.opening()
    pings = [answer.keepalive(None), answer.keepalive("here"), answer.keepalive(None)]

    assert opening.count(b"sequence_number") == 2
    assert pings == [
        b'event: keepalive\ndata: {"type":"keepalive","sequence_number":2}\n\n',
        b": here\n\n",
        b'event: keepalive\ndata: {"type":"keepalive","sequence_number":3}\n\n',
    ]


def test_an_error_can_be_told_as_a_failed_response() -> None:
    error = InStreamError(after=0, message="no", type="response.failed")
    answer = reply()
    (*_, event) = read_events(answer.opening() + answer.stream_error(error))
    status, body = answer.body_error(error)

    assert event["type"] == "response.failed"
    assert event["response"]["status"] == "failed"
    assert event["response"]["error"] == {"code": "server_error", "message": "no"}
    assert (status, validate_error(body)) == (500, ("server_error", "no"))


def test_a_failure_is_the_error_of_the_service() -> None:
    headers, body = reply().failure(Fail(status=429, retry_after_s=1))

    assert validate_error(body)[0] == "requests"
    assert dict(headers)["retry-after"] == "1"
    assert dict(headers)["x-request-id"].startswith("req_")
