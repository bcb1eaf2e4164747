"""Addresses and connections of the server; how long a request may take to be whole."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.server import Config, Protocol, bind

LIMIT_S = 30.0
HEAD = b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n"
WHOLE = HEAD + b"\r\nbody"


class Socket(asyncio.Transport):
    """What a connection hands to its socket, and when it is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed_at: float | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = asyncio.get_running_loop().time()

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer `/echo` when its body is there, and everything else at once, for 90 s."""
    body = b""
    if scope["path"] == "/echo":
        try:
            body = await Request(scope, receive).body()
        except ClientDisconnect:
            return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/long":
        await asyncio.sleep(90)
    await send({"type": "http.response.body", "body": b"<" + body + b">"})


@pytest.fixture
async def connection() -> Protocol:
    config = Config(echo, request_timeout_s=LIMIT_S, lifespan="off", log_config=None)
    protocol = Protocol(config=config, server_state=ServerState(), app_state={})
    protocol.connection_made(Socket())
    return protocol


def socket_of(connection: Protocol) -> Socket:
    socket = connection.transport
    assert isinstance(socket, Socket)
    return socket


@pytest.mark.parametrize("part", [b"P", HEAD, HEAD + b"\r\n", HEAD + b"\r\nbod"])
async def test_half_a_request_is_refused_when_its_time_is_over(
    connection: Protocol, part: bytes
) -> None:
    socket = socket_of(connection)

    connection.data_received(part)
    await asyncio.sleep(LIMIT_S - 1)
    before = socket.sent
    await asyncio.sleep(2)

    head, _, body = socket.sent.partition(b"\r\n\r\n")
    assert before == b""
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"connection: close" in head.lower()
    assert json.loads(body)["error"]["code"] == "REQUEST_TIMEOUT"
    assert socket.closed_at == LIMIT_S


async def test_a_drip_of_bytes_buys_no_time(connection: Protocol) -> None:
    socket = socket_of(connection)

    for letter in HEAD[:40]:
        connection.data_received(bytes([letter]))
        await asyncio.sleep(1)

    assert socket.closed_at == LIMIT_S


async def test_a_connection_that_never_says_anything_is_closed_without_a_word(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    await asyncio.sleep(LIMIT_S + 1)

    assert (socket.sent, socket.closed_at) == (b"", LIMIT_S)


async def test_a_whole_request_may_be_answered_as_long_as_it_takes(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /long HTTP/1.1\r\nhost: t\r\n\r\n")
    await asyncio.sleep(LIMIT_S + 1)
    during = socket.closed_at
    await asyncio.sleep(90)

    assert during is None
    assert b"<>" in socket.sent


async def test_every_request_on_a_connection_has_its_own_time(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    for _ in range(20):
        connection.data_received(HEAD)
        await asyncio.sleep(3)
        connection.data_received(b"\r\nbody")
        await asyncio.sleep(1)
    connection.data_received(b"G")
    await asyncio.sleep(LIMIT_S + 1)

    assert socket.sent.count(b"<body>") == 20
    assert socket.closed_at == 80 + LIMIT_S
    assert socket.sent.count(b"408 Request Timeout") == 1


async def test_half_a_request_behind_another_one_has_its_time_as_well(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(WHOLE + HEAD + b"\r\n")
    await asyncio.sleep(LIMIT_S + 1)

    assert b"<body>" in socket.sent
    assert b"408 Request Timeout" in socket.sent
    assert socket.closed_at == LIMIT_S


async def test_an_answer_under_way_is_not_spoilt_by_a_body_that_does_not_end(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(HEAD.replace(b"/echo", b"/long") + b"\r\nbod")
    await asyncio.sleep(89)
    during = socket.closed_at
    await asyncio.sleep(10)

    assert during is None
    assert b"<>" in socket.sent
    assert b"408" not in socket.sent
    assert socket.closed_at is not None


async def test_a_body_that_drips_on_after_its_answer_ends_the_connection(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    head = b"POST /at-once HTTP/1.1\r\nhost: t\r\ncontent-length: 400\r\n\r\n"
    connection.data_received(head)
    for _ in range(40):
        await asyncio.sleep(1)
        connection.data_received(b"x")

    assert b"<>" in socket.sent
    assert b"408" not in socket.sent
    assert socket.closed_at == LIMIT_S


async def test_a_connection_that_is_lost_leaves_no_timer(connection: Protocol) -> None:
    socket = socket_of(connection)
    connection.data_received(HEAD)

    connection.connection_lost(ConnectionResetError())
    await asyncio.sleep(LIMIT_S + 1)

    assert (socket.sent, socket.closed_at) == (b"", None)


@pytest.mark.parametrize(
    "host", ["nowhere.invalid", "203.0.113.1", "x" * 64, "caf\udce9", "2001:db8::1::"]
)
def test_an_address_that_is_not_ours_is_reported_as_the_host(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^host: expected an address of this"):
        bind(host, 0)


def test_a_port_in_use_is_reported_as_the_port() -> None:
    with bind("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]

        with pytest.raises(SettingsError, match=rf"^port: expected a free .*:{port}:"):
            bind("127.0.0.1", port)
