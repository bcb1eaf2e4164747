"""`openai_embeddings.request`: inputs in every form, and what is refused."""

from __future__ import annotations

import json

import pytest

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.openai_embeddings import (
    EmbeddingRequest,
    parse_request,
)

KEY = {"authorization": "Bearer any"}


def parsed(**fields: object) -> EmbeddingRequest:
    body = json.dumps({"model": "m", "input": "a b", **fields}).encode()
    return parse_request(body, KEY, fingerprint="f")


@pytest.mark.parametrize(
    ("given", "inputs", "tokens"),
    [
        ("a b", ("a b",), 2),
        (["a b", "c"], ("a b", "c"), 3),
        ([1, 2, 3], ("tokens [1, 2, 3]",), 3),
        ([[1], [2, 3]], ("tokens [1]", "tokens [2, 3]"), 3),
    ],
)
def test_inputs_come_in_four_forms(
    given: object, inputs: tuple[str, ...], tokens: int
) -> None:
    request = parsed(input=given)

    assert (request.inputs, request.prompt_tokens) == (inputs, tokens)
    assert request.texts == tuple(each for each in inputs if "tokens" not in each)


def test_a_vector_is_as_long_as_its_model_or_the_request_says() -> None:
    assert parsed().size == 1536
    assert parsed(model="text-embedding-3-large").size == 3072
    assert parsed(dimensions=7).size == 7


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": 3}, "input"),
        ({"input": []}, "input"),
        ({"dimensions": 0}, "dimensions"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"input": ["a"] * 400}, "input"),
    ],
    ids=["number", "empty", "dimensions", "format", "too much"],
)
def test_a_bad_request_is_refused_with_its_field(
    fields: dict[str, object], param: str
) -> None:
    with pytest.raises(RequestError) as caught:
        parsed(**fields)

    assert caught.value.status == 400
    assert (caught.value.param or "").partition("[")[0].partition(".")[0] == param


def test_a_key_is_needed() -> None:
    with pytest.raises(RequestError) as caught:
        parse_request(b"{}", {}, fingerprint="f")

    assert caught.value.status == 401
