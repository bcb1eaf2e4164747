"""One connection to the model: real sockets, for what only they can show."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from tests.authority import Authority

from streamproof.reference_server.models.connection import Connection

PATIENCE_S = 20
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@dataclass
class Service:
    """A server that sends the same bytes for each request, until it is closed."""

    sends: bytes = ANSWER
    closes: bool = False
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    leaves: asyncio.Queue[None] = field(default_factory=asyncio.Queue)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.sends)
                await writer.drain()
                if self.closes:
                    break
        writer.close()
        self.leaves.put_nowait(None)


Serving = Callable[..., Awaitable[str]]


@pytest.fixture
async def serving() -> AsyncIterator[Serving]:
    """Start a service; return its URL."""
    servers = []

    async def serve(service: Service, tls: ssl.SSLContext | None = None) -> str:
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0, ssl=tls)
        servers.append(server)
        scheme = "http" if tls is None else "https"
        return f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield serve
    for server in servers:
        server.close()


def client(
    url: str, trusted: Path | None = None, keep_s: float = 60
) -> httpx.AsyncClient:
    connection = Connection(
        ssl_context=ssl.create_default_context(cafile=trusted), keep_s=keep_s
    )
    return httpx.AsyncClient(base_url=url, transport=connection, timeout=None)  # noqa: S113 -- pytest's is enough


async def test_calls_one_after_the_other_share_a_connection(serving: Serving) -> None:
    service = Service()

    async with client(await serving(service)) as http:
        for _ in range(3):
            assert (await http.post("/", content=b"")).text == "hi"

    assert len(service.connections) == 1
    async with asyncio.timeout(PATIENCE_S):
        await service.leaves.get()


async def test_a_connection_that_was_closed_meanwhile_is_not_used_again(
    serving: Serving,
) -> None:
    service = Service(closes=True)

    async with client(await serving(service)) as http:
        for _ in range(3):
            assert (await http.get("/")).text == "hi"
            async with asyncio.timeout(PATIENCE_S):
                await service.leaves.get()

    assert len(service.connections) == 3


async def test_a_connection_that_was_idle_for_too_long_is_not_used_again(
    serving: Serving,
) -> None:
    service = Service()

    async with client(await serving(service), keep_s=0) as http:
        for _ in range(2):
            await http.get("/")

    assert len(service.connections) == 2


async def test_an_answer_that_is_left_half_way_closes_the_connection(
    serving: Serving,
) -> None:
    service = Service(sends=CHUNKED + b"5\r\nhello\r\n")

    async with client(await serving(service)) as http:
        async with http.stream("GET", "/") as response:
            body = response.aiter_raw()
            assert await anext(body) == b"hello"
        async with asyncio.timeout(PATIENCE_S):
            await service.leaves.get()
        async with http.stream("GET", "/"):
            pass

    assert len(service.connections) == 2


async def test_a_cancelled_read_closes_the_connection(serving: Serving) -> None:
    service = Service(sends=CHUNKED + b"5\r\nhello\r\n")
    arrived = asyncio.Event()

    async def read(http: httpx.AsyncClient) -> None:
        async with http.stream("GET", "/") as response:
            async for _ in response.aiter_raw():
                arrived.set()

    async with client(await serving(service)) as http:
        reading = asyncio.create_task(read(http))
        await arrived.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        async with asyncio.timeout(PATIENCE_S):
            await service.leaves.get()


async def test_nothing_listens() -> None:
    async with client("http://127.0.0.1:1") as http:
        with pytest.raises(httpx.ConnectError):
            await http.get("/")


@pytest.mark.parametrize(
    "sends",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="another protocol"),
        pytest.param(CHUNKED + b"5\r\nhe", id="half a chunk"),
        pytest.param(CHUNKED + b"5\r\nhello\r\n", id="no last chunk"),
    ],
)
async def test_what_is_no_whole_answer_is_an_error(
    serving: Serving, sends: bytes
) -> None:
    async with client(await serving(Service(sends=sends, closes=True))) as http:
        with pytest.raises(httpx.TransportError) as failed:
            await http.get("/")

    assert not isinstance(failed.value, httpx.ConnectError)


async def test_a_service_that_is_trusted_is_spoken_to_over_tls(
    serving: Serving, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)
    service = Service()

    async with client(await serving(service, authority.server), authority.file) as http:
        for _ in range(2):
            response = await http.get("/")
            assert (response.text, response.http_version) == ("hi", "HTTP/1.1")

    assert len(service.connections) == 1


async def test_a_service_that_is_not_trusted_cannot_be_reached(
    serving: Serving, tmp_path: Path
) -> None:
    authority = Authority(tmp_path)

    async with client(await serving(Service(), authority.server)) as http:
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await http.get("/")


async def test_a_service_that_leaves_in_the_handshake_cannot_be_reached(
    serving: Serving,
) -> None:
    async def leave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(leave, "127.0.0.1", 0)
    async with (
        server,
        client(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as http,
    ):
        with pytest.raises(httpx.ConnectError):
            await http.get("/")
