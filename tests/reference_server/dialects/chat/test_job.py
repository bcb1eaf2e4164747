"""Streams of the dialect: stages, tokens, ends, times."""

from __future__ import annotations

import asyncio
from uuid import UUID

import httpx
import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.chats import (
    SESSION,
    STREAM,
    cancel,
    chat,
    joined,
    resume,
    route,
    show,
)
from tests.reference_server.model import (
    Answer,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    hold_first_token,
    hold_headers,
    play,
    respond,
    stalled,
)

from streamproof.reference_server.streams.failure import CancelCause

RETRIEVAL = [
    *("retrieval_start", "retrieval_complete"),
    *("reranking_start", "reranking_complete"),
]


async def test_a_question_is_retrieved_for(client: Client) -> None:
    stream = await chat(client, session_id=SESSION).finish()

    assert stream.types == [*RETRIEVAL, "token", "token", "done"]
    contents = [event.data["content"] for event in stream.events]
    assert contents[0] == {"session_id": SESSION}
    assert contents[1]["documents"] == 8
    assert contents[2] == {}
    assert contents[3] == {"kept": 4}
    assert contents[4:6] == ["one ", "two"]
    assert contents[6] == {"session_id": SESSION, "tokens": 2, "finish_reason": "stop"}
    assert {event.field("event") for event in stream.events} == {None}
    assert stream.is_complete


@pytest.mark.parametrize("agent", ["support", "smalltalk"])
async def test_what_needs_no_documents_has_tokens_alone(
    client: Client, model: ScriptedModel, agent: str
) -> None:
    model.answer = route(agent)

    stream = await chat(client).finish()

    assert stream.types == ["token", "token", "done"]


async def test_a_question_that_finds_nothing_is_answered(client: Client) -> None:
    stream = await chat(client, "quantum chromodynamics").finish()

    contents = [event.data["content"] for event in stream.events]
    assert contents[1] == {"documents": 0}
    assert contents[3] == {"kept": 0}
    assert stream.types[-1] == "done"


async def test_an_answer_may_be_empty(client: Client, model: ScriptedModel) -> None:
    model.answer = route("support", respond(*answer()))

    stream = await chat(client).finish()

    assert stream.types == ["done"]
    assert stream.events[-1].data["content"]["tokens"] == 0


@pytest.mark.parametrize("reason", ["length", "content_filter"])
async def test_why_an_answer_ended_is_told(
    client: Client, model: ScriptedModel, reason: str
) -> None:
    model.answer = route("support", respond(chunk("a", reason), b"data: [DONE]\n\n"))

    stream = await chat(client).finish()

    assert stream.types == ["token", "done"]
    assert stream.events[-1].data["content"]["finish_reason"] == reason


async def test_nothing_of_the_supervisor_is_shown(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("smalltalk SECRET")

    stream = await chat(client).finish()

    assert joined(stream) == "one two"
    assert b"SECRET" not in stream.body


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (respond(status=500), "LLM_ERROR", True),
        (respond(status=429), "LLM_ERROR", True),
        (respond(status=503), "LLM_ERROR", True),
        (respond(status=400), "LLM_ERROR", False),
        (respond(chunk("a"), chunk(finish="stop")), "LLM_ERROR", True),
        (respond(chunk("a", "tool_calls"), b"data: [DONE]\n\n"), "LLM_ERROR", True),
        (hold_headers, "LLM_TIMEOUT", True),
        (hold_first_token, "LLM_TIMEOUT", True),
        (stalled, "LLM_TIMEOUT", True),
    ],
)
async def test_a_failing_model_is_told(
    client: Client,
    model: ScriptedModel,
    call: int,
    reply: Answer,
    code: str,
    retryable: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    # The later ones are the same, for a call that is tried again.
    model.script = dict.fromkeys(range(call, 9), reply)

    stream = await chat(client, session_id=SESSION).finish()

    last = stream.events[-1].data
    assert last["type"] == "error"
    assert (last["content"]["code"], last["content"]["retryable"]) == (code, retryable)
    assert last["content"]["message"]
    assert "reason" not in last["content"]
    assert stream.is_complete
    assert [t for t in stream.types if t != "token"] == [
        *(RETRIEVAL if call == 2 else []),
        "error",
    ]
    assert (await show(client))["status"] == "error"


async def test_a_fault_of_our_own_is_an_internal_error(
    client: Client, model: ScriptedModel
) -> None:
    async def explode(_call: Call) -> httpx.Response:
        raise ZeroDivisionError("SECRET")

    model.answer = route("support", explode)

    stream = await chat(client).finish()

    content = stream.events[-1].data["content"]
    assert (content["code"], content["retryable"]) == ("INTERNAL_ERROR", False)
    assert b"SECRET" not in stream.body


@pytest.mark.parametrize(
    ("reply", "number", "calls"),
    [(hold_headers, 0, 1), (stalled, 1, 2), (stalled, 5, 2)],
)
async def test_a_cancel_of_the_stream_was_the_user_s(
    client: Client, model: ScriptedModel, reply: Answer, number: int, calls: int
) -> None:
    model.answer = (
        reply if calls == 1 else route("support" if number == 1 else "any", reply)
    )
    stream = chat(client)
    await stream.wait_events(number)
    await model.called.wait()

    path = f"{STREAM}/{stream.stream}"
    await client.request("DELETE", path, headers=bearer()).finish()
    await stream.finish()

    assert stream.events[-1].data["content"] == {
        "code": "CANCELLED",
        "message": "the run was cancelled",
        "retryable": False,
        "reason": "user_initiated",
    }
    assert len(model.calls) == calls
    assert model.calls[-1].left_at is not None


async def test_the_grace_is_thirty_seconds_and_its_end_a_timeout(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)
    loop = asyncio.get_running_loop()

    stream.leave()
    left_at = loop.time()
    await asyncio.sleep(29)
    busy = await chat(client, session_id=SESSION).finish()
    await asyncio.sleep(2)

    rest = await resume(client, f"{stream.stream}-1").finish()
    assert busy.status == 409
    assert model.calls[1].left_at == pytest.approx(left_at + 30, abs=0.1)
    assert rest.events[-1].data["content"]["reason"] == "timeout"
    assert (await show(client))["status"] == "cancelled"


async def test_a_cancel_while_nobody_reads_is_told_to_who_comes_back(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)
    stream.leave()
    await stream.finish()

    await cancel(client, reason="error").finish()
    rest = await resume(client, f"{stream.stream}-1").finish()

    assert rest.events[-1].data["content"]["reason"] == "error"


async def test_a_shutdown_is_no_cancel(client: Client, model: ScriptedModel) -> None:
    model.answer = route("support", stalled)
    stream = chat(client, session_id=SESSION)
    await stream.wait_events(1)

    client.runs.hurry()
    await client.runs.drain()
    await stream.finish()

    content = stream.events[-1].data["content"]
    assert (content["code"], content["retryable"]) == ("SERVER_SHUTDOWN", True)
    assert "reason" not in content
    assert (await show(client))["status"] == "error"


async def test_a_run_in_the_middle_of_a_step_says_nothing_after_its_end(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def cancel_in_between(_call: Call) -> Body:
        yield chunk("one ")
        (run,) = client.runs
        run.cancel(CancelCause.EXPLICIT)
        yield chunk("two ")
        await forever()

    model.answer = route("support", cancel_in_between)

    stream = await chat(client, session_id=SESSION).finish()

    shown = await show(client)
    assert stream.types == ["token", "error"]
    assert shown["accumulated_tokens"] == ["one "]
    assert shown["messages"][-1]["content"] == "one "


async def test_a_new_session_gets_an_id_of_its_own(client: Client) -> None:
    first, second = await chat(client).finish(), await chat(client).finish()

    ids = [stream.headers["x-session-id"] for stream in (first, second)]
    assert len(set(ids)) == 2
    assert all(UUID(each).version == 4 for each in ids)
    assert first.events[0].data["content"] == {"session_id": ids[0]}
    assert first.events[-1].data["content"]["session_id"] == ids[0]
    assert (await show(client, ids[0]))["status"] == "completed"


# Heartbeats and times.


def types_of_all(stream: object) -> list[str]:
    blocks = stream.blocks  # type: ignore[attr-defined]  # an exchange
    return [event.data["type"] for event in blocks]


async def test_a_heartbeat_opens_a_response_before_the_supervisor_is_asked(
    client: Client, model: ScriptedModel
) -> None:
    stream = chat(client)

    await stream.wait(lambda exchange: exchange.blocks)

    assert stream.blocks[0].data == {
        "type": "heartbeat",
        "content": {},
        "timestamp": "2027-01-15T08:00:00.000Z",
    }
    assert stream.blocks[0].id is None
    assert stream.blocks[0].field("retry") is None
    assert not model.calls
    await stream.finish()
    assert stream.events[0].field("retry") == "1000"


async def test_a_silence_is_filled_every_five_seconds(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = route("support", stalled)

    stream = await chat(client).finish()

    beats = [e for e in stream.blocks if e.data["type"] == "heartbeat"]
    assert [round(event.at) for event in beats[:4]] == [0, 5, 10, 15]
    assert [event.data["timestamp"][17:] for event in beats[:4]] == [
        *("00.000Z", "05.000Z", "10.000Z", "15.000Z")
    ]
    assert types_of_all(stream)[-1] == "error"


async def test_a_resumed_response_opens_with_the_time_of_the_event_at_its_cursor(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        for letter in "abc":
            await asyncio.sleep(1)
            yield chunk(letter)
        for part in answer():
            yield part

    model.answer = route("support", slow)
    stream = await chat(client).finish()
    await asyncio.sleep(9)

    rest = await resume(client, f"{stream.stream}-2").finish()

    assert types_of_all(rest) == ["heartbeat", "token", "done"]
    times = [event.data["timestamp"] for event in rest.blocks]
    assert times[0] == stream.events[1].data["timestamp"]
    assert times == sorted(times)
    assert rest.headers["x-session-id"] == stream.headers["x-session-id"]


async def test_a_cursor_at_the_edge_of_the_log_is_as_late_as_what_follows(
    model: ScriptedModel,
) -> None:
    model.answer = route("support", respond(*answer("a", "b", "c", "d")))
    async with Client(model, log_max_events=2) as client:
        stream = await chat(client).finish()

        rest = await resume(client, f"{stream.stream}-3").finish()

    assert types_of_all(rest) == ["heartbeat", "token", "done"]
    assert rest.blocks[0].data["timestamp"] == rest.blocks[1].data["timestamp"]
