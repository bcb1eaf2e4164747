"""One answer of the model: calls, limits of time, ends."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import pytest
from tests.reference_server.model import (
    DONE,
    Answer,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    play,
    respond,
    streamed,
)

from streamproof.reference_server.models.client import ModelClient, ModelOptions
from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.openai_chat import OpenAIChat
from streamproof.reference_server.models.provider import Message
from streamproof.reference_server.models.retry import Retry, RetryPolicy

QUESTION: list[Message] = [{"role": "user", "content": "hello"}]


@asynccontextmanager
async def client_of(model: ScriptedModel) -> AsyncIterator[ModelClient]:
    options = ModelOptions(
        provider=OpenAIChat(),
        model="m",
        key="k",
        first_token_timeout_s=10,
        total_timeout_s=60,
        retry=RetryPolicy(max_attempts=2, backoff_s=1, budget_s=30),
    )
    async with httpx.AsyncClient(base_url="http://model/v1", transport=model) as http:
        yield ModelClient(
            http, options, now=lambda: datetime(2026, 1, 1, tzinfo=UTC), jitter=float
        )


async def ask(
    model: ScriptedModel,
    pieces: list[str] | None = None,
    retries: list[Retry] | None = None,
) -> str:
    said = [] if pieces is None else pieces
    told = [] if retries is None else retries
    async with client_of(model) as client:
        answer = await client.answer(
            QUESTION, said.append, max_chars=1000, on_retry=told.append
        )
        return answer.whole_text()


async def ask_for_all(model: ScriptedModel) -> str:
    async with client_of(model) as client:
        answer = await client.ask(QUESTION, max_chars=1000)
        return answer.whole_text()


async def test_pieces_are_passed_on_and_joined(model: ScriptedModel) -> None:
    model.answer = respond(*answer("a", "", "b"))
    pieces: list[str] = []

    text = await ask(model, pieces)

    assert (text, pieces) == ("ab", ["a", "b"])
    assert model.calls[0].url == "http://model/v1/chat/completions"
    assert model.calls[0].messages == QUESTION
    assert model.calls[0].headers["accept"] == "text/event-stream"
    assert model.calls[0].headers["authorization"] == "Bearer k"
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

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.TIMEOUT
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

    with pytest.raises(ModelError) as error:
        await ask(model, pieces)

    assert error.value.fault is ModelFault.TIMEOUT
    assert len(pieces) == 11


async def test_no_connection_is_an_error_without_the_address(
    model: ScriptedModel,
) -> None:
    async def refuse(_call: Call) -> httpx.Response:
        raise httpx.ConnectError("http://10.0.0.1 refused")

    model.answer = refuse

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.UNAVAILABLE
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

    with pytest.raises(ModelError):
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

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.FAILED
    assert str(error.value) == "expected an event of at most 524288 bytes"
    assert sent <= 513


async def test_many_events_may_be_more_than_one_may_be(model: ScriptedModel) -> None:
    padding = b'data: {"choices": [], "padding": "%s"}\n\n' % (b"x" * 1024)
    model.answer = respond(chunk("a"), *[padding] * 600, chunk(finish="stop"), DONE)

    assert await ask(model) == "a"


async def test_an_answer_that_is_too_long_is_an_error(model: ScriptedModel) -> None:
    model.answer = respond(*answer("a" * 1000, "b"))

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.FAILED


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

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.FAILED
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


async def test_every_retry_is_told_before_its_pause(model: ScriptedModel) -> None:
    model.script[1] = respond(status=429, retry_after="3")
    told: list[tuple[float, Retry]] = []

    class Watched(list[Retry]):
        def append(self, retry: Retry) -> None:
            told.append((asyncio.get_running_loop().time(), retry))

    assert await ask(model, retries=Watched()) == "one two"
    assert told == [(0, Retry(attempt=2, pause_s=3.0))]


@pytest.mark.parametrize(
    ("status", "fault"),
    [(429, ModelFault.RATE_LIMITED), (503, ModelFault.UNAVAILABLE)],
)
async def test_an_overload_to_the_last_attempt_is_given_up(
    model: ScriptedModel, status: int, fault: ModelFault
) -> None:
    model.answer = respond(status=status)
    retries: list[Retry] = []

    with pytest.raises(ModelError) as error:
        await ask(model, retries=retries)

    assert error.value.fault is fault
    assert (len(model.calls), len(retries)) == (2, 1)


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_a_request_that_the_model_refuses_is_not_made_again(
    model: ScriptedModel, status: int
) -> None:
    model.answer = respond(status=status)

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.REFUSED
    assert len(model.calls) == 1


async def test_reasoning_is_life_and_no_text(model: ScriptedModel) -> None:
    thought = b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n'

    @play
    async def thoughtful(_call: Call) -> Body:
        for _ in range(6):
            await asyncio.sleep(8)
            yield thought
        for part in answer("a"):
            yield part

    model.answer = thoughtful
    pieces: list[str] = []

    assert await ask(model, pieces) == "a"
    assert pieces == ["a"]


@pytest.mark.parametrize("beat", [b": alive\n\n", b"data: {}\n\n", b"data:\n\n"])
async def test_what_says_nothing_is_no_life(model: ScriptedModel, beat: bytes) -> None:
    @play
    async def waiting(_call: Call) -> Body:
        while True:
            await asyncio.sleep(3)
            yield beat

    model.answer = waiting

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.TIMEOUT
    assert asyncio.get_running_loop().time() == 10


async def test_every_attempt_has_the_whole_time(model: ScriptedModel) -> None:
    @play
    async def slow(_call: Call) -> Body:
        await asyncio.sleep(9)
        for part in answer("a"):
            yield part

    async def late_refusal(call: Call) -> httpx.Response:
        await asyncio.sleep(9)
        return await respond(status=503)(call)

    model.script = {1: late_refusal, 2: slow}

    assert await ask(model) == "a"
    assert asyncio.get_running_loop().time() == 19


@pytest.mark.parametrize(
    "content_type",
    ["text/event-stream", "Text/Event-Stream", "text/event-stream;charset=GBK"],
)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
async def test_an_event_stream_is_utf_8_whatever_its_label_says(
    model: ScriptedModel, content_type: str, mark: bytes, end: bytes
) -> None:
    body = mark + b"".join(answer("\u4f60\u597d", "!")).replace(b"\n", end)
    body = body.replace(b"\\u4f60", "\u4f60".encode())
    model.answer = respond(*(bytes([b]) for b in body), content_type=content_type)

    assert await ask(model) == "\u4f60\u597d!"


async def test_the_last_piece_does_not_wait_for_the_byte_after_a_lone_cr(
    model: ScriptedModel,
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        yield chunk("a").replace(b"\n", b"\r")
        await asyncio.sleep(30)
        yield (chunk(finish="stop") + DONE).replace(b"\n", b"\r")

    model.answer = slow
    said_at: list[float] = []

    class Timed(list[str]):
        def append(self, text: str) -> None:
            said_at.append(asyncio.get_running_loop().time())

    assert await ask(model, Timed()) == "a"
    assert said_at == [0]


@pytest.mark.parametrize("content_type", ["application/json", "text/html", ""])
async def test_another_media_type_is_no_answer(
    model: ScriptedModel, content_type: str
) -> None:
    model.answer = respond(*answer("a"), content_type=content_type)

    with pytest.raises(ModelError) as error:
        await ask(model)

    assert error.value.fault is ModelFault.FAILED


# An answer that is not streamed.


def document(text: str, finish: str = "stop") -> bytes:
    choice = {"message": {"content": text}, "finish_reason": finish}
    return json.dumps({"choices": [choice]}).encode()


def respond_whole(*parts: bytes, content_type: str = "application/json") -> Answer:
    return respond(*parts, content_type=content_type)


async def test_an_answer_can_be_had_as_a_whole(model: ScriptedModel) -> None:
    model.answer = respond_whole(document("a b"), content_type="Application/JSON; x")

    assert await ask_for_all(model) == "a b"
    assert model.calls[0].headers["accept"] == "application/json"
    assert model.calls[0].messages == QUESTION
    assert not model.calls[0].is_streamed
    assert model.calls[0].is_finished


async def test_the_head_is_the_first_sign_of_life_of_a_whole_answer(
    model: ScriptedModel,
) -> None:
    async def slow(call: Call) -> httpx.Response:
        await asyncio.sleep(9)

        async def body() -> Body:
            await asyncio.sleep(50)
            yield document("late")

        headers = {"content-type": "application/json"}
        return streamed(call, body(), headers=headers)

    model.answer = slow

    assert await ask_for_all(model) == "late"


@pytest.mark.parametrize(("head_s", "body_s"), [(11, 0), (9, 52)])
async def test_a_whole_answer_has_the_same_limits_of_time(
    model: ScriptedModel, head_s: float, body_s: float
) -> None:
    async def slow(call: Call) -> httpx.Response:
        await asyncio.sleep(head_s)

        async def body() -> Body:
            await asyncio.sleep(body_s)
            yield document("late")

        headers = {"content-type": "application/json"}
        return streamed(call, body(), headers=headers)

    model.answer = slow

    with pytest.raises(ModelError) as error:
        await ask_for_all(model)

    assert error.value.fault is ModelFault.TIMEOUT
    assert model.calls[0].left_at is not None


async def test_a_whole_answer_is_asked_for_again(model: ScriptedModel) -> None:
    model.script = {1: respond(status=429)}
    model.answer = respond_whole(document("at last"))

    assert await ask_for_all(model) == "at last"
    assert model.calls[1].started_at == 1


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (respond(document("a"), content_type="text/html"), "application/json"),
        (respond_whole(b"[]"), "an object"),
        (respond_whole(b"\xff"), "JSON"),
        (respond_whole(b'{"choices'), "JSON"),
        (respond_whole(b""), "JSON"),
        (respond_whole(document("x" * 1001)), "at most 1000 characters"),
        (respond_whole(*[b" " * 70_000] * 8), "at most 524288 bytes"),
        (respond(status=500), "status 500"),
    ],
)
async def test_a_whole_answer_that_is_none_is_a_failure(
    model: ScriptedModel, reply: Answer, reason: str
) -> None:
    model.answer = reply

    with pytest.raises(ModelError, match=reason) as error:
        await ask_for_all(model)

    assert error.value.fault is ModelFault.FAILED
