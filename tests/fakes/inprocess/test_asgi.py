"""The fakes as an ASGI application: transports, test clients, mounts."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from streamproof.fakes.inprocess import Application, BrokenOffError, InProcess

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from types import ModuleType


def chat(prompt: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


@pytest.mark.parametrize("http", [httpx, httpx2], ids=lambda http: http.__name__)
@pytest.mark.parametrize("prefix", ["", "/llm"])
async def test_an_asgi_transport_gets_the_whole_answer(
    http: ModuleType, prefix: str
) -> None:
    fakes = InProcess()
    app = Starlette(routes=[Mount(prefix, app=Application(fakes))])
    transport = http.ASGITransport(app=app)
    async with http.AsyncClient(transport=transport, base_url="http://fakes") as client:
        answer = await client.post(
            f"{prefix}/api/chat", json=chat("[[fake:delay each=9]]")
        )
        calls = (await client.get(f"{prefix}/_fakes/calls?key=none")).json()

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert "transfer-encoding" not in answer.headers
    assert answer.text.splitlines()[-1].startswith('{"model":"m"')
    assert calls["calls"] == []


async def test_a_cut_is_an_error_of_the_application() -> None:
    transport = httpx.ASGITransport(app=Application(InProcess()))
    async with httpx.AsyncClient(
        transport=transport, base_url="http://fakes"
    ) as client:
        with pytest.raises(BrokenOffError):
            await client.post("/api/chat", json=chat("[[fake:drop after=1]]"))


async def test_a_client_that_hangs_up_is_seen() -> None:
    fakes = InProcess()
    hung_up = asyncio.Event()
    body = json.dumps(chat("[[fake:stall after=1]]")).encode()

    async def receive() -> dict[str, Any]:
        if not said:
            said.append(True)
            return {"type": "http.request", "body": body}
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            hung_up.set()

    said: list[bool] = []
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/api/chat"}
    scope["headers"] = [(b"host", b"fakes")]
    await Application(fakes)(scope, receive, send)
    transport = fakes.transport()
    async with httpx.AsyncClient(transport=transport, base_url="http://it") as client:
        (call,) = (await client.get("/_fakes/calls")).json()["calls"]

    assert call["outcome"] == "cancelled_midstream"


async def test_a_server_that_starts_and_stops_is_answered() -> None:
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": next(messages)}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    await Application(InProcess())({"type": "lifespan"}, receive, send)

    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def nothing() -> dict[str, Any]:
    return {}


async def ignore(message: MutableMapping[str, Any]) -> None: ...


async def test_a_websocket_is_none_of_ours() -> None:
    with pytest.raises(ValueError, match="expected an HTTP request, got 'websocket'"):
        await Application(InProcess())({"type": "websocket"}, nothing, ignore)
