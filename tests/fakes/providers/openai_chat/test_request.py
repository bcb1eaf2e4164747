"""`providers.openai_chat.request`: what is taken and what is refused."""

from __future__ import annotations

import json

import pytest

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.openai_chat import OPENAI_CHAT, ChatRequest
from streamproof.fakes.providers.openai_chat import parse_request as parse

KEY = {"authorization": "Bearer any"}
MESSAGES = [{"role": "user", "content": "hello there"}]


def parse_request(data: bytes, headers: dict[str, str]) -> ChatRequest:
    return parse(data, headers, fingerprint="f")


def body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


def test_a_request_is_read_and_its_texts_are_found() -> None:
    content = [
        {"type": "text", "text": "two"},
        {"type": "image_url", "image_url": {"url": "data:"}},
    ]
    messages = [
        {"role": "system", "content": "one"},
        {"role": "user", "content": content, "name": "x"},
        {"role": "assistant", "content": None, "tool_calls": []},
    ]
    request = parse_request(
        body(messages=messages, stream=True, future_field={"a": 1}), KEY
    )

    assert request.texts == ("one", "two")
    assert request.stream
    assert request.model == "m"
    assert request.include_obfuscation
    assert not request.include_usage


@pytest.mark.parametrize(
    ("data", "param", "code", "message"),
    [
        (b"{", None, None, "We could not parse the JSON body of your request: "),
        (b"\xff\xfe", None, None, "We could not parse the JSON body of your request: "),
        (
            b'{"messages": [{"role": "user", "content": "a"}]}',
            "model",
            "missing_required_parameter",
            "Missing required parameter: 'model'.",
        ),
        (
            b'{"model": "m"}',
            "messages",
            "missing_required_parameter",
            "Missing required parameter: 'messages'.",
        ),
        (
            body(messages=[{"role": "user", "content": 3}]),
            "messages[0].content",
            "invalid_type",
            "Invalid type for 'messages[0].content': expected a valid string, but got",
        ),
        (
            body(messages=[{"role": "owner", "content": "a"}]),
            "messages[0].role",
            "invalid_value",
            "Invalid value: 'owner'. Supported values are: ",
        ),
        (
            body(messages=[]),
            "messages",
            "empty_array",
            "Invalid 'messages': empty array. Expected an array with minimum length 1,",
        ),
        (
            body(temperature=2.5),
            "temperature",
            "decimal_above_max_value",
            "Invalid 'temperature': decimal above maximum value. Expected a value <=",
        ),
        (
            body(top_p=-1),
            "top_p",
            "decimal_below_min_value",
            "Invalid 'top_p': decimal below minimum value. Expected a value >= 0",
        ),
        (
            body(max_tokens=0),
            "max_tokens",
            "integer_below_min_value",
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1",
        ),
        (
            body(n=129),
            "n",
            "integer_above_max_value",
            "Invalid 'n': integer above maximum value. Expected a value <= 128",
        ),
        (
            body(model="m" * 257),
            "model",
            "string_above_max_length",
            "Invalid 'model': string too long. Expected a string with maximum length",
        ),
        (
            body(stream="yes"),
            "stream",
            "invalid_type",
            "Invalid type for 'stream': expected a valid boolean, but got str instead.",
        ),
        (
            body(stream_options={"include_usage": True}),
            "stream_options",
            None,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
        (body(n=2), "n", "unsupported_value", "Invalid value for 'n': expected 1"),
        (b"[]", "body", "invalid_type", "Invalid type for 'body'"),
    ],
)
def test_a_bad_request_is_refused_as_the_service_does(
    data: bytes, param: str | None, code: str | None, message: str
) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request(data, KEY)
    headers, refusal = OPENAI_CHAT.refuse(caught.value, seed=0, fingerprint="f")
    error = json.loads(refusal)["error"]

    assert caught.value.status == 400
    assert dict(headers)["x-request-id"].startswith("req_")
    assert error["message"].startswith(message)
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error",
        param,
        code,
    )


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic abc"])
def test_a_request_without_a_bearer_token_is_refused(authorization: str) -> None:
    with pytest.raises(RequestError, match="You didn't provide an API key") as caught:
        parse_request(body(), {"authorization": authorization})

    assert caught.value.status == 401


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 7}, 7),
        ({"max_completion_tokens": 7, "max_tokens": 5}, 7),
    ],
)
def test_the_limit_of_the_answer_is_read(
    fields: dict[str, int], limit: int | None
) -> None:
    assert parse_request(body(**fields), KEY).max_tokens == limit
