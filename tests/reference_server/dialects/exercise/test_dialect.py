"""The endpoints of the dialect: what is refused, and the classic twin."""

from __future__ import annotations

import json

import httpx
import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import (
    Answer,
    Call,
    ScriptedModel,
    answer,
    hold_headers,
    respond,
    stalled,
)
from tests.reference_server.programmes import (
    CLASSIC,
    PROGRAMME,
    STREAM,
    generate,
    programme,
)


@pytest.mark.parametrize("path", [STREAM, CLASSIC])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "x" * 19}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "x" * 20, "mrn": 7}, "mrn"),
        ({"prompt": "x" * 20, "clinic_id": ["north"]}, "clinic_id"),
        ([], "body"),
    ],
)
async def test_an_invalid_body_is_answered_with_the_field(
    client: Client, model: ScriptedModel, path: str, body: object, field: str
) -> None:
    headers = {**bearer(), "content-type": "application/json"}
    content = json.dumps(body).encode()

    refused = await client.request("POST", path, headers=headers, body=content).finish()

    assert refused.status == 422
    assert refused.json["error"]["code"] == "VALIDATION_ERROR"
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]
    assert not model.calls


@pytest.mark.parametrize("path", [STREAM, CLASSIC])
async def test_null_is_as_absent_and_twenty_characters_are_enough(
    client: Client, model: ScriptedModel, path: str
) -> None:
    model.answer = programme()

    answered = await generate(client, path, prompt="x" * 20, mrn=None).finish()

    assert answered.status == 200


@pytest.mark.parametrize(
    "path", [STREAM, CLASSIC, f"{STREAM}/x", f"{STREAM}/no/such/path"]
)
async def test_a_request_without_a_credential_is_called_what_the_page_calls_it(
    client: Client, path: str
) -> None:
    refused = await client.request("POST", path).finish()

    assert refused.status == 401
    assert refused.json["error"]["code"] == "AUTHENTICATION_ERROR"


async def test_the_twin_has_what_the_stream_has_but_for_the_id(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme({**PROGRAMME, "more": "\ud83d"})

    stream = await generate(client).finish()
    classic = await generate(client, CLASSIC).finish()

    assert classic.status == 200
    streamed, whole = stream.events[-2].data, classic.json
    ids = {each["data"].pop("generation_id") for each in (streamed, whole)}
    assert len(ids) == 2
    assert whole == streamed


async def _explode(_call: Call) -> httpx.Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (respond(status=500), 502, "OPENAI_API_ERROR"),
        (respond(status=429), 502, "OPENAI_API_ERROR"),
        (hold_headers, 504, "OPENAI_API_ERROR"),
        (respond(*answer("{}")), 502, "VALIDATION_ERROR"),
        (_explode, 500, "SERVER_ERROR"),
    ],
)
async def test_a_failure_of_the_twin_is_a_status(
    client: Client, model: ScriptedModel, reply: Answer, status: int, code: str
) -> None:
    model.answer = reply

    failed = await generate(client, CLASSIC).finish()

    assert (failed.status, failed.json["error"]["code"]) == (status, code)


async def test_a_silence_is_filled_with_comments(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled

    stream = await generate(client).finish()

    comments = [e for e in stream.blocks if e.block.startswith(b":")]
    assert [round(event.at) for event in comments[:3]] == [15, 30, 45]
