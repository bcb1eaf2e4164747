"""How sessions stand: while they are active, after each end, and after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.chats import (
    MESSAGE,
    SESSION,
    STREAM,
    TWIN,
    cancel,
    chat,
    code_of,
    route,
    show,
)
from tests.reference_server.model import (
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    hold_headers,
    play,
    respond,
    stalled,
)

from streamproof.reference_server.store.conversations import (
    Conversation,
    Conversations,
)
from streamproof.reference_server.store.database import Database, StoreError


def interrupted(**changes: Any) -> Conversation:  # noqa: ANN401 -- of any field
    """Return what a killed server leaves."""
    values = {
        "id": UUID(SESSION),
        "user": "ada",
        "status": "active",
        "turn": "turn-1",
        "message": "does it hurt?",
        "tokens": ["a ", "lit"],
        "saved_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return Conversation(**{**values, **changes})


async def test_a_session_is_active_from_its_start(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = hold_headers
    stream = chat(client, session_id=SESSION)
    await stream.wait(lambda exchange: exchange.blocks)

    before = await show(client)
    await model.called.wait()
    after = await show(client)

    assert before == after
    assert (before["status"], before["current_stage"]) == ("active", "supervisor")
    assert before["accumulated_tokens"] == []
    assert before["messages"] == [
        {"role": "user", "content": MESSAGE, "partial": False},
        {"role": "assistant", "content": "", "partial": True},
    ]


async def test_an_active_session_shows_what_was_said_so_far(
    client: Client, model: ScriptedModel
) -> None:
    await chat(client, "hello", session_id=SESSION).finish()
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)

    shown = await show(client)

    assert (shown["status"], shown["current_stage"]) == ("active", "generation")
    assert shown["accumulated_tokens"] == ["one "]
    assert [(m["content"], m["partial"]) for m in shown["messages"]] == [
        *[("hello", False), ("one two", False)],
        *[(MESSAGE, False), ("one ", True)],
    ]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (lambda client, stream: cancel(client, reason="error"), "cancelled"),
        (
            lambda client, stream: client.request(
                "DELETE", f"{STREAM}/{stream.stream}", headers=bearer()
            ),
            "cancelled",
        ),
        (lambda client, stream: asyncio.sleep(60), "error"),
    ],
)
async def test_what_ended_early_is_kept_and_marked(
    client: Client, model: ScriptedModel, end: Callable[..., Any], status: str
) -> None:
    model.answer = route("any", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(5)

    ended = end(client, stream)
    await (ended if asyncio.iscoroutine(ended) else ended.finish())
    await stream.finish()

    shown = await show(client)
    assert (shown["status"], shown["current_stage"]) == (status, None)
    assert shown["accumulated_tokens"] == ["one "]
    assert shown["messages"][-1] == {
        "role": "assistant",
        "content": "one ",
        "partial": True,
    }


async def test_what_was_cancelled_before_its_work_began_is_kept(
    client: Client, model: ScriptedModel
) -> None:
    stream = chat(client, session_id=SESSION)
    await stream.wait(lambda exchange: exchange.status)

    (run,) = client.runs
    await client.request(
        "DELETE", f"{STREAM}/{run.identity.id}", headers=bearer()
    ).finish()
    await stream.finish()

    assert not model.calls
    shown = await show(client)
    assert shown["status"] == "cancelled"
    assert [m["partial"] for m in shown["messages"]] == [False, True]


async def test_a_session_can_be_spoken_to_once_its_end_is_told(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)
    cancel(client, reason="error")
    await stream.wait(lambda exchange: exchange.types[-1:] == ["error"])

    model.answer = route("support")
    again = await chat(client, session_id=SESSION).finish()

    assert again.status == 200
    assert (await show(client))["status"] == "completed"


async def test_a_twin_whose_client_leaves_is_cancelled(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    twin = chat(client, path=TWIN, session_id=SESSION)
    while len(model.calls) < 2:
        model.called.clear()
        await model.called.wait()

    twin.leave()
    await twin.finish()
    await asyncio.sleep(1)

    assert (await show(client))["status"] == "cancelled"
    assert model.calls[1].left_at is not None


# What a server that is killed leaves, and what becomes of it.


async def test_a_turn_is_kept_while_it_is_had(
    client: Client, model: ScriptedModel, database: Database
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        yield chunk("one ")
        await asyncio.sleep(2)
        yield chunk("two ")
        await forever()

    model.answer = route("support", slow)
    chat(client, session_id=SESSION)
    conversations = Conversations(database)

    await asyncio.sleep(2.9)
    early = await conversations.find(UUID(SESSION))
    await asyncio.sleep(0.2)
    kept = await conversations.find(UUID(SESSION))

    assert early is None
    assert kept is not None
    assert (kept.user, kept.status) == ("ada", "active")
    assert (kept.message, kept.tokens) == (MESSAGE, ("one ", "two "))


async def test_a_session_whose_server_was_killed_has_failed(
    client: Client, model: ScriptedModel, database: Database
) -> None:
    await Conversations(database).put(interrupted())

    shown = await show(client)

    assert (shown["status"], shown["current_stage"]) == ("error", None)
    assert shown["accumulated_tokens"] == ["a ", "lit"]
    assert shown["messages"] == [
        {"role": "user", "content": "does it hurt?", "partial": False},
        {"role": "assistant", "content": "a lit", "partial": True},
    ]
    assert code_of(await cancel(client, reason="error").finish())[1] == "NOT_RUNNING"
    assert (await show(client, user="eve"))["http_status"] == 404


async def test_the_next_message_knows_what_a_killed_server_said(
    client: Client, model: ScriptedModel, database: Database
) -> None:
    await Conversations(database).put(interrupted())

    await chat(client, "and now?", session_id=SESSION, history=[]).finish()

    assert [message["content"] for message in model.calls[1].messages[1:]] == [
        *("does it hurt?", "a lit\n\n[interrupted]", "and now?")
    ]
    shown = await show(client)
    assert shown["status"] == "completed"
    assert len(shown["messages"]) == 4


async def test_a_session_of_a_killed_server_is_still_its_user_s(
    client: Client, model: ScriptedModel, database: Database
) -> None:
    await Conversations(database).put(interrupted())

    refused = await chat(client, user="eve", session_id=SESSION).finish()

    assert code_of(refused) == (404, "SESSION_NOT_FOUND")
    assert not model.calls


async def test_a_turn_that_was_kept_twice_is_said_once(
    client: Client, model: ScriptedModel, database: Database
) -> None:
    await chat(client, session_id=SESSION).finish()
    conversations = Conversations(database)
    kept = await conversations.find(UUID(SESSION))
    assert kept is not None
    # Killed between the two writes of its end.
    await conversations.put(
        interrupted(turn=kept.turn, message=kept.message, tokens=kept.tokens)
    )

    await chat(client, "and now?", session_id=SESSION).finish()

    assert len(model.calls[3].messages) == 4


# A database that is not there.


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what makes the database go away."""

    def begin() -> None:
        async def fail(_database: Database, _statement: object) -> None:
            raise StoreError("gone")

        monkeypatch.setattr(Database, "execute", fail)

    return begin


async def test_without_a_database_a_session_is_not_spoken_to(
    client: Client, model: ScriptedModel, outage: Callable[[], None]
) -> None:
    outage()

    known = await chat(client, session_id=SESSION).finish()
    shown = await show(client)
    cancelled = await cancel(client, reason="error").finish()

    assert code_of(known) == code_of(cancelled) == (503, "STORE_UNAVAILABLE")
    assert shown["http_status"] == 503
    assert not model.calls


async def test_what_cannot_be_kept_has_failed_and_its_session_is_idle(
    client: Client,
    model: ScriptedModel,
    outage: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def go_away(call: Call) -> httpx.Response:
        outage()
        return await respond(*answer("one ", "two"))(call)

    model.answer = route("support", go_away)

    stream = await chat(client, session_id=SESSION).finish()
    twin = await chat(client, path=TWIN).finish()
    monkeypatch.undo()
    model.answer = route("support")
    again = await chat(client, session_id=SESSION).finish()

    assert stream.types == ["token", "token", "error"]
    assert stream.events[-1].data["content"]["code"] == "INTERNAL_ERROR"
    assert code_of(twin) == (500, "INTERNAL_ERROR")
    assert again.status == 200
