"""A server as they are found in the wild: a LangGraph stream inside StreamingResponse.

Not ours: no part of the reference server is in it. It holds its head back until the
model speaks, has no heartbeat, ids, resume, auth or limit, lets exceptions cut the
connection, and never cancels the model call of a reader that left (failure-modes.md,
findings 1 and 4). The profile beside it promises only what its author would promise.

Run: `python tests/integration/naive_server.py PORT MODEL_BASE_URL`.
"""

import json
import sys
from collections.abc import AsyncIterator
from typing import TypedDict

import httpx
import uvicorn
from httpx_sse import aconnect_sse
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route


class State(TypedDict):
    """What the graph carries."""

    prompt: str


def create_app(model: str) -> Starlette:
    """Return the application; `model` is the base URL of the provider."""
    client = httpx.AsyncClient(timeout=None)  # noqa: S113 -- as in the wild

    async def answer(state: State) -> State:
        write = get_stream_writer()
        body = {
            "model": "any",
            "stream": True,
            "messages": [{"role": "user", "content": state["prompt"]}],
        }
        headers = {"Authorization": "Bearer any"}
        async with aconnect_sse(
            client, "POST", f"{model}/chat/completions", json=body, headers=headers
        ) as source:
            source.response.raise_for_status()
            async for event in source.aiter_sse():
                if event.data == "[DONE]":
                    break
                delta = json.loads(event.data)["choices"][0]["delta"]
                if delta.get("content"):
                    write({"type": "token", "text": delta["content"]})
        return state

    builder = StateGraph(State)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    graph = builder.compile()

    async def events(prompt: str) -> AsyncIterator[str]:
        async for part in graph.astream({"prompt": prompt}, stream_mode="custom"):
            yield f"data: {json.dumps(part)}\n\n"
        yield f"data: {json.dumps({'type': 'done'})}\n\n"

    async def ask(request: Request) -> StreamingResponse:
        prompt = (await request.json())["prompt"]
        return StreamingResponse(events(prompt), media_type="text/event-stream")

    return Starlette(routes=[Route("/ask", ask, methods=["POST"])])


if __name__ == "__main__":
    port, base_url = sys.argv[1:]
    uvicorn.run(create_app(base_url), port=int(port), log_level="critical")
