"""Connections to the model: one call each, the last used first, none left open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import httpx
import pytest

from streamproof.reference_server.models.connections import Connections

KEEP_S = 2.0


class Body(httpx.AsyncByteStream):
    """A short one."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"hello"


@dataclass
class Connection(httpx.AsyncBaseTransport):
    """Answers after a second, and knows what became of it."""

    calls: int = 0
    closed_at: float | None = None
    problem: Exception | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        await asyncio.sleep(1)
        if self.problem is not None:
            raise self.problem
        return httpx.Response(200, stream=Body())

    async def aclose(self) -> None:
        await asyncio.sleep(0)
        self.closed_at = asyncio.get_running_loop().time()


@dataclass
class Service:
    """All connections that were ever made."""

    made: list[Connection] = field(default_factory=list)

    def connect(self) -> Connection:
        self.made.append(Connection())
        return self.made[-1]

    def client(self) -> httpx.AsyncClient:
        connections = Connections(self.connect, keep_s=KEEP_S)
        return httpx.AsyncClient(transport=connections, base_url="http://model")


async def test_calls_one_after_the_other_use_one_connection() -> None:
    service = Service()

    async with service.client() as http:
        for _ in range(14):
            assert (await http.get("/")).text == "hello"

    assert [connection.calls for connection in service.made] == [14]


async def test_calls_at_once_use_one_connection_each_and_the_last_used_first() -> None:
    service = Service()

    async with service.client() as http:
        await asyncio.gather(*(http.get("/") for _ in range(3)))
        for _ in range(2):
            await http.get("/")

    assert [connection.calls for connection in service.made] == [1, 1, 3]


async def test_a_connection_is_not_free_before_its_response_is_closed() -> None:
    service = Service()

    async with service.client() as http, http.stream("GET", "/"):
        await http.get("/")

    assert [connection.calls for connection in service.made] == [1, 1]


async def test_a_connection_that_rests_is_closed_in_its_time() -> None:
    service = Service()

    async with service.client() as http:
        await asyncio.gather(http.get("/"), http.get("/"))
        await http.get("/")
        await asyncio.sleep(10)
        closed_at = [connection.closed_at for connection in service.made]
        await http.get("/")

    assert closed_at == [1 + KEEP_S, 2 + KEEP_S]
    assert len(service.made) == 3


async def test_the_connection_of_a_cancelled_call_is_closed_at_once() -> None:
    service = Service()

    async with service.client() as http:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await http.get("/")
        closed_at = service.made[0].closed_at
        await http.get("/")

    assert closed_at == 0.5
    assert [connection.calls for connection in service.made] == [1, 1]


async def test_the_connection_of_a_failed_call_is_closed() -> None:
    service = Service()

    async with service.client() as http:
        await http.get("/")
        service.made[0].problem = httpx.ReadError("gone")
        with pytest.raises(httpx.ReadError):
            await http.get("/")

    assert service.made[0].closed_at == 2


async def test_at_the_end_all_are_closed() -> None:
    service = Service()

    async with service.client() as http:
        await asyncio.gather(http.get("/"), http.get("/"))

    assert [connection.closed_at for connection in service.made] == [1, 1]
