"""One answer of the model: calls, limits of time, ends."""

from __future__ import annotations

import asyncio
import gc
import gzip
import weakref
from datetime import UTC, datetime

import httpx
import pytest
from tests.reference_server.model import (
    DONE,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    play,
    respond,
)

from streamproof.reference_server.models.client import (
    Message,
    ModelClient,
    ModelOptions,
    UpstreamError,
)
from streamproof.reference_server.models.retry import RetryPolicy
from streamproof.reference_server.streams.events import FailureCode

QUESTION: list[Message] = [{"role": "user", "content": "hello"}]


async def ask(model: ScriptedModel, pieces: list[str] | None = None) -> str:
    options = ModelOptions(
        model="m",
        first_token_timeout_s=10,
        total_timeout_s=60,
        retry=RetryPolicy(max_attempts=2, backoff_s=1, budget_s=30),
    )
    async with httpx.AsyncClient(base_url="http://model/v1", transport=model) as http:
        client = ModelClient(
            http, options, now=lambda: datetime(2026, 1, 1, tzinfo=UTC), jitter=float
        )
        kept = [] if pieces is None else pieces
        return await client.answer(QUESTION, kept.append, max_chars=1000)


async def test_pieces_are_passed_on_and_joined(model: ScriptedModel) -> None:
    model.answer = respond(*answer("a", "", "b"))
    pieces: list[str] = []

    text = await ask(model, pieces)

    assert (text, pieces) == ("ab", ["a", "b"])
    assert model.calls[0].url == "http://model/v1/chat/completions"
    assert model.calls[0].messages == QUESTION
    assert model.calls[0].headers["accept"] == "text/event-stream"
    assert model.calls[0].is_finished


async def test_the_end_of_the_body_is_awaited_for_a_second_only(
    model: ScriptedModel,
) -> None:
    @play
    async def never_ends(_call: Call) -> Body:
        for part in answer("a"):
            yield part
        await forever()

    model.answer = never_ends

    assert await ask(model) == "a"
    assert asyncio.get_running_loop().time() == 1
    assert model.calls[0].left_at == 1


async def test_a_cut_after_the_terminator_does_not_matter(
    model: ScriptedModel,
) -> None:
    @play
    async def cut(_call: Call) -> Body:
        for part in answer("a"):
            yield part
        raise httpx.ReadError("reset")

    model.answer = cut

    assert await ask(model) == "a"


async def test_an_answer_of_no_tokens_is_an_answer(model: ScriptedModel) -> None:
    model.answer = respond(chunk(finish="stop"), DONE)

    assert await ask(model) == ""


async def test_a_slow_start_within_the_limit_is_awaited(model: ScriptedModel) -> None:
    @play
    async def slow(_call: Call) -> Body:
        await asyncio.sleep(9)
        yield chunk("a")
        await asyncio.sleep(49)
        yield chunk(finish="stop") + DONE

    model.answer = slow

    assert await ask(model) == "a"


async def test_headers_that_never_come_are_a_timeout(model: ScriptedModel) -> None:
    async def mute(_call: Call) -> httpx.Response:
        await forever()
        raise AssertionError

    model.answer = mute

    with pytest.raises(UpstreamError) as error:
        await ask(model)

    assert error.value.code is FailureCode.UPSTREAM_TIMEOUT
    assert asyncio.get_running_loop().time() == 10


async def test_a_drip_of_tokens_is_stopped_by_the_total_limit(
    model: ScriptedModel,
) -> None:
    @play
    async def drip(_call: Call) -> Body:
        while True:
            await asyncio.sleep(5)
            yield chunk("a")

    model.answer = drip
    pieces: list[str] = []

    with pytest.raises(UpstreamError) as error:
        await ask(model, pieces)

    assert error.value.code is FailureCode.UPSTREAM_TIMEOUT
    assert len(pieces) == 11


async def test_no_connection_is_an_error_without_the_address(
    model: ScriptedModel,
) -> None:
    async def refuse(_call: Call) -> httpx.Response:
        raise httpx.ConnectError("http://10.0.0.1 refused")

    model.answer = refuse

    with pytest.raises(UpstreamError) as error:
        await ask(model)

    assert error.value.code is FailureCode.UPSTREAM_ERROR
    assert str(error.value) == "ConnectError"


async def test_the_body_of_an_error_is_read_up_to_a_bound(
    model: ScriptedModel,
) -> None:
    @play
    async def endless(_call: Call) -> Body:
        while True:
            yield b"x" * 1000

    async def overloaded(call: Call) -> httpx.Response:
        response = await endless(call)
        response.status_code = 503
        return response

    model.answer = overloaded

    with pytest.raises(UpstreamError):
        await ask(model)

    assert len(model.calls) == 2
    assert asyncio.get_running_loop().time() == 1


@pytest.mark.parametrize("start", [b"data: ", b"", b": ", b"data: x\ndata: "])
async def test_an_event_without_end_is_an_error_long_before_the_time_limit(
    model: ScriptedModel, start: bytes
) -> None:
    sent = 0

    @play
    async def endless(_call: Call) -> Body:
        nonlocal sent
        yield chunk("a") + start
        while True:
            sent += 1
            yield b"x" * 1024

    model.answer = endless

    with pytest.raises(UpstreamError) as error:
        await ask(model)

    assert error.value.code is FailureCode.UPSTREAM_ERROR
    assert str(error.value) == "BrokenStreamError"
    assert sent <= 513


async def test_many_events_may_be_more_than_one_may_be(model: ScriptedModel) -> None:
    padding = b'data: {"choices": [], "padding": "%s"}\n\n' % (b"x" * 1024)
    model.answer = respond(chunk("a"), *[padding] * 600, chunk(finish="stop"), DONE)

    assert await ask(model) == "a"


async def test_an_answer_that_is_too_long_is_an_error(model: ScriptedModel) -> None:
    model.answer = respond(*answer("a" * 1000, "b"))

    with pytest.raises(UpstreamError) as error:
        await ask(model)

    assert error.value.code is FailureCode.UPSTREAM_ERROR


async def test_a_body_without_end_after_the_terminator_does_not_matter(
    model: ScriptedModel,
) -> None:
    @play
    async def endless(_call: Call) -> Body:
        for part in answer("a"):
            yield part
        while True:
            yield b"x" * 1024

    model.answer = endless

    assert await ask(model) == "a"


async def test_an_answer_that_is_compressed_is_not_unpacked(
    model: ScriptedModel,
) -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    model.answer = respond(bomb, content_encoding="gzip")

    with pytest.raises(UpstreamError) as error:
        await ask(model)

    assert error.value.code is FailureCode.UPSTREAM_ERROR
    assert model.calls[0].headers["accept-encoding"] == "identity"


async def test_nothing_of_an_answer_is_kept_until_the_garbage_is_collected(
    model: ScriptedModel,
) -> None:
    kept: list[weakref.ref[httpx.Response]] = []

    async def reply(call: Call) -> httpx.Response:
        response = await respond(*answer("a"))(call)
        kept.append(weakref.ref(response))
        return response

    model.answer = reply
    gc.disable()
    try:
        await ask(model)

        assert [response() for response in kept] == [None]
    finally:
        gc.enable()
