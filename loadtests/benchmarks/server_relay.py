"""The usual way to do what our server does: an sse-starlette relay of the model.

`python -m streamproof.loadtests.benchmarks.server_relay PORT MODEL_URL STEPS` answers
every POST with as many model calls, one after the other, and tells each token as an
event of the size that ours has, between an event for the start and one for the end of
the call. One shared httpx client, as its documentation says. Under uvicorn with what
is fastest there, uvloop and httptools.

What it does not do: credentials, limits, a log, resumes, a run that outlives its
reader, graphs. It is what these cost, and what they must not cost.
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence

import httpx
import uvicorn
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

__all__ = ["main"]

BACKLOG = 2048


class Relay:
    """Calls the model and passes on what it says."""

    def __init__(self, model_url: str, steps: int) -> None:
        """Make the client."""
        self._steps = steps
        self._http = httpx.AsyncClient(
            base_url=model_url,
            headers={"Authorization": "Bearer any"},
            timeout=None,  # noqa: S113 -- the benchmark ends both
            limits=httpx.Limits(max_connections=None),
        )

    async def answer(self, request: Request) -> EventSourceResponse:
        """Start one stream."""
        document = await request.json()
        events = self._events(document["prompt"])
        return EventSourceResponse(events, sep="\n", ping=15)

    async def _events(self, prompt: str) -> AsyncIterator[ServerSentEvent]:
        number = 0
        for step in range(self._steps):
            said = []
            yield _event(number := number + 1, "node-enter", step, {"status": "run"})
            async for text in self._ask(prompt):
                said.append(text)
                number += 1
                yield _event(number, "token-stream", step, {"text": text})
            output = {"status": "complete", "output": "".join(said)}
            yield _event(number := number + 1, "node-complete", step, output)

    async def _ask(self, prompt: str) -> AsyncIterator[str]:
        body = {
            "model": "gpt-4o-mini",
            "stream": True,
            "messages": [{"role": "user", "content": prompt}],
        }
        async with self._http.stream("POST", "chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if not line.startswith("data: {"):
                    continue
                choices = json.loads(line.removeprefix("data: "))["choices"]
                if choices and (text := choices[0]["delta"].get("content")):
                    yield text


def _event(number: int, kind: str, step: int, delta: object) -> ServerSentEvent:
    name = f"step_number_{step}"
    progress = {"node": name, "step": step, "total": 14, "etaMs": 20_000}
    document = {"type": kind, "node": name, "delta": delta, "progress": progress}
    return ServerSentEvent(
        json.dumps(document, separators=(",", ":")),
        event="state_delta",
        id=f"a-stream-of-22-letters-{number}",
        sep="\n",
    )


def main(arguments: Sequence[str]) -> None:
    """Serve until killed."""
    port, model_url, steps = arguments
    relay = Relay(model_url, int(steps))
    app = Starlette(routes=[Route("/{path:path}", relay.answer, methods=["POST"])])
    uvicorn.run(
        app,
        port=int(port),
        backlog=BACKLOG,
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main(sys.argv[1:])
