"""One connection: what a client may say, for how long, and what its leaving does."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from streamproof.reference_server.http1.protocol import Config, Protocol

LIMIT_S = 30.0
HEAD = b"POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 4\r\n"
WHOLE = HEAD + b"\r\nbody"


class Socket(asyncio.Transport):
    """What a connection hands to its socket, and when it is closed and cut."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.closed_at: float | None = None
        self.cut_at: float | None = None
        self.is_read = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += data

    def close(self) -> None:
        if self.closed_at is None:
            self.closed_at = asyncio.get_running_loop().time()

    def is_closing(self) -> bool:
        return self.closed_at is not None

    def abort(self) -> None:
        self.cut_at = asyncio.get_running_loop().time()

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True


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


@pytest.mark.parametrize("behind", [b"\r\n", WHOLE * 3, b"\0", b"x" * 1_000_000])
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_what_comes_behind_a_request_does_not_stop_the_reading(
    connection: Protocol, behind: bytes, version: bytes
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /long HTTP/%b\r\nhost: t\r\n\r\n" % version)
    await asyncio.sleep(1)
    for start in range(0, len(behind), 65536):
        connection.data_received(behind[start : start + 65536])
        assert socket.is_read
    await asyncio.sleep(90)

    assert b"<>" in socket.sent


async def test_behind_more_than_is_kept_the_connection_ends_with_its_answer(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /long HTTP/1.1\r\nhost: t\r\n\r\n")
    connection.data_received(WHOLE * 2000)
    await asyncio.sleep(91)

    assert socket.sent.count(b"HTTP/1.1 200 ") == 1
    assert socket.closed_at == 90


async def test_a_body_that_breaks_lets_its_answer_end_first(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)
    head = b"POST /long HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"

    connection.data_received(head)
    await asyncio.sleep(1)
    connection.data_received(b"nonsense\r\n")
    connection.data_received(b"more")
    await asyncio.sleep(90)

    assert b"<>" in socket.sent
    assert b"400" not in socket.sent
    assert socket.closed_at == 90


async def test_a_body_that_breaks_after_its_answer_ends_the_connection(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)
    head = b"POST /now HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n"

    connection.data_received(head)
    await asyncio.sleep(1)
    connection.data_received(b"nonsense\r\n")

    assert socket.sent.count(b"HTTP/1.1") == 1
    assert socket.closed_at == 1


async def test_a_client_that_takes_nothing_of_a_last_answer_is_cut(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /now HTTP/1.0\r\n\r\n")
    await asyncio.sleep(100)

    assert (socket.closed_at, socket.cut_at) == (0, 30)


async def test_a_client_that_takes_nothing_and_asks_nothing_is_cut(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /now HTTP/1.1\r\nhost: t\r\n\r\n")
    await asyncio.sleep(100)

    assert (socket.closed_at, socket.cut_at) == (5, 35)


async def test_an_end_of_what_a_client_says_is_its_leaving(
    connection: Protocol,
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"GET /long HTTP/1.1\r\nhost: t\r\n\r\n" + WHOLE)
    await asyncio.sleep(1)
    connection.pause_writing()
    connection.eof_received()
    cycle = connection.cycle
    await asyncio.sleep(100)

    assert await cycle.receive() == {"type": "http.disconnect"}
    assert b"<" not in socket.sent
    assert (socket.closed_at, socket.cut_at) == (1, 31)


@pytest.mark.parametrize("part", [b"P", HEAD, HEAD + b"\r\n", HEAD + b"\r\nbod"])
async def test_half_a_request_is_refused_when_the_server_goes_down(
    connection: Protocol, part: bytes
) -> None:
    socket = socket_of(connection)

    connection.data_received(part)
    await asyncio.sleep(1)
    connection.shutdown()
    await asyncio.sleep(1)

    head, _, body = socket.sent.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"retry-after: 5" in head
    assert b"connection: close" in head
    assert json.loads(body)["error"]["code"] == "SERVER_DRAINING"
    assert socket.closed_at == 1


@pytest.mark.parametrize("before", [b"", WHOLE, b"\r\n", WHOLE + b"\r\n"])
async def test_a_connection_at_rest_is_closed_without_a_word_when_the_server_goes_down(
    connection: Protocol, before: bytes
) -> None:
    socket = socket_of(connection)

    connection.data_received(before)
    await asyncio.sleep(1)
    sent = socket.sent
    connection.shutdown()

    assert socket.sent == sent
    assert socket.closed_at == 1


@pytest.mark.parametrize("body", [b"", b"content-length: 4\r\n"])
async def test_an_answer_under_way_when_the_server_goes_down_has_two_seconds(
    connection: Protocol, body: bytes
) -> None:
    socket = socket_of(connection)

    connection.data_received(b"POST /long HTTP/1.1\r\nhost: t\r\n" + body + b"\r\n")
    await asyncio.sleep(80)
    connection.shutdown()
    await asyncio.sleep(1)
    during = socket.closed_at, socket.cut_at
    await asyncio.sleep(10)

    assert during == (None, None)
    assert socket.cut_at == 82
