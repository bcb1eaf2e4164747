"""`providers.anthropic.reply`: the wire format, event by event."""

from __future__ import annotations

import json
import re

import pytest
from tests.fakes.validators.anthropic import validate_error
from tests.fakes.validators.frames import Json, split_events

from streamproof.fakes.content import (
    Answer,
    Kind,
    Part,
    RefusalDetails,
    StopReason,
    Usage,
)
from streamproof.fakes.providers.anthropic import MessageReply, MessageRequest
from streamproof.fakes.script import Fail, InStreamError

REQUEST = MessageRequest(
    model="claude", stream=True, texts=("hi",), max_tokens=100, fingerprint="f"
)
THOUGHT = Part(index=0, kind=Kind.THINKING, pieces=("hm",))
CALL = Part(index=1, kind=Kind.TOOL, name="f", pieces=('{"a', '":1}'))
ANSWER = Answer(
    parts=(THOUGHT, CALL),
    stop=StopReason.TOOL_CALLS,
    usage=Usage(input_tokens=9, cached_tokens=4, output_tokens=3, thinking_tokens=1),
)


def reply(answer: Answer = ANSWER) -> MessageReply:
    return MessageReply(request=REQUEST, answer=answer, seed=0)


def events(data: bytes) -> list[Json]:
    return [json.loads(text) for _, text in split_events(data)]


def test_a_message_starts_without_content_and_with_one_token_counted() -> None:
    (start,) = events(reply().opening())

    assert start["type"] == "message_start"
    assert start["message"]["content"] == []
    assert start["message"]["stop_reason"] is None
    assert start["message"]["usage"] == {
        "input_tokens": 5,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
        "cache_creation": {
            "ephemeral_5m_input_tokens": 0,
            "ephemeral_1h_input_tokens": 0,
        },
        "output_tokens": 1,
        "service_tier": "standard",
        "inference_geo": "global",
    }


def test_a_thought_is_signed_before_its_block_is_closed() -> None:
    answer = reply()
    first = events(answer.token(THOUGHT, "hm"))
    then = events(answer.token(CALL, '{"a'))

    assert [event["type"] for event in first] == [
        "content_block_start",
        "ping",
        "content_block_delta",
    ]
    assert first[2]["delta"] == {"type": "thinking_delta", "thinking": "hm"}
    assert then[0]["delta"]["type"] == "signature_delta"
    assert then[1] == {"type": "content_block_stop", "index": 0}


def test_a_tool_call_starts_with_an_empty_fragment() -> None:
    first, _ping, empty, more = events(reply().token(CALL, '{"a'))

    assert first["content_block"]["name"] == "f"
    assert first["content_block"]["input"] == {}
    assert first["content_block"]["id"].startswith("toolu_01")
    assert empty["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert more["delta"] == {"type": "input_json_delta", "partial_json": '{"a'}


def test_the_end_tells_the_reason_and_the_whole_usage() -> None:
    (delta,) = events(reply().closing())

    assert delta == {
        "type": "message_delta",
        "delta": {
            "stop_reason": "tool_use",
            "stop_sequence": None,
            "stop_details": None,
        },
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 3,
            "output_tokens_details": {"thinking_tokens": 1},
        },
    }


def test_a_refusal_tells_why_and_has_a_block_even_without_a_word() -> None:
    answer = Answer(
        parts=(Part(index=0, kind=Kind.REFUSAL, pieces=()),),
        stop=StopReason.REFUSAL,
        refusal=RefusalDetails(category="cyber", explanation="policy"),
    )
    start, _ping, stop, delta = events(reply(answer).closing())
    details = {"type": "refusal", "category": "cyber", "explanation": "policy"}

    assert start["content_block"] == {"type": "text", "text": ""}
    assert stop["type"] == "content_block_stop"
    assert delta["delta"]["stop_reason"] == "refusal"
    assert delta["delta"]["stop_details"] == details
    assert json.loads(reply(answer).body())["stop_details"] == details


def test_events_are_padded_with_spaces_before_their_last_brace() -> None:
    answer = reply()
    ends = {
        len(match[1])
        for _ in range(200)
        if (match := re.search(rb'"hm"}( *)}\n\n$', answer.token(THOUGHT, "hm")))
    }

    assert ends == set(range(16))


def test_a_whole_message_holds_the_input_of_a_tool_as_an_object() -> None:
    thought, call = json.loads(reply().body())["content"]

    assert thought["type"] == "thinking"
    assert thought["signature"]
    assert (call["name"], call["input"]) == ("f", {"a": 1})


def test_input_that_was_cut_for_length_is_no_input() -> None:
    answer = Answer(parts=(CALL,)).head(1)

    assert json.loads(reply(answer).body())["content"][0]["input"] == {}


def test_a_body_can_be_cut_inside_the_input_of_a_tool() -> None:
    assert reply().truncated_body(2).endswith(b'"input":{"a')


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (502, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_a_failure_has_the_type_of_its_status(status: int, kind: str) -> None:
    headers, body = reply().failure(Fail(status=status, retry_after_s=2.5))

    assert validate_error(body)[0] == kind
    assert dict(headers)["retry-after"] == "2.5"
    assert dict(headers)["request-id"] == json.loads(body)["request_id"]


@pytest.mark.parametrize(
    ("kind", "told", "message", "status"),
    [
        (None, "overloaded_error", "Overloaded", 529),
        ("rate_limit_error", "rate_limit_error", "This request would", 429),
        ("odd_error", "odd_error", "Internal server error", 500),
    ],
)
def test_an_error_in_the_stream_would_be_an_http_error_outside(
    kind: str | None, told: str, message: str, status: int
) -> None:
    error = InStreamError(after=1, type=kind)
    ((name, data),) = split_events(reply().stream_error(error))
    whole = json.loads(data)
    code, body = reply().body_error(error)

    assert name == "error"
    assert whole["error"]["type"] == told
    assert whole["error"]["message"].startswith(message)
    assert (code, validate_error(body)[0]) == (status, told)


def test_the_headers_are_those_the_service_sends() -> None:
    headers = dict(reply().stream_headers())

    assert headers["request-id"].startswith("req_011C")
    assert re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}",
        headers["anthropic-organization-id"],
    )
    assert headers["anthropic-ratelimit-requests-reset"] == "2023-11-14T22:13:20Z"
    assert {
        f"anthropic-ratelimit-{what}-{of}"
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
        for of in ("limit", "remaining", "reset")
    } <= set(headers)
