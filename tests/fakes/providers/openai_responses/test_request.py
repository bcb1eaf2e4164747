"""`providers.openai_responses.request`: what is taken and what is refused."""

from __future__ import annotations

import json

import pytest
from tests.fakes.validators.openai_chat import validate_error

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.openai_responses import (
    OPENAI_RESPONSES,
    ResponseRequest,
)
from streamproof.fakes.providers.openai_responses import parse_request as parse

KEY = {"authorization": "Bearer any"}


def parse_request(data: bytes, headers: dict[str, str]) -> ResponseRequest:
    return parse(data, headers, fingerprint="f")


def body(**fields: object) -> bytes:
    return json.dumps({"model": "m", "input": "hello there", **fields}).encode()


def test_a_request_is_read_and_its_texts_are_found() -> None:
    screenshot = {"type": "computer_screenshot", "image_url": "x"}
    items = [
        {"role": "user", "content": "two"},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "three"},
                {"type": "input_image", "image_url": "x"},
            ],
        },
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "four"},
        {"type": "computer_call_output", "call_id": "d", "output": screenshot},
        {"type": "reasoning", "id": "rs_1", "summary": []},
    ]
    request = parse_request(
        body(input=items, instructions="one", stream=True, future_field=1), KEY
    )

    assert request.texts == ("one", "two", "three", "four")
    assert (request.model, request.stream) == ("m", True)
    assert request.include_obfuscation
    assert request.max_tokens is None


def test_what_the_response_will_echo_is_what_was_given_or_taken() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    echo = parse_request(body(tools=tools, temperature=0.5, store=None), KEY).echo

    assert echo["tools"] == tools
    assert echo["temperature"] == 0.5
    assert echo["store"] is True
    assert echo["truncation"] == "disabled"


def test_obfuscation_and_length_can_be_limited() -> None:
    options = {"include_obfuscation": False}
    request = parse_request(
        body(stream=True, stream_options=options, max_output_tokens=16), KEY
    )

    assert not request.include_obfuscation
    assert request.max_tokens == 16


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        (b"{", None, None),
        (b'{"input": "a"}', "model", "missing_required_parameter"),
        (b'{"model": "m"}', "input", "missing_required_parameter"),
        (body(input=3), "input", "invalid_type"),
        (body(input=[]), "input", "invalid_type"),
        (body(input=[{"content": 3}]), "input[0].content", "invalid_type"),
        (body(max_output_tokens=15), "max_output_tokens", "integer_below_min_value"),
        (body(temperature=3), "temperature", "decimal_above_max_value"),
        (body(stream="yes"), "stream", "invalid_type"),
        (body(tools="f"), "tools", "invalid_type"),
    ],
)
def test_a_bad_request_is_refused_as_the_service_does(
    data: bytes, param: str | None, code: str | None
) -> None:
    with pytest.raises(RequestError) as caught:
        parse_request(data, KEY)
    _, refusal = OPENAI_RESPONSES.refuse(caught.value, seed=0, fingerprint="f")

    assert validate_error(refusal)[0] == "invalid_request_error"
    assert (caught.value.status, caught.value.param, caught.value.code) == (
        400,
        param,
        code,
    )


def test_a_request_without_a_bearer_token_is_refused() -> None:
    with pytest.raises(RequestError, match="You didn't provide an API key"):
        parse_request(body(), {})
