"""Every service through the client: bytes, signs of life, ends, cuts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest
from tests.reference_server.model import Body, Call, ScriptedModel, play, respond

from streamproof.reference_server.models.anthropic import Anthropic
from streamproof.reference_server.models.client import ModelClient, ModelOptions
from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.openai_chat import OpenAIChat
from streamproof.reference_server.models.openai_responses import OpenAIResponses
from streamproof.reference_server.models.provider import Message, Provider
from streamproof.reference_server.models.retry import RetryPolicy


def chat(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data({"choices": [choice]})


def data(document: dict[str, object]) -> bytes:
    return f"data: {json.dumps(document, ensure_ascii=False)}\n\n".encode()


def named(kind: str, **members: object) -> bytes:
    return f"event: {kind}\n".encode() + data({"type": kind, **members})


def response(status: str) -> bytes:
    return named(f"response.{status}", response={"status": status})


def block(**delta: str) -> bytes:
    return named("content_block_delta", index=0, delta=delta)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service, and how it spells what all of them say."""

    provider: Provider
    url: str
    say: Callable[[str], bytes]
    think: bytes
    beat: bytes
    # The end of an answer, up to the terminator; and that.
    finish: bytes
    terminator: bytes

    def answer(self, *pieces: str) -> list[bytes]:
        return [*map(self.say, pieces), self.finish + self.terminator]


SERVICES = {
    "openai_chat": Service(
        provider=OpenAIChat(),
        url="http://model/v1/chat/completions",
        say=lambda text: chat({"content": text}),
        think=chat({"reasoning_content": "hm"}),
        beat=b": alive\n\n",
        finish=chat({}, "stop"),
        terminator=b"data: [DONE]\n\n",
    ),
    "openai_responses": Service(
        provider=OpenAIResponses(),
        url="http://model/v1/responses",
        say=lambda text: named("response.output_text.delta", delta=text),
        think=named("response.reasoning_summary_text.delta", delta="hm"),
        beat=named("keepalive", sequence_number=7),
        finish=named("response.output_text.done", text="all"),
        terminator=response("completed"),
    ),
    "anthropic": Service(
        provider=Anthropic(max_tokens=9),
        url="http://model/v1/messages",
        say=lambda text: block(type="text_delta", text=text),
        think=block(type="thinking_delta", thinking="hm"),
        beat=named("ping"),
        finish=named("message_delta", delta={"stop_reason": "end_turn"}),
        terminator=named("message_stop"),
    ),
}


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> Service:
    return SERVICES[request.param]


async def ask(model: ScriptedModel, service: Service) -> tuple[str, list[str]]:
    """Return the whole answer and its pieces."""
    options = ModelOptions(
        provider=service.provider,
        model="m",
        key="k",
        first_token_timeout_s=10,
        total_timeout_s=60,
        retry=RetryPolicy(max_attempts=2, backoff_s=1, budget_s=30),
    )
    async with httpx.AsyncClient(base_url="http://model/v1", transport=model) as http:
        client = ModelClient(
            http, options, now=lambda: datetime(2026, 1, 1, tzinfo=UTC), jitter=float
        )
        pieces: list[str] = []
        question = Message(role="user", content="  hello\n")
        answer = await client.answer([question], pieces.append, max_chars=1000)
        return answer.whole_text(), pieces


async def test_pieces_are_passed_on_and_the_user_s_words_are_unchanged(
    model: ScriptedModel, service: Service
) -> None:
    model.answer = respond(*service.answer("a", "b"))

    assert await ask(model, service) == ("ab", ["a", "b"])
    (call,) = model.calls
    assert call.url == service.url
    assert call.messages == [{"role": "user", "content": "  hello\n"}]
    assert call.is_finished


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
async def test_the_bytes_of_an_event_stream_are_read_as_the_standard_says(
    model: ScriptedModel, service: Service, mark: bytes, end: bytes
) -> None:
    body = mark + b"".join(service.answer("\u4f60\u597d", "!")).replace(b"\n", end)
    model.answer = respond(
        *(bytes([b]) for b in body), content_type="text/event-stream;charset=GBK"
    )

    assert await ask(model, service) == ("\u4f60\u597d!", ["\u4f60\u597d", "!"])


async def test_reasoning_is_life_and_no_text(
    model: ScriptedModel, service: Service
) -> None:
    @play
    async def thoughtful(_call: Call) -> Body:
        for _ in range(6):
            await asyncio.sleep(8)
            yield service.think
        for part in service.answer("a"):
            yield part

    model.answer = thoughtful

    assert await ask(model, service) == ("a", ["a"])


async def test_what_keeps_a_connection_open_is_no_life(
    model: ScriptedModel, service: Service
) -> None:
    @play
    async def waiting(_call: Call) -> Body:
        while True:
            await asyncio.sleep(3)
            yield service.beat

    model.answer = waiting

    with pytest.raises(ModelError) as error:
        await ask(model, service)

    assert error.value.fault is ModelFault.TIMEOUT
    assert asyncio.get_running_loop().time() == 10


async def test_a_body_that_ends_anywhere_before_its_terminator_is_a_failure(
    model: ScriptedModel, service: Service
) -> None:
    whole = b"".join(service.answer("a"))
    for cut in range(len(whole) - 1):
        model.answer = respond(whole[:cut])

        with pytest.raises(ModelError) as error:
            await ask(model, service)

        assert error.value.fault is ModelFault.FAILED


async def test_what_comes_after_the_terminator_is_read_and_does_not_count(
    model: ScriptedModel, service: Service
) -> None:
    model.answer = respond(*service.answer("a"), service.say("b"), b"data: {\n\n")

    assert await ask(model, service) == ("a", ["a"])
    assert model.calls[0].is_finished


async def test_a_cut_after_the_terminator_does_not_matter(
    model: ScriptedModel, service: Service
) -> None:
    @play
    async def cut(_call: Call) -> Body:
        for part in service.answer("a"):
            yield part
        raise httpx.ReadError("reset")

    model.answer = cut

    assert await ask(model, service) == ("a", ["a"])


@pytest.mark.parametrize("status", [429, 503, 529])
async def test_an_overload_is_tried_again(
    model: ScriptedModel, service: Service, status: int
) -> None:
    model.answer = respond(*service.answer("a"))
    model.script[1] = respond(status=status, retry_after="3")

    assert await ask(model, service) == ("a", ["a"])
    assert [call.started_at for call in model.calls] == [0, 3]
