"""Clients for the fakes' tests: a raw socket, and the control API.

The raw client is there to leave in every way there is; it decodes nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from typing import TYPE_CHECKING, Any, Literal, Self
from urllib.parse import urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

Json = dict[str, Any]
How = Literal["fin", "rst"]


def chat_body(prompt: str, *, stream: bool = True, **more: object) -> bytes:
    message = {"role": "user", "content": prompt}
    body = {"model": "gpt-4o-mini", "messages": [message], "stream": stream, **more}
    return json.dumps(body).encode()


def chat_request(prompt: str, *, stream: bool = True, **more: object) -> bytes:
    return post("/v1/chat/completions", chat_body(prompt, stream=stream, **more))


def post(path: str, body: bytes, *extra: str) -> bytes:
    lines = [
        f"POST {path} HTTP/1.1",
        "host: fakes",
        "authorization: Bearer any",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *extra,
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class RawClient:
    """One TCP connection, without an opinion on what goes over it."""

    def __init__(self, peer: socket.socket) -> None:
        self._socket = peer
        self.received = b""

    @classmethod
    async def connect(cls, url: str, *, receive_buffer: int | None = None) -> Self:
        target = urlsplit(url)
        peer = socket.socket()
        peer.settimeout(0)
        if receive_buffer is not None:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        address = (target.hostname, target.port)
        await asyncio.get_running_loop().sock_connect(peer, address)
        return cls(peer)

    async def send(self, data: bytes) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, data)

    async def read_until(self, needle: bytes, *, count: int = 1) -> bytes:
        """Read until the needle was received that many times."""
        while self.received.count(needle) < count:
            data = await self._receive()
            assert data, f"the stream ended before {needle!r}: {self.received!r}"
        return self.received

    async def read_while(self, is_short: Callable[[bytes], bool]) -> bytes:
        """Read until what was received is no longer too short."""
        while is_short(self.received):
            data = await self._receive()
            assert data, f"the stream ended too early: {self.received!r}"
        return self.received

    async def read_until_end_or(self, is_enough: Callable[[bytes], bool]) -> bytes:
        """Read until what was received is enough, or FIN; a reset raises."""
        while not is_enough(self.received) and await self._receive():
            pass
        return self.received

    async def read_to_end(self) -> bytes:
        """Read until FIN; a reset raises `ConnectionResetError`."""
        while await self._receive():
            pass
        return self.received

    async def drain(self) -> None:
        """Read until FIN and keep nothing."""
        while await asyncio.get_running_loop().sock_recv(self._socket, 1 << 20):
            pass

    def leave(self, how: How) -> None:
        """Close; for a FIN everything must have been read."""
        if how == "rst":
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def half_close(self) -> None:
        self._socket.shutdown(socket.SHUT_WR)

    async def _receive(self) -> bytes:
        data = await asyncio.get_running_loop().sock_recv(self._socket, 65536)
        self.received += data
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()


class ControlClient:
    """The control API in four verbs."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=20)

    async def calls(self, key: str | None = None) -> list[Json]:
        params = {} if key is None else {"key": key}
        answer = await self.http.get("/_fakes/calls", params=params)
        calls: list[Json] = answer.raise_for_status().json()["calls"]
        return calls

    async def wait(
        self, key: str, state: str, *, turn: int = 1, timeout_ms: int = 10_000
    ) -> Json:
        """Wait for the state and return the call; it must be reached."""
        answer = await self.ask_wait(key, state, turn=turn, timeout_ms=timeout_ms)
        assert answer["reached"], answer
        call: Json = answer["call"]
        return call

    async def ask_wait(
        self, key: str, state: str, *, turn: int = 1, timeout_ms: int = 10_000
    ) -> Json:
        answer = await self.http.get(
            f"/_fakes/calls/{key}/{turn}/wait",
            params={"state": state, "timeout_ms": timeout_ms},
        )
        waited: Json = answer.raise_for_status().json()
        return waited

    async def release(self, key: str, turn: int | None = None) -> int:
        body = {} if turn is None else {"turn": turn}
        answer = await self.http.post(f"/_fakes/gates/{key}/release", json=body)
        released: int = answer.raise_for_status().json()["released"]
        return released

    async def put_script(self, key: str, script: object) -> httpx.Response:
        return await self.http.put(f"/_fakes/scripts/{key}", json=script)

    async def close(self) -> None:
        await self.http.aclose()


def is_whole(response: bytes) -> bool:
    """Tell whether a response on a connection that stays open has ended."""
    head, found, body = response.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: (\d+)", head)
    if length is not None:
        return len(body) >= int(length[1])
    return bool(found) and body.endswith(b"\r\n0\r\n\r\n")


def names(call: Json) -> list[str]:
    """Return the event names of a call, tokens with their number."""
    return [
        f"{event['name']}:{event['n']}" if "n" in event else event["name"]
        for event in call["events"]
    ]
