"""The endpoints of sessions: who may see and cancel what, and how it is refused."""

from __future__ import annotations

import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.chats import (
    MESSAGE,
    OTHER_SESSION,
    SESSION,
    STREAM,
    cancel,
    chat,
    code_of,
    route,
    show,
)
from tests.reference_server.model import ScriptedModel, stalled


async def test_a_session_is_shown(client: Client) -> None:
    await chat(client, session_id=SESSION).finish()

    assert await show(client) == {
        "http_status": 200,
        "session_id": SESSION,
        "status": "completed",
        "accumulated_tokens": ["one ", "two"],
        "current_stage": None,
        "messages": [
            {"role": "user", "content": MESSAGE, "partial": False},
            {"role": "assistant", "content": "one two", "partial": False},
        ],
    }


async def test_a_cancel_is_answered_and_told_with_its_reason(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)

    cancelled = await cancel(client, reason="timeout").finish()
    await stream.finish()

    assert cancelled.status == 202
    assert cancelled.json == {
        "id": stream.stream,
        "status": "cancelled",
        "session_id": SESSION,
    }
    assert stream.events[-1].data["content"]["reason"] == "timeout"
    assert stream.is_complete


async def test_a_second_cancel_finds_nothing_that_runs(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)

    first = cancel(client, reason="timeout")
    second = cancel(client, reason="error")
    await first.finish()
    await second.finish()
    await stream.finish()
    third = await cancel(client, reason="error").finish()

    assert first.status == 202
    assert code_of(second) == code_of(third) == (409, "NOT_RUNNING")
    assert stream.events[-1].data["content"]["reason"] == "timeout"


@pytest.mark.parametrize(
    "body", [{}, {"reason": None}, {"reason": "boredom"}, {"reason": 1}, [], "x"]
)
@pytest.mark.parametrize("session", [SESSION, OTHER_SESSION, "no-uuid"])
async def test_a_cancel_without_a_reason_is_refused_first(
    client: Client, body: object, session: str
) -> None:
    await chat(client, session_id=SESSION).finish()

    refused = await cancel(client, session, body=body).finish()

    assert code_of(refused) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("session", [OTHER_SESSION, "no-uuid", "%00", "x" * 999])
async def test_what_is_no_session_is_not_found(client: Client, session: str) -> None:
    cancelled = await cancel(client, session, reason="error").finish()
    shown = await show(client, session)

    assert code_of(cancelled) == (404, "SESSION_NOT_FOUND")
    assert shown["http_status"] == 404
    assert shown["error"]["code"] == "SESSION_NOT_FOUND"


async def test_another_user_s_session_is_as_one_that_does_not_exist(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)

    async def ask() -> list[object]:
        cancelled = await cancel(client, user="eve", reason="error").finish()
        spoken = await chat(client, user="eve", session_id=SESSION).finish()
        twin = await chat(client, user="eve", path="/chat", session_id=SESSION).finish()
        shown = await show(client, user="eve")
        return [cancelled.json, spoken.json, twin.json, shown["http_status"]]

    while_it_runs = await ask()
    await cancel(client, reason="error").finish()
    await stream.finish()
    afterwards = await ask()
    unknown = await cancel(client, OTHER_SESSION, reason="error").finish()

    assert while_it_runs == afterwards == [*[unknown.json] * 3, 404]
    assert len(model.calls) == 2


async def test_they_are_guarded_and_answer_in_json_alone(client: Client) -> None:
    path, target = f"/chat/sessions/{SESSION}", f"{STREAM}/{SESSION}/cancel"
    stream = {**bearer(), "accept": "text/event-stream"}

    statuses = [
        (await client.request(method, path, headers=headers).finish()).status
        for method, path, headers in [
            ("GET", path, {}),
            ("POST", target, {}),
            ("GET", path, stream),
            ("POST", target, bearer()),
            ("POST", path, bearer()),
            ("GET", target, bearer()),
        ]
    ]

    assert statuses == [401, 401, 406, 415, 405, 405]
