"""What the model is asked for a message, and what is kept of a conversation."""

from __future__ import annotations

import json

import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.chats import (
    MESSAGE,
    SESSION,
    STREAM,
    chat,
    is_supervisor,
    joined,
    route,
    show,
)
from tests.reference_server.model import (
    Call,
    ScriptedModel,
    answer,
    chunk,
    respond,
    stalled,
)

from streamproof.reference_server.dialects.chat.library import Library


def told(call: Call) -> list[tuple[str, str]]:
    """Return what the model was told behind its instruction."""
    first, *rest = call.messages
    assert first["role"] == "system"
    return [(message["role"], message["content"]) for message in rest]


async def test_the_supervisor_is_asked_first_and_sees_the_message_alone(
    client: Client, model: ScriptedModel
) -> None:
    message = '  [[fake:say text="a\\nb"]] ü\u2028 asthma \n'
    history = [{"role": "user", "content": "hello"}]

    await chat(client, message, history=history).finish()

    supervisor, agent = model.calls
    assert is_supervisor(supervisor)
    assert told(supervisor) == [("user", message)]
    assert told(agent) == [("user", "hello"), ("user", message)]


async def test_what_was_found_is_quoted_to_the_model(
    client: Client, model: ScriptedModel
) -> None:
    await chat(client, "what triggers asthma?").finish()

    quoted = model.calls[1].messages[0]["content"]
    assert "Asthma, Triggers: Pollen" in quoted


@pytest.mark.parametrize("agent", ["support", "smalltalk", " SmallTalk!"])
async def test_without_retrieval_nothing_is_quoted(
    client: Client, model: ScriptedModel, agent: str
) -> None:
    model.answer = route(agent)

    await chat(client, "what triggers asthma?").finish()

    assert "Pollen" not in model.calls[1].messages[0]["content"]


async def test_what_was_said_before_is_told(
    client: Client, model: ScriptedModel
) -> None:
    await chat(client, "first", session_id=SESSION).finish()
    await chat(client, "second", session_id=SESSION).finish()

    assert told(model.calls[2]) == [("user", "second")]
    assert told(model.calls[3]) == [
        ("user", "first"),
        ("assistant", "one two"),
        ("user", "second"),
    ]


async def test_sessions_know_nothing_of_each_other(
    client: Client, model: ScriptedModel
) -> None:
    await chat(client, "first").finish()
    await chat(client, "second").finish()

    assert told(model.calls[3]) == [("user", "second")]


async def test_a_history_becomes_part_of_a_new_session_alone(
    client: Client, model: ScriptedModel
) -> None:
    first = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": "good day"},
    ]
    second = [{"role": "user", "content": "forget it"}]

    await chat(client, "one", session_id=SESSION, history=first).finish()
    await chat(client, "two", session_id=SESSION, history=second).finish()

    assert [text for _, text in told(model.calls[3])] == [
        *("hello", "good day", "one", "one two", "two")
    ]
    shown = await show(client)
    assert [said["content"] for said in shown["messages"]] == [
        *("hello", "good day", "one", "one two", "two", "one two")
    ]


async def test_a_history_survives_a_first_message_that_was_cancelled(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    history = [{"role": "user", "content": "hello"}]
    stream = chat(client, "one", session_id=SESSION, history=history)
    await stream.wait_events(1)
    path = f"{STREAM}/{stream.stream}"
    await client.request("DELETE", path, headers=bearer()).finish()
    await stream.finish()

    model.answer = route("support")
    await chat(client, "two", session_id=SESSION).finish()

    assert told(model.calls[3]) == [
        ("user", "hello"),
        ("user", "one"),
        ("assistant", "one \n\n[interrupted]"),
        ("user", "two"),
    ]


async def test_an_answer_that_failed_is_marked_for_the_next_message(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", respond(chunk("on"), chunk("e ")))
    await chat(client, "one", session_id=SESSION).finish()

    model.answer = route("support")
    await chat(client, "two", session_id=SESSION).finish()

    assert told(model.calls[3])[1] == ("assistant", "one \n\n[interrupted]")


async def test_whose_supervisor_fails_is_known_to_have_said_something(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {1: respond(status=500)}
    await chat(client, "one", session_id=SESSION).finish()

    await chat(client, "two", session_id=SESSION).finish()

    assert told(model.calls[2]) == [
        ("user", "one"),
        ("assistant", "[interrupted]"),
        ("user", "two"),
    ]


async def test_the_supervisor_s_answer_counts_when_it_was_cut_for_length(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {1: respond(chunk("support", "length"), b"data: [DONE]\n\n")}

    stream = await chat(client).finish()

    assert stream.types == ["token", "token", "done"]


async def test_what_cannot_be_searched_is_a_retrieval_error(
    client: Client,
    model: ScriptedModel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def explode(_library: Library, _message: str) -> list[int]:
        raise ZeroDivisionError("SECRET")

    monkeypatch.setattr(Library, "retrieve", explode)

    stream = await chat(client).finish()
    twin = await chat(client, path="/chat").finish()

    assert stream.types == ["retrieval_start", "error"]
    assert stream.events[-1].data["content"] == {
        "code": "RETRIEVAL_ERROR",
        "message": "the documents could not be searched",
        "retryable": False,
    }
    assert (twin.status, twin.json["error"]["code"]) == (500, "RETRIEVAL_ERROR")
    assert b"SECRET" not in stream.body
    assert "ZeroDivisionError" in caplog.text


async def test_a_conversation_outlives_the_server(
    client: Client, model: ScriptedModel, database_url: str
) -> None:
    await chat(client, "one", session_id=SESSION).finish()
    before = await show(client)

    await client.restart(database_url=database_url)

    assert await show(client) == before
    await chat(client, "two", session_id=SESSION).finish()
    assert told(model.calls[3])[:2] == [("user", "one"), ("assistant", "one two")]


async def test_the_store_is_not_asked_while_tokens_come(
    client: Client, model: ScriptedModel
) -> None:
    # A thousand tokens, and as many turns of the loop as one: each call of the store
    # waits for a thread.
    model.answer = route("retrieval", respond(*answer(*["x "] * 1000)))

    stream = await chat(client, MESSAGE).finish()

    assert joined(stream) == "x " * 1000
    times = {event.at for event in stream.events}
    assert len(times) == 1


async def test_text_of_any_kind_is_kept(client: Client, model: ScriptedModel) -> None:
    text = ["\0", "\ud83d", "\ude00", '"\\', "\u2028\r\n", "ü"]
    model.answer = route("support", respond(*answer(*text)))
    message = '\0 " ü\u2028\r\n \N{FIRE}'

    stream = await chat(client, message, session_id=SESSION).finish()

    assert stream.types[-1] == "done"
    shown = await show(client)
    assert shown["accumulated_tokens"] == text
    # In one text, two halves of a pair are a character.
    whole = json.loads(json.dumps("".join(text)))
    assert [said["content"] for said in shown["messages"]] == [message, whole]
