"""Streams of the dialect: stages, result, failures, timings."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import (
    Answer,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    hold_headers,
    play,
    respond,
    stalled,
)
from tests.reference_server.programmes import (
    PROGRAMME,
    STREAM,
    generate,
    metrics,
    programme,
)

from streamproof.reference_server.dialects.exercise.graph import INVALID


async def test_a_run_goes_through_all_stages(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme()

    stream = await generate(client).finish()

    frames = [event.data for event in stream.events]
    stages = [frame.get("stage", frame.get("type")) for frame in frames]
    assert [stage for stage in stages if stage != "generating"] == [
        *("started", "fetching-exercises", "validating", "storing"),
        *("result", "complete"),
    ]
    assert stages[2:4] == ["generating", "generating"]
    progress = [frame["progress"] for frame in frames if "progress" in frame]
    assert progress == sorted(progress)
    assert [p for p in progress if not 40 < p < 70] == [5, 15, 40, 70, 85, 100]
    assert frames[-1]["estimatedTimeRemaining"] == 0
    assert {event.field("event") for event in stream.events} == {None}
    assert stream.is_complete


async def test_the_result_is_what_the_model_said_with_an_id(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme({**PROGRAMME, "week": [1, None], "generation_id": "mine"})

    stream = await generate(client).finish()

    result = stream.events[-2].data
    assert result["type"] == "result"
    generation_id = result["data"].pop("generation_id")
    assert uuid.UUID(generation_id).version == 4
    assert result["data"] == {**PROGRAMME, "week": [1, None]}


async def test_the_first_frame_is_sent_before_the_model_is_called(
    client: Client, model: ScriptedModel
) -> None:
    stream = generate(client)

    await stream.wait_events(1)

    assert stream.events[0].data["stage"] == "started"
    assert not model.calls


async def test_the_progress_advances_with_the_model_s_words(
    client: Client, model: ScriptedModel
) -> None:
    text = json.dumps(PROGRAMME)

    @play
    async def slow(_call: Call) -> Body:
        for letter in text:
            await asyncio.sleep(0.1)
            yield chunk(letter)
        for part in answer():
            yield part

    model.answer = slow

    stream = await generate(client).finish()

    advance = [e for e in stream.events if e.data.get("stage") == "generating"]
    progress = [event.data["progress"] for event in advance]
    assert progress[0] == 40
    assert len(progress) == len(set(progress)) > 2
    assert advance[1].at == pytest.approx(2.8)
    left_ms = [event.data["estimatedTimeRemaining"] for event in advance]
    assert left_ms == sorted(left_ms, reverse=True)
    assert left_ms[0] == 20_070


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (respond(status=500), "OPENAI_API_ERROR", True),
        (respond(status=429), "OPENAI_API_ERROR", True),
        (respond(status=400), "OPENAI_API_ERROR", False),
        (respond(chunk("{"), chunk(finish="length")), "OPENAI_API_ERROR", True),
        (respond(chunk("{", "length"), b"data: [DONE]\n\n"), "OPENAI_API_ERROR", False),
        (hold_headers, "OPENAI_API_ERROR", True),
    ],
)
async def test_a_failing_model_is_told_where_it_happened(
    client: Client,
    model: ScriptedModel,
    reply: Answer,
    code: str,
    retryable: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    model.answer = reply

    stream = await generate(client).finish()

    last = stream.events[-1].data
    assert (last["error"], last["retryable"]) == (code, retryable)
    assert (last["stage"], last["progress"]) == ("generating", 40)
    assert last["message"]
    assert stream.is_complete


@pytest.mark.parametrize("text", ["", "Here you are", "{}", '{"exercises": []}'])
async def test_an_answer_that_is_no_programme_is_told(
    client: Client,
    model: ScriptedModel,
    text: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model.answer = respond(*answer(text))

    stream = await generate(client).finish()

    assert stream.events[-1].data == {
        "stage": "validating",
        "message": INVALID.message,
        "progress": 70,
        "estimatedTimeRemaining": 0,
        "error": "VALIDATION_ERROR",
        "retryable": True,
    }
    assert "the answer is no programme: ex" in caplog.text


async def test_a_fence_around_the_answer_does_not_matter(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("```json\n", json.dumps(PROGRAMME), "\n```"))

    stream = await generate(client).finish()

    assert stream.events[-1].data["stage"] == "complete"


async def test_a_fault_of_our_own_is_a_server_error(
    client: Client, model: ScriptedModel
) -> None:
    async def explode(_call: Call) -> httpx.Response:
        raise ZeroDivisionError("SECRET")

    model.answer = explode

    stream = await generate(client).finish()

    last = stream.events[-1].data
    assert (last["error"], last["retryable"]) == ("SERVER_ERROR", False)
    assert b"SECRET" not in stream.body


async def test_a_cancel_is_told_where_it_happened(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    stream = generate(client)
    await stream.wait_events(3)

    path = f"{STREAM}/{stream.stream}"
    await client.request("DELETE", path, headers=bearer()).finish()
    await stream.finish()

    last = stream.events[-1].data
    assert (last["error"], last["retryable"]) == ("CANCELLED", False)
    assert last["stage"] == "generating"
    assert model.calls[0].left_at is not None


async def test_what_is_finished_is_counted_whatever_the_end(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {1: programme(), 2: respond(*answer("{}")), 3: respond(status=500)}
    for _ in range(3):
        await generate(client).finish()

    counts = {name: times["count"] for name, times in (await metrics(client)).items()}

    assert counts == {
        "started": 3,
        "fetching-exercises": 3,
        "generating": 2,
        "validating": 1,
        "storing": 1,
        "complete": 1,
    }


async def test_earlier_runs_of_all_users_teach_later_ones(
    client: Client, model: ScriptedModel
) -> None:
    async def slow(call: Call) -> httpx.Response:
        await asyncio.sleep(call.number)
        return await programme()(call)

    model.answer = slow
    left_ms = []
    for number in range(6):
        stream = await generate(client, user=f"user{number}").finish()
        left_ms.append(stream.events[1].data["estimatedTimeRemaining"])

    assert left_ms[:5] == [20_170] * 5
    assert left_ms[5] == pytest.approx(3000, abs=1)
    generating = (await metrics(client))["generating"]
    assert generating["count"] == 6
    assert generating["p95_ms"] == pytest.approx(6000)


async def test_a_run_in_the_middle_of_a_step_says_nothing_after_its_end(
    client: Client, model: ScriptedModel
) -> None:
    said: list[Any] = []

    async def cancel_in_between(call: Call) -> httpx.Response:
        (run,) = client.runs
        client.request("DELETE", f"{STREAM}/{run.identity.id}", headers=bearer())
        said.append(run)
        return await programme()(call)

    model.answer = cancel_in_between

    stream = await generate(client).finish()

    assert stream.events[-1].data["error"] == "CANCELLED"
    assert said[0].state == "cancelled"
