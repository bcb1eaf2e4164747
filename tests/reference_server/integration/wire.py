"""A plain HTTP/1.1 client on a socket: sees every byte and how a response ended."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Any, Self

import jwt
from tests.reference_server.integration.processes import Program

SECRET = "a secret of the integration tests, long enough"
PATH = "/api/generation/stream"

# Nothing here waits by the clock; a wait this long means that something is broken.
PATIENCE_S = 60.0

_ID_AND_DATA = re.compile(rb"^id: (.*)\n(?:.*\n)*?data: (.*)$", re.MULTILINE)

_opened: list[asyncio.StreamWriter] = []


def bearer(user: str, lifetime_s: float = 600.0) -> dict[str, str]:
    claims = {"sub": user, "exp": int(time.time() + lifetime_s)}
    return {"authorization": f"Bearer {jwt.encode(claims, SECRET)}"}


@dataclass
class Response:
    """One response while it arrives."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    received: bytearray = field(default_factory=bytearray)
    # Whether the body ended as HTTP wants it, and not by a cut.
    is_complete: bool = False

    @property
    def body(self) -> bytes:
        return bytes(self.received)

    @property
    def blocks(self) -> list[bytes]:
        return self.body.split(b"\n\n")[:-1]

    @property
    def events(self) -> list[tuple[str, dict[str, Any]]]:
        """Ids and data of the events so far."""
        matches = (_ID_AND_DATA.search(block) for block in self.blocks)
        return [(m[1].decode(), json.loads(m[2])) for m in matches if m]

    @property
    def stream(self) -> str:
        return self.headers["x-stream-id"]

    @property
    def json(self) -> dict[str, Any]:
        document = json.loads(self.body)
        assert isinstance(document, dict)
        return document

    async def read_head(self) -> Self:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.rstrip().split("\r\n")
        self.status = int(status_line.split(" ")[1])
        for line in lines:
            name, _, value = line.partition(": ")
            self.headers[name.lower()] = value
        return self

    async def read_more(self) -> bool:
        """Take the next piece of the body; False at its end."""
        if self.headers.get("transfer-encoding") == "chunked":
            return await self._read_chunk()
        length = int(self.headers.get("content-length", "-1"))
        piece = await self.reader.read(65536) if len(self.received) != length else b""
        self.received += piece
        self.is_complete = not piece
        return bool(piece)

    async def read_events(self, number: int) -> Self:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.events) < number:
                assert await self.read_more(), self.body
        return self

    async def read_all(self) -> Self:
        async with asyncio.timeout(PATIENCE_S):
            while await self.read_more():
                pass
        return self

    def close(self) -> None:
        """Leave with a FIN."""
        self.writer.close()

    def reset(self) -> None:
        """Leave with an RST."""
        connection = self.writer.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def _read_chunk(self) -> bool:
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            piece = await self.reader.readexactly(size + 2)
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.received += piece[:-2]
        self.is_complete = size == 0
        return size > 0


async def connect(
    program: Program, *, receive_buffer: int | None = None
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection that is closed at the end of the test."""
    connection = socket.socket()
    connection.setblocking(False)  # noqa: FBT003 -- the name of the parameter is its own
    if receive_buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    await asyncio.get_running_loop().sock_connect(connection, program.address)
    reader, writer = await asyncio.open_connection(sock=connection)
    _opened.append(writer)
    return reader, writer


def close_connections() -> None:
    """Close what the test has left open."""
    for writer in _opened:
        writer.transport.abort()
    _opened.clear()


async def send(
    program: Program,
    method: str,
    path: str,
    *,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    version: str = "1.1",
) -> Response:
    """Send a request and return without waiting for the answer."""
    reader, writer = await connect(program)
    fields = {"host": "test", "content-length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    writer.write(f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode() + body)
    return Response(reader, writer)


def request(user: str, prompt: str) -> bytes:
    """Return the bytes of a request to start a stream."""
    body = json.dumps({"prompt": prompt}).encode()
    fields = {
        "host": "test",
        "content-type": "application/json",
        "content-length": str(len(body)),
        **bearer(user),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {PATH} HTTP/1.1\r\n{head}\r\n".encode() + body


async def start(
    program: Program,
    prompt: str,
    user: str,
    *,
    lifetime_s: float = 600.0,
    version: str = "1.1",
) -> Response:
    """Ask for a stream and return its head."""
    headers = {**bearer(user, lifetime_s), "content-type": "application/json"}
    body = json.dumps({"prompt": prompt}).encode()
    response = await send(
        program, "POST", PATH, headers=headers, body=body, version=version
    )
    return await response.read_head()


async def resume(program: Program, last_event_id: str, user: str) -> Response:
    """Ask for the rest of a stream and return its head."""
    headers = {**bearer(user), "last-event-id": last_event_id}
    response = await send(program, "POST", PATH, headers=headers)
    return await response.read_head()


async def ask(
    program: Program, method: str, path: str, headers: dict[str, str] | None = None
) -> Response:
    """Send an ordinary request and return the whole answer."""
    response = await send(program, method, path, headers=headers)
    await (await response.read_head()).read_all()
    response.close()
    return response
