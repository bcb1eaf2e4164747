"""The real `anthropic` SDK as a client: what it sees, and what the journal says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anthropic
import httpx2
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from anthropic import AsyncAnthropic
    from anthropic.types import Message, MessageParam, RawMessageStreamEvent
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server

MODEL = "claude-any"
EVERYTHING = (
    '[[fake:think text="hm so" call=k]] [[fake:say text="Hi there"]] '
    '[[fake:tool name=get_weather arguments="{\\"city\\": \\"Rome\\"}"]] '
    "[[fake:tool name=get_time]]"
)


def user(prompt: str) -> list[MessageParam]:
    return [{"role": "user", "content": prompt}]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(
        base_url=server.url, api_key="any", timeout=20
    ) as client:
        yield client


async def stream(client: AsyncAnthropic, prompt: str) -> list[RawMessageStreamEvent]:
    events = await client.messages.create(
        model=MODEL, max_tokens=100, messages=user(prompt), stream=True
    )
    return [event async for event in events]


async def gathered(
    client: AsyncAnthropic, prompt: str, *, max_tokens: int = 100
) -> Message:
    async with client.messages.stream(
        model=MODEL, max_tokens=max_tokens, messages=user(prompt)
    ) as events:
        return await events.get_final_message()


async def whole(client: AsyncAnthropic, prompt: str) -> Message:
    return await client.messages.create(
        model=MODEL, max_tokens=100, messages=user(prompt)
    )


@pytest.mark.parametrize("ask", [gathered, whole])
async def test_every_kind_of_block_is_read(
    ask: Callable[[AsyncAnthropic, str], Awaitable[Message]],
    client: AsyncAnthropic,
    control: ControlClient,
) -> None:
    message = await ask(client, EVERYTHING)
    thinking, text, weather, time = message.content
    (call,) = await control.calls("k")

    assert thinking.type == "thinking"
    assert (thinking.thinking, bool(thinking.signature)) == ("hm so", True)
    assert text.type == "text"
    assert text.text == "Hi there"
    assert weather.type == "tool_use"
    assert (weather.name, weather.input) == ("get_weather", {"city": "Rome"})
    assert time.type == "tool_use"
    assert (time.name, time.input) == ("get_time", {})
    assert message.stop_reason == "tool_use"
    assert message.usage.output_tokens == 8
    assert (call["outcome"], call["provider"]) == ("completed", "anthropic")


async def test_an_answer_that_is_cut_for_length_says_so(
    client: AsyncAnthropic,
) -> None:
    message = await gathered(client, "[[fake:say tokens=9]]", max_tokens=4)

    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 4)


async def test_a_refusal_says_why(client: AsyncAnthropic) -> None:
    prompt = '[[fake:refuse text="" category=cyber explanation="policy"]]'
    message = await gathered(client, prompt)

    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.category == "cyber"
    assert message.stop_details.explanation == "policy"


async def test_an_error_in_the_stream_is_raised_with_status_200(
    client: AsyncAnthropic, control: ControlClient
) -> None:
    with pytest.raises(anthropic.APIStatusError, match="Overloaded") as caught:
        await stream(client, "[[fake:error after=2 call=k]]")
    (call,) = await control.calls("k")

    assert caught.value.status_code == 200
    assert (call["outcome"], call["fault"]) == ("faulted", "error")


async def test_a_truncated_stream_goes_unnoticed(client: AsyncAnthropic) -> None:
    events = await stream(client, "[[fake:truncate after=2]]")

    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
    ]


@pytest.mark.parametrize(
    ("how", "error"),
    [("fin", httpx2.RemoteProtocolError), ("rst", httpx2.ReadError)],
)
async def test_a_drop_is_raised_raw(
    how: str, error: type[Exception], client: AsyncAnthropic
) -> None:
    with pytest.raises(error):
        await stream(client, f"[[fake:drop after=2 how={how}]]")


async def test_failures_are_retried_after_the_time_they_name(
    client: AsyncAnthropic, control: ControlClient
) -> None:
    await stream(client, "[[fake:fail status=529 retry_after=0.05 turn=1-2 call=k]]")
    calls = await control.calls("k")

    assert [call["status"] for call in calls] == [529, 529, 200]


async def test_an_unknown_word_is_a_bad_request(client: AsyncAnthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="did you mean 'stall'"):
        await whole(client, "[[fake:stal after=1]]")


async def test_a_cancelled_task_is_seen_in_its_phase(
    client: AsyncAnthropic, control: ControlClient
) -> None:
    task = asyncio.create_task(stream(client, "[[fake:stall after=3 call=k]]"))
    await control.wait("k", "token:3")
    task.cancel()
    call = await control.wait("k", "peer_gone")
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call["outcome"] == "cancelled_midstream"
    assert call["tokens"] == {"generated": 3, "sent": 3, "after_peer_gone": 0}


async def test_a_connection_is_used_again(
    client: AsyncAnthropic, server: Server
) -> None:
    for _ in range(3):
        await stream(client, "hi")

    assert server.open_connections == 1
