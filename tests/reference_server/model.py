"""A model provider for tests without sockets: says what a test tells it to.

It stands in for the network below httpx, so that everything of ours is exercised.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx

DONE = b"data: [DONE]\n\n"
EVENT_STREAM = {"content-type": "text/event-stream"}


def chunk(text: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({'choices': [choice]})}\n\n".encode()


def answer(*tokens: str) -> list[bytes]:
    return [*map(chunk, tokens), chunk(finish="stop"), DONE]


@dataclass
class Call:
    """One request that reached the model."""

    number: int
    messages: list[dict[str, str]]
    headers: httpx.Headers
    url: str
    started_at: float
    is_finished: bool = False
    # When the client left before the end of the answer.
    left_at: float | None = None


Body = AsyncIterator[bytes]
Answer = Callable[[Call], Awaitable[httpx.Response]]


def respond(*parts: bytes, status: int = 200, **headers: str) -> Answer:
    """Answer at once with these parts."""

    async def body() -> Body:
        for part in parts:
            yield part

    async def reply(call: Call) -> httpx.Response:
        return streamed(call, body(), status=status, headers=headers)

    return reply


def play(body: Callable[[Call], Body]) -> Answer:
    """Answer with what an asynchronous generator yields, when it yields it."""

    async def reply(call: Call) -> httpx.Response:
        return streamed(call, body(call))

    return reply


def streamed(
    call: Call,
    body: Body,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    all_headers = {
        **EVENT_STREAM,
        **{k.replace("_", "-"): v for k, v in (headers or {}).items()},
    }
    return httpx.Response(status, headers=all_headers, stream=_Stream(call, body))


class _Stream(httpx.AsyncByteStream):
    def __init__(self, call: Call, body: Body) -> None:
        self._call = call
        self._body = body

    async def __aiter__(self) -> Body:
        async for part in self._body:
            yield part
        self._call.is_finished = True

    async def aclose(self) -> None:
        if not self._call.is_finished and self._call.left_at is None:
            self._call.left_at = asyncio.get_running_loop().time()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@dataclass
class ScriptedModel(httpx.AsyncBaseTransport):
    """Answers calls by `answer`; `script` has the answers of single calls from 1."""

    answer: Answer = field(default_factory=lambda: respond(*answer("one ", "two")))
    script: dict[int, Answer] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop = asyncio.get_running_loop()
        document = json.loads(await request.aread())
        call = Call(
            number=len(self.calls) + 1,
            messages=document["input" if "input" in document else "messages"],
            headers=request.headers,
            url=str(request.url),
            started_at=loop.time(),
        )
        self.calls.append(call)
        self.called.set()
        try:
            response = await self.script.get(call.number, self.answer)(call)
        except asyncio.CancelledError:
            call.left_at = loop.time()
            raise
        response.request = request
        return response


@play
async def stalled(_call: Call) -> Body:
    """One token, then silence."""
    yield chunk("one ")
    await forever()


async def hold_headers(_call: Call) -> httpx.Response:
    await forever()
    raise AssertionError


@play
async def hold_first_token(_call: Call) -> Body:
    yield chunk("")
    await forever()
