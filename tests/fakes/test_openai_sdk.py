"""The real `openai` SDK as a client: what it sees, and what the journal says of it."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING

import openai
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai import AsyncOpenAI, OpenAI
    from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server

MODEL = "gpt-4o-mini"


def user(prompt: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": prompt}]


@pytest.fixture
async def client(server: Server) -> AsyncIterator[AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{server.url}/v1", api_key="any", timeout=20
    ) as client:
        yield client


def sync_client(server: Server) -> OpenAI:
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", timeout=20)


async def stream(client: AsyncOpenAI, prompt: str) -> list[ChatCompletionChunk]:
    chunks = await client.chat.completions.create(
        model=MODEL, messages=user(prompt), stream=True
    )
    return [chunk async for chunk in chunks]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(
        choice.delta.content or "" for chunk in chunks for choice in chunk.choices
    )


async def test_a_stream_is_read_whole(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    chunks = await stream(client, '[[fake:say text="Hi \\u2028 thére\\n" call=k]]')
    (call,) = await control.calls("k")

    assert text_of(chunks) == "Hi \u2028 thére\n"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert {chunk.model for chunk in chunks} == {MODEL}
    assert len({chunk.id for chunk in chunks}) == 1
    assert (call["outcome"], call["stream"]) == ("completed", True)


async def test_usage_comes_in_a_chunk_of_its_own(client: AsyncOpenAI) -> None:
    chunks = [
        chunk
        async for chunk in await client.chat.completions.create(
            model=MODEL,
            messages=user("[[fake:say tokens=5]]"),
            stream=True,
            stream_options={"include_usage": True},
        )
    ]
    usage = chunks[-1].usage

    assert usage is not None
    assert usage.completion_tokens == 5
    assert chunks[-1].choices == []
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_the_streaming_helper_is_satisfied(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model=MODEL, messages=user("[[fake:say text=helper]]")
    ) as events:
        completion = await events.get_final_completion()

    assert completion.choices[0].message.content == "helper"


async def test_a_whole_answer_is_read(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=MODEL, messages=user('[[fake:say text="all at once" call=k]]')
    )
    completion = raw.parse()
    (call,) = await control.calls("k")

    assert completion.choices[0].message.content == "all at once"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 3
    assert raw.headers["x-request-id"].startswith("req_")
    assert (call["outcome"], call["stream"]) == ("completed", False)


TOOLS = (
    '[[fake:tool name=get_weather arguments="{\\"city\\": \\"Rome\\"}" call=k]] '
    "[[fake:tool name=get_time]]"
)


async def test_the_streaming_helper_gathers_parallel_tool_calls(
    client: AsyncOpenAI,
) -> None:
    async with client.chat.completions.stream(
        model=MODEL, messages=user(f"[[fake:think text=hm]] {TOOLS}")
    ) as events:
        completion = await events.get_final_completion()
    choice = completion.choices[0]
    calls = choice.message.tool_calls or []

    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert [(call.function.name, call.function.arguments) for call in calls] == [
        ("get_weather", '{"city": "Rome"}'),
        ("get_time", "{}"),
    ]


async def test_a_refusal_is_seen_in_its_field(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model=MODEL, messages=user('[[fake:refuse text="I can\'t"]]')
    ) as events:
        message = (await events.get_final_completion()).choices[0].message

    assert (message.refusal, message.content) == ("I can't", None)


async def test_an_answer_that_is_cut_for_length_says_so(client: AsyncOpenAI) -> None:
    completion = await client.chat.completions.create(
        model=MODEL, messages=user("[[fake:say tokens=9]]"), max_completion_tokens=4
    )

    assert completion.choices[0].finish_reason == "length"
    assert completion.usage is not None
    assert completion.usage.completion_tokens == 4


async def test_a_connection_is_used_again(client: AsyncOpenAI, server: Server) -> None:
    for _ in range(3):
        await stream(client, "hi")

    assert server.open_connections == 1


async def test_the_sync_client_that_closes_at_done_has_completed(
    server: Server, control: ControlClient
) -> None:
    def run() -> str:
        with sync_client(server) as client:
            chunks = list(
                client.chat.completions.create(
                    model=MODEL,
                    messages=user("[[fake:say text=sync call=k]]"),
                    stream=True,
                )
            )
        return text_of(chunks)

    text = await asyncio.to_thread(run)
    call = await control.wait("k", "ended")

    assert text == "sync"
    assert call["outcome"] == "completed"


async def test_the_sync_client_that_closes_at_done_before_the_end_is_no_cancel(
    server: Server, control: ControlClient
) -> None:
    def run() -> None:
        with sync_client(server) as client:
            chunks = client.chat.completions.create(
                model=MODEL,
                messages=user("[[fake:hold at=body_end call=k]]"),
                stream=True,
            )
            list(chunks)

    await asyncio.to_thread(run)
    call = await control.wait("k", "ended")

    assert call["outcome"] == "closed_after_terminal"


async def test_failures_are_retried_after_the_time_they_name(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    prompt = "[[fake:fail status=429 retry_after=0.05 turn=1-2 call=k]]"
    chunks = await stream(client, prompt)
    calls = await control.calls("k")
    starts = [call["events"][0]["at"] for call in calls]

    assert len(chunks) == 10
    assert [call["status"] for call in calls] == [429, 429, 200]
    assert all(later - earlier >= 0.05 for earlier, later in itertools.pairwise(starts))


async def test_a_failure_that_lasts_is_raised_with_its_body(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    prompt = '[[fake:fail status=500 retry_after=0.01 message="broken" call=k]]'
    with pytest.raises(openai.InternalServerError) as caught:
        await stream(client, prompt)

    assert caught.value.body == {
        "message": "broken",
        "type": "server_error",
        "param": None,
        "code": None,
    }
    assert len(await control.calls("k")) == 3


async def test_a_retry_after_beyond_its_patience_is_not_retried(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    with pytest.raises(openai.RateLimitError):
        await stream(client, "[[fake:fail status=429 retry_after=130 call=k]]")

    assert len(await control.calls("k")) == 1


async def test_an_unknown_word_is_a_bad_request(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="did you mean 'stall'"):
        await stream(client, "[[fake:stal after=1]]")


async def test_an_error_in_the_stream_is_raised(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    with pytest.raises(openai.APIError, match="broke off"):
        await stream(client, '[[fake:error after=2 message="broke off" call=k]]')
    call = await control.wait("k", "ended")

    assert (call["outcome"], call["fault"]) == ("faulted", "error")


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_drop_is_a_connection_error(
    how: str, client: AsyncOpenAI, control: ControlClient
) -> None:
    with pytest.raises(openai.APIConnectionError):
        await stream(client, f"[[fake:drop after=2 how={how} call=k]]")
    (call,) = await control.calls("k")

    assert (call["outcome"], call["tokens"]["sent"]) == ("faulted", 2)


async def test_a_truncated_stream_goes_unnoticed(client: AsyncOpenAI) -> None:
    chunks = await stream(client, "[[fake:truncate after=2]]")

    assert len(chunks) == 3
    assert chunks[-1].choices[0].finish_reason is None


@pytest.mark.slow
async def test_a_stall_beyond_the_timeout_is_seen_as_the_peer_leaving(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    patient = client.with_options(timeout=0.5)
    with pytest.raises(openai.APITimeoutError):
        await stream(patient, "[[fake:stall after=2 call=k]]")
    call = await control.wait("k", "ended")

    assert call["outcome"] == "cancelled_midstream"
    assert call["tokens"] == {"generated": 2, "sent": 2, "after_peer_gone": 0}


@pytest.mark.parametrize(
    ("prompt", "state", "outcome"),
    [
        ("[[fake:hold at=headers call=k]]", "held", "cancelled_before_headers"),
        (
            "[[fake:stall after=0 call=k]]",
            "headers_sent",
            "cancelled_before_first_token",
        ),
        ("[[fake:stall after=3 call=k]]", "token:3", "cancelled_midstream"),
        ("[[fake:hold at=end call=k]]", "held", "cancelled_midstream"),
    ],
)
async def test_a_cancelled_task_is_seen_in_its_phase(
    prompt: str,
    state: str,
    outcome: str,
    client: AsyncOpenAI,
    control: ControlClient,
) -> None:
    task = asyncio.create_task(stream(client, prompt))
    await control.wait("k", state)
    task.cancel()
    call = await control.wait("k", "peer_gone")
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call["outcome"] == outcome
    assert call["peer"] in {"fin", "rst"}
    assert call["tokens"]["after_peer_gone"] == 0


async def test_a_cancelled_whole_request_is_seen_before_headers(
    client: AsyncOpenAI, control: ControlClient
) -> None:
    create = client.chat.completions.create(
        model=MODEL, messages=user("[[fake:stall after=3 call=k]]")
    )
    task = asyncio.ensure_future(create)
    await control.wait("k", "accepted")
    task.cancel()
    call = await control.wait("k", "ended")
    with pytest.raises(asyncio.CancelledError):
        await task

    assert call["outcome"] == "cancelled_before_headers"
    assert call["tokens"]["after_peer_gone"] == 0
