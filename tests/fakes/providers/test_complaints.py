"""`providers.complaints`: a request is read to its first fault and no further."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, ValidationError
from tests.fakes.providers.streams import STREAMS, Stream

from streamproof.fakes.errors import RequestError
from streamproof.fakes.providers.anthropic.request import _Body as Anthropic
from streamproof.fakes.providers.complaints import MAX_OBJECTS, deepest, read
from streamproof.fakes.providers.gemini.request import _Body as Gemini
from streamproof.fakes.providers.ollama.request import _Chat as OllamaChat
from streamproof.fakes.providers.ollama.request import _Generate as OllamaGenerate
from streamproof.fakes.providers.openai_chat.request import _Body as OpenaiChat
from streamproof.fakes.providers.openai_responses.request import (
    _Body as OpenaiResponses,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MODELS: tuple[type[BaseModel], ...] = (
    OpenaiChat,
    OpenaiResponses,
    Anthropic,
    Gemini,
    OllamaChat,
    OllamaGenerate,
)
# Every list of a request, and the object whose values may be wrong: `ONES` is replaced.
ONES = "ONES"
PLACES: list[tuple[type[BaseModel], dict[str, object]]] = [
    (OpenaiChat, {"messages": ONES}),
    (OpenaiChat, {"messages": [{"role": "user", "content": ONES}]}),
    (OpenaiResponses, {"input": ONES}),
    (OpenaiResponses, {"input": [{"role": "user", "content": ONES}]}),
    (OpenaiResponses, {"input": "a", "tools": ONES}),
    (OpenaiResponses, {"input": "a", "metadata": ONES}),
    (Anthropic, {"messages": ONES}),
    (Anthropic, {"messages": [{"role": "user", "content": ONES}]}),
    (Anthropic, {"messages": [], "system": ONES}),
    (Gemini, {"contents": ONES}),
    (Gemini, {"contents": [{"parts": ONES}]}),
    (Gemini, {"contents": [{"parts": [{}]}], "system_instruction": {"parts": ONES}}),
    (OllamaChat, {"messages": ONES}),
]
# Fields times levels of unions: elements are not counted.
FEW = 8


def complaints_about(model: type[BaseModel], fields: object, count: int) -> int:
    """Count what is said of so many wrong elements."""
    ones: object = [1] * count
    if isinstance(fields, dict) and "metadata" in fields:
        ones = {str(n): n for n in range(count)}
    body = json.dumps(fields).replace(json.dumps(ONES), json.dumps(ones))
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)
    return caught.value.error_count()


@pytest.mark.parametrize(("model", "fields"), PLACES)
def test_any_number_of_faults_makes_few_complaints(
    model: type[BaseModel], fields: dict[str, object]
) -> None:
    few, many = (complaints_about(model, fields, count) for count in (2, 2000))

    assert few == many <= FEW


TURN = {"role": "user", "content": "a"}
MORE = MAX_OBJECTS + 1


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (OpenaiChat, {"messages": [TURN] * MORE}),
        (OpenaiChat, {"messages": [{**TURN, "content": [{"type": "a"}] * 99}] * 999}),
        (OpenaiResponses, {"input": [TURN] * MORE}),
        (OpenaiResponses, {"input": "a", "tools": [{}] * MORE}),
        (Anthropic, {"max_tokens": 1, "messages": [TURN] * MORE}),
        (Gemini, {"contents": [{"parts": [{}]}] * MORE}),
        (OllamaChat, {"messages": [TURN] * MORE}),
        (OllamaGenerate, {"unknown": [{}] * MORE}),
    ],
)
def test_the_objects_of_a_request_are_counted(
    model: type[BaseModel], given: dict[str, object]
) -> None:
    with pytest.raises(RequestError, match=f"at most {MAX_OBJECTS} objects") as caught:
        read(model, json.dumps({"model": "m", **given}).encode())

    assert caught.value.status == 400


def test_entries_of_a_table_are_counted_too() -> None:
    given = {"input": "a", "metadata": {str(n): "a" for n in range(MORE)}}
    with pytest.raises(ValidationError, match=f"at most {MAX_OBJECTS} items"):
        read(OpenaiResponses, json.dumps({"model": "m", **given}).encode())


@pytest.mark.parametrize("text", ["{", '{"', '\\"{', "{\\", '\\\\{"}'])
def test_braces_in_a_text_are_no_objects(text: str) -> None:
    given = {"model": "m", "prompt": text * MORE}
    parsed = read(OllamaGenerate, json.dumps(given).encode())

    assert parsed.prompt == given["prompt"]


def parts_of(schema: object) -> Iterator[dict[str, Any]]:
    """Yield a schema and everything in it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts_of(value)
    elif isinstance(schema, list | tuple):
        for value in schema:
            yield from parts_of(value)


@pytest.mark.parametrize("model", MODELS)
def test_every_list_whose_elements_may_be_wrong_stops_at_the_first(
    model: type[BaseModel],
) -> None:
    for part in parts_of(model.__pydantic_core_schema__):
        inside = part.get("items_schema" if part.get("type") == "list" else "")
        if part.get("type") == "dict":
            inside = part.get("values_schema")
        if inside is not None and inside["type"] != "any":
            assert part.get("fail_fast"), part


def test_blocks_deep_in_each_other_make_few_complaints() -> None:
    block: object = 1
    for _ in range(80):
        block = {"type": "tool_result", "content": [block]}
    body = {"messages": [{"role": "user", "content": [block, 1]}]}
    with pytest.raises(ValidationError) as caught:
        Anthropic.model_validate_json(json.dumps(body))

    assert caught.value.error_count() <= FEW


def test_the_complaint_that_lies_deepest_is_told() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text"}, 1, 2]}]}
    with pytest.raises(ValidationError) as caught:
        OpenaiChat.model_validate_json(json.dumps({"model": "m", **body}))

    told = deepest(caught.value)
    assert (told["loc"][:3], told["loc"][4:]) == (("messages", 0, "content"), (1,))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_a_request_full_of_faults_is_refused_for_the_first(stream: Stream) -> None:
    listed = "contents" if stream.name.startswith("gemini") else "messages"
    if stream.name == "openai_responses":
        listed = "input"
    if stream.name == "ollama generate lines":
        listed = "options"
    with pytest.raises(RequestError) as caught:
        stream.ask({listed: [1, 2, 3]})

    assert caught.value.status == 400
    assert listed in str(caught.value)
