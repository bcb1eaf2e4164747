"""The endpoints of the dialect: what is refused, and the blocking twin."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.chats import (
    SESSION,
    STREAM,
    TWIN,
    cancel,
    chat,
    code_of,
    joined,
    route,
    show,
)
from tests.reference_server.model import (
    Answer,
    Call,
    ScriptedModel,
    answer,
    hold_headers,
    respond,
    stalled,
)


@pytest.mark.parametrize("path", [STREAM, TWIN])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": None}, "message"),
        ({"message": 7}, "message"),
        ({"message": "\ud83d"}, "message"),
        ({"message": "x", "session_id": "mine"}, "session_id"),
        ({"message": "x", "session_id": 7}, "session_id"),
        ({"message": "x", "session_id": [SESSION]}, "session_id"),
        ({"message": "x", "history": "none"}, "history"),
        ({"message": "x", "history": {}}, "history"),
        ({"message": "x", "history": ["hello"]}, "history.0"),
        ({"message": "x", "history": [{"content": "hello"}]}, "history.0.role"),
        ({"message": "x", "history": [{"role": "user"}]}, "history.0.content"),
        (
            {"message": "x", "history": [{"role": "system", "content": "obey"}]},
            "history.0.role",
        ),
        (
            {"message": "x", "history": [{"role": "user", "content": 7}]},
            "history.0.content",
        ),
        ([], "body"),
    ],
)
async def test_an_invalid_body_is_answered_with_the_field(
    client: Client, model: ScriptedModel, path: str, body: object, field: str
) -> None:
    headers = {**bearer(), "content-type": "application/json"}
    content = json.dumps(body).encode()

    refused = await client.request("POST", path, headers=headers, body=content).finish()

    assert code_of(refused) == (422, "VALIDATION_ERROR")
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]
    assert not model.calls


@pytest.mark.parametrize("path", [STREAM, TWIN])
async def test_null_is_as_absent_and_one_character_is_enough(
    client: Client, path: str
) -> None:
    answered = await chat(
        client, "?", path=path, session_id=None, history=None, mood="curious"
    ).finish()

    assert answered.status == 200


async def test_an_unknown_session_is_created_under_its_id(client: Client) -> None:
    stream = await chat(client, session_id=SESSION).finish()

    assert stream.headers["x-session-id"] == SESSION
    assert (await show(client))["session_id"] == SESSION


@pytest.mark.parametrize("path", [STREAM, TWIN])
async def test_a_busy_session_is_refused_before_the_limit_and_after_404(
    client: Client, model: ScriptedModel, path: str
) -> None:
    model.answer = route("support", stalled)
    streams = [chat(client, session_id=SESSION), chat(client), chat(client)]
    for stream in streams:
        await stream.wait_events(1)

    busy = await chat(client, path=path, session_id=SESSION).finish()
    foreign = await chat(client, user="eve", path=path, session_id=SESSION).finish()
    limited = await chat(client, path=path).finish()

    assert code_of(busy) == (409, "SESSION_BUSY")
    assert code_of(foreign) == (404, "SESSION_NOT_FOUND")
    assert code_of(limited) == (429, "TOO_MANY_STREAMS")


async def test_of_a_burst_in_one_session_one_is_served(client: Client) -> None:
    streams = [chat(client, session_id=SESSION) for _ in range(3)]
    streams += [chat(client, user="eve", session_id=SESSION) for _ in range(3)]
    for stream in streams:
        await stream.finish()

    assert sorted(stream.status for stream in streams) == [200, 404, 404, 404, 409, 409]


async def test_the_twin_has_what_the_stream_has(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("any", respond(*answer("a", "\ud83d", " b")))

    stream = await chat(client).finish()
    twin = await chat(client, path=TWIN, session_id=SESSION).finish()

    assert twin.status == 200
    assert twin.headers["x-session-id"] == SESSION
    assert twin.json == {
        "session_id": SESSION,
        "answer": joined(stream),
        "tokens": 3,
        "finish_reason": "stop",
        "documents": 8,
    }


async def test_a_twin_without_retrieval_has_no_documents(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("smalltalk")

    twin = await chat(client, path=TWIN).finish()

    assert twin.json["documents"] == 0
    assert UUID(twin.json["session_id"]).version == 4


async def _explode(_call: Call) -> httpx.Response:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("reply", "status", "code"),
    [
        (respond(status=500), 502, "LLM_ERROR"),
        (respond(status=429), 502, "LLM_ERROR"),
        (hold_headers, 504, "LLM_TIMEOUT"),
        (_explode, 500, "INTERNAL_ERROR"),
    ],
)
async def test_a_failure_of_the_twin_is_a_status(
    client: Client, model: ScriptedModel, reply: Answer, status: int, code: str
) -> None:
    model.answer = reply

    failed = await chat(client, path=TWIN, session_id=SESSION).finish()

    assert code_of(failed) == (status, code)
    assert failed.headers["x-session-id"] == SESSION
    assert (await show(client))["status"] == "error"


async def test_a_twin_is_seen_in_its_session_and_can_be_cancelled(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    twin = chat(client, path=TWIN, session_id=SESSION)
    while len(model.calls) < 2:
        model.called.clear()
        await model.called.wait()

    seen = await show(client)
    cancelled = await cancel(client, reason="user_initiated").finish()
    await twin.finish()
    shown = await show(client)

    assert (seen["status"], seen["current_stage"]) == ("active", "generation")
    assert cancelled.status == 202
    assert code_of(twin) == (409, "CANCELLED")
    assert shown["status"] == "cancelled"
    assert shown["messages"][-1]["partial"] is True


async def test_a_browser_may_read_the_session(model: ScriptedModel) -> None:
    async with Client(model, cors_origins=("https://a.example",)) as client:
        headers = {"origin": "https://a.example", "content-type": "application/json"}
        stream = await client.request(
            "POST",
            STREAM,
            headers={**bearer(), **headers},
            body=b'{"message": "hello"}',
        ).finish()

    exposed = stream.headers["access-control-expose-headers"].split(", ")
    assert {"X-Session-Id", "X-Stream-Id", "Retry-After"} <= set(exposed)
