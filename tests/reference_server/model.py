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
    is_streamed: bool = True
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
        self.body = body

    async def __aiter__(self) -> Body:
        async for part in self.body:
            yield part
        self._call.is_finished = True

    async def aclose(self) -> None:
        if not self._call.is_finished and self._call.left_at is None:
            self._call.left_at = asyncio.get_running_loop().time()


async def _fold(call: Call, response: httpx.Response) -> httpx.Response:
    """Return a streamed answer as the document that it would be as a whole.

    One without its terminator is cut, as the stream was.
    """
    assert isinstance(response.stream, _Stream)
    said = b"".join([part async for part in response.stream.body])
    events = [line.removeprefix(b"data: ") for line in said.splitlines() if line]
    is_whole = events[-1:] == [b"[DONE]"]
    choices = [json.loads(each)["choices"][0] for each in events if each[:1] == b"{"]
    text = "".join(choice["delta"].get("content", "") for choice in choices)
    finish = next((c["finish_reason"] for c in choices if c["finish_reason"]), None)
    choice = {"message": {"content": text}, "finish_reason": finish}
    document = json.dumps({"choices": [choice]}).encode()

    async def body() -> Body:
        yield document if is_whole else document[:-9]

    headers = {"content-type": "application/json"}
    return httpx.Response(200, headers=headers, stream=_Stream(call, body()))


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


@dataclass
class ScriptedModel(httpx.AsyncBaseTransport):
    """Answers calls by `answer`; `script` has the answers of single calls from 1.

    What is answered as a stream is a document to a call that wants none.
    """

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
            is_streamed=document["stream"],
        )
        self.calls.append(call)
        self.called.set()
        try:
            response = await self.script.get(call.number, self.answer)(call)
            is_stream = response.headers["content-type"] == "text/event-stream"
            if not document["stream"] and is_stream and response.status_code == 200:
                response = await _fold(call, response)
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
