"""`providers.anthropic.request`: what is taken and what is refused."""

from __future__ import annotations

import json

import pytest
from tests.fakes.validators.anthropic import validate_error

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.anthropic import Anthropic, MessageRequest
from streamproof.fakes.providers.anthropic import parse_request as parse

KEY = {"x-api-key": "any", "anthropic-version": "2023-06-01"}
MESSAGES = [{"role": "user", "content": "hello there"}]


def parse_request(data: bytes, headers: dict[str, str]) -> MessageRequest:
    return parse(data, headers, fingerprint="f")


def body(**fields: object) -> bytes:
    whole = {"model": "m", "messages": MESSAGES, "max_tokens": 9, **fields}
    return json.dumps(whole).encode()


def test_a_request_is_read_and_its_texts_are_found() -> None:
    result = {
        "type": "tool_result",
        "tool_use_id": "t",
        "content": [{"type": "text", "text": "four"}],
    }
    source = {"type": "url", "url": "x"}
    messages = [
        {"role": "user", "content": "two"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "three"},
                {"type": "tool_use", "id": "t", "name": "f", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                result,
                {"type": "tool_result", "tool_use_id": "u", "content": "five"},
                {"type": "image", "source": source},
            ],
        },
    ]
    system = [{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}]
    request = parse_request(
        body(messages=messages, system=system, stream=True, future_field=1), KEY
    )

    assert request.texts == ("one", "two", "three", "four", "five")
    assert (request.model, request.stream, request.max_tokens) == ("m", True, 9)


def test_a_system_prompt_may_be_a_string() -> None:
    assert parse_request(body(system="one"), KEY).texts == ("one", "hello there")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "The request body is not valid JSON: EOF while parsing"),
        (b"\xff", "The request body is not valid JSON: "),
        (b"[]", "body: Input should be an object"),
        (
            b'{"messages": [{"role": "user", "content": "a"}], "max_tokens": 1}',
            "model: Field required",
        ),
        (
            b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}',
            "max_tokens: Field required",
        ),
        (body(max_tokens=0), "max_tokens: Input should be greater than or equal to 1"),
        (body(messages=[]), "messages: List should have at least 1 item"),
        (
            body(messages=[{"role": "owner", "content": "a"}]),
            "messages.0.role: Input should be 'user', 'assistant'",
        ),
        (
            body(messages=[{"role": "user", "content": 3}]),
            "messages.0.content: Input should be a valid string",
        ),
        (
            body(messages=[{"role": "user", "content": [{"text": "a"}]}]),
            "messages.0.content.0.type: Field required",
        ),
        (body(stream="yes"), "stream: Input should be a valid boolean"),
        (body(temperature=1.5), "temperature: Input should be less than or equal to 1"),
    ],
)
def test_a_bad_request_is_refused_as_the_service_does(
    data: bytes, message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request(data, KEY)
    headers, refusal = Anthropic().refuse(caught.value, seed=0, fingerprint="f")
    kind, told = validate_error(refusal)

    assert (caught.value.status, kind) == (400, "invalid_request_error")
    assert told.startswith(message)
    assert dict(headers)["request-id"] == json.loads(refusal)["request_id"]


@pytest.mark.parametrize(
    "headers",
    [
        {"x-api-key": "any", "anthropic-version": "2023-06-01"},
        {"authorization": "Bearer any", "anthropic-version": "2026-10-21"},
    ],
)
def test_old_and_new_credentials_are_taken(headers: dict[str, str]) -> None:
    assert parse_request(body(), headers).model == "m"


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({"anthropic-version": "x"}, 401, "x-api-key header is required"),
        ({"x-api-key": " ", "anthropic-version": "x"}, 401, "x-api-key header is req"),
        ({"authorization": "Basic a", "anthropic-version": "x"}, 401, "x-api-key head"),
        ({"x-api-key": "any"}, 400, "anthropic-version: header is required"),
    ],
)
def test_a_request_without_credentials_or_version_is_refused(
    headers: dict[str, str], status: int, message: str
) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        parse_request(body(), headers)

    assert caught.value.status == status
