"""The real `openai` SDK on the Responses endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI
    from openai.types.responses import ResponseStreamEvent
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server

MODEL = "gpt-4o-mini"
EVERYTHING = (
    '[[fake:think text="hm so" call=k]] [[fake:say text="Hi there"]] '
    '[[fake:tool name=get_weather arguments="{\\"city\\": \\"Rome\\"}"]] '
    "[[fake:tool name=get_time]]"
)


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="any", timeout=20
    ) as client:
        yield client


async def stream(client: AsyncOpenAI, prompt: str) -> list[ResponseStreamEvent]:
    events = await client.responses.create(model=MODEL, input=prompt, stream=True)
    return [event async for event in events]


async def test_a_stream_is_read_event_by_event(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    events = await stream(client, "[[fake:say text=Hi call=k]]")
    (call,) = await control.calls("k")

    assert [event.type for event in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(9))
    assert (call["outcome"], call["provider"]) == ("completed", "openai_responses")


async def test_the_strict_streaming_helper_is_satisfied(client: AsyncOpenAI) -> None:
    async with client.responses.stream(model=MODEL, input=EVERYTHING) as events:
        response = await events.get_final_response()
    usage = response.usage

    assert response.output_text == "Hi there"
    assert [item.type for item in response.output] == [
        "reasoning",
        "message",
        "function_call",
        "function_call",
    ]
    assert usage is not None
    assert usage.output_tokens == 8
    assert usage.output_tokens_details.reasoning_tokens == 2


async def test_a_whole_answer_is_read(client: AsyncOpenAI) -> None:
    response = await client.responses.create(model=MODEL, input=EVERYTHING)
    calls = [item for item in response.output if item.type == "function_call"]

    assert response.output_text == "Hi there"
    assert [(call.name, call.arguments) for call in calls] == [
        ("get_weather", '{"city": "Rome"}'),
        ("get_time", "{}"),
    ]
    assert response.status == "completed"


async def test_an_answer_that_is_cut_for_length_is_incomplete(
    client: AsyncOpenAI,
) -> None:
    response = await client.responses.create(
        model=MODEL, input="[[fake:say tokens=40]]", max_output_tokens=16
    )

    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"


async def test_an_error_in_the_stream_is_raised(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.APIError, match="broke"):
        await stream(client, "[[fake:error after=2 message=broke]]")


async def test_an_error_as_the_reference_has_it_is_an_event_and_not_raised(
    client: AsyncOpenAI,
) -> None:
    events = await stream(client, "[[fake:error after=2 message=broke shape=flat]]")

    assert events[-1].type == "error"
    assert events[-1].message == "broke"


async def test_a_ping_is_an_event_that_does_no_harm(client: AsyncOpenAI) -> None:
    events = await stream(
        client, "[[fake:stall after=2 ms=40]] [[fake:keepalive each=5]]"
    )

    assert "keepalive" in [event.type for event in events]
    assert events[-1].type == "response.completed"


async def test_a_failed_response_is_an_event(client: AsyncOpenAI) -> None:
    events = await stream(client, "[[fake:error after=2 type=response.failed]]")

    assert events[-1].type == "response.failed"
    assert events[-1].response.error is not None
    assert events[-1].response.error.code == "server_error"


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_drop_is_a_connection_error(how: str, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.APIConnectionError):
        await stream(client, f"[[fake:drop after=2 how={how}]]")


async def test_failures_are_retried_after_the_time_they_name(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    await stream(client, "[[fake:fail status=429 retry_after=0.05 turn=1-2 call=k]]")
    calls = await control.calls("k")

    assert [call["status"] for call in calls] == [429, 429, 200]


async def test_a_cancelled_task_is_seen_in_its_phase(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    task = asyncio.create_task(stream(client, "[[fake:stall after=3 call=k]]"))
    await control.wait("k", "token:3")
    task.cancel()
    call = await control.wait("k", "peer_gone")
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call["outcome"] == "cancelled_midstream"
    assert call["tokens"] == {"generated": 3, "sent": 3, "after_peer_gone": 0}
