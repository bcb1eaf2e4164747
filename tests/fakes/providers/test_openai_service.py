"""`providers.openai_service`: what both endpoints of the service share."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError
from tests.fakes.validators.openai_chat import validate_error

from streamproof.fakes.content import Limits
from streamproof.fakes.dice import Dice
from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.openai_service import (
    Tolerant,
    count_words,
    encode_failure,
    encode_late_error,
    encode_refusal,
    explain,
    require_key,
    service_headers,
)
from streamproof.fakes.script import Fail, InStreamError

DICE = Dice(seed=0, fingerprint="f")


class _Part(Tolerant):
    text: str


class _Body(Tolerant):
    content: str | list[_Part]


def complaint(body: str) -> RequestError:
    with pytest.raises(ValidationError) as caught:
        _Body.model_validate_json(body)
    return explain(caught.value)


def test_of_several_complaints_the_deepest_is_told() -> None:
    error = complaint('{"content": [{"text": "a"}, {"text": 3}]}')

    assert error.param == "content[1].text"
    assert str(error) == (
        "Invalid type for 'content[1].text': expected a valid string, "
        "but got int instead."
    )


def test_a_missing_field_is_named() -> None:
    error = complaint("{}")

    assert str(error) == "Missing required parameter: 'content'."
    assert error.code == "missing_required_parameter"


@pytest.mark.parametrize("field", ["Bearer any", "bearer any"])
def test_any_bearer_token_will_do(field: str) -> None:
    require_key({"authorization": field})


@pytest.mark.parametrize("field", ["", "Bearer", "Bearer  ", "Basic any"])
def test_anything_else_is_refused(field: str) -> None:
    with pytest.raises(RequestError) as caught:
        require_key({"authorization": field})

    assert caught.value.status == 401


def test_a_prompt_counts_as_its_words_and_a_little_more() -> None:
    assert count_words(["two words", "one"]) == 3 + 2 * 4 + 3


def test_a_refusal_bears_the_request_id_that_an_answer_would() -> None:
    headers, body = encode_refusal(
        RequestError("no", param="model", code="odd"), seed=0, fingerprint="f"
    )
    answered = dict(service_headers(DICE, 5, Limits()))

    assert dict(headers)["x-request-id"] == answered["x-request-id"]
    assert json.loads(body)["error"] == {
        "message": "no",
        "type": "invalid_request_error",
        "param": "model",
        "code": "odd",
    }


def test_a_fault_of_the_server_is_told_as_one() -> None:
    _, body = encode_refusal(RequestError("no", status=501), seed=0, fingerprint="f")

    assert validate_error(body) == ("server_error", "no")


def test_a_failure_keeps_the_headers_it_is_given() -> None:
    headers, body = encode_failure(
        Fail(status=503, retry_after_s=0.5),
        [("x-request-id", "req_1")],
        limits=Limits(),
        model="m",
    )

    assert headers == [("x-request-id", "req_1"), ("retry-after", "0.5")]
    assert validate_error(body)[0] == "service_unavailable_error"


def test_a_late_error_says_what_the_script_says() -> None:
    error = InStreamError(after=1, message="broke", type="odd")

    assert validate_error(encode_late_error(error)) == ("odd", "broke")
