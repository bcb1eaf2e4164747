"""Exchanges with a raw server that does exactly what a test says."""

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from streamproof.conformance import profiles
from streamproof.conformance.model import Exchange, Request
from streamproof.conformance.probes.bench.allowance import Allowance
from streamproof.conformance.probes.bench.live import LiveExchange, Order
from streamproof.conformance.probes.carriers.connection import Target

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Serve = Callable[[Handler], Awaitable[Target]]
Start = Callable[[LiveExchange], Awaitable[LiveExchange]]

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
GET = Request(method="GET", path="/stream")

PROFILE = profiles.parse(
    """
    name = "plain"
    title = "A plain EventSource endpoint"
    source = "tests"
    endpoint = { path = "/stream", query = { q = "{prompt}" } }
    framing = { type = { location = "event-field" } }
    terminal = { form = "event", success = [{ type = "done" }] }
    heartbeat = { form = "comment", interval_s = 0.1 }
    steering = { mode = "prompt", token = { type = "token", text = "/text" } }
    """,
    origin="tests",
)


def stream_to(
    target: Target,
    request: Request = GET,
    *,
    credential: str = "",
    http_version: str = "1.1",
    deadline_s: float = 10.0,
    allowance: Allowance | None = None,
) -> LiveExchange:
    order = Order(
        label="stream",
        user="someone",
        target=target,
        request=request,
        credential=credential,
        http_version=http_version,
        deadline_s=deadline_s,
    )
    return LiveExchange(order, PROFILE, time.monotonic, allowance)


@asynccontextmanager
async def running(stream: LiveExchange) -> AsyncIterator[LiveExchange]:
    async with anyio.create_task_group() as group:
        group.start_soon(stream.run)
        yield stream
        group.cancel_scope.cancel()


async def read(target: Target, request: Request = GET, **options: float) -> Exchange:
    stream = stream_to(target, request, **options)  # type: ignore[arg-type]  # floats only
    with anyio.fail_after(10):
        await stream.run()
    return stream.exchange()


def sending(data: bytes) -> Handler:
    """Read a request's head, write these bytes, close."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    return handle


def reset(writer: asyncio.StreamWriter) -> None:
    """Close with an RST."""
    raw: socket.socket = writer.get_extra_info("socket")
    linger = struct.pack("ii", 1, 0)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    writer.transport.abort()
