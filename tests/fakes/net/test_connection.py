"""`net.connection`: odd and hostile clients, kept and pipelined connections."""

from __future__ import annotations

import asyncio
import fcntl
import re
from typing import TYPE_CHECKING, cast

import pytest
from anyio.lowlevel import checkpoint
from tests.fakes.raw_client import RawClient, chat_body, chat_request, post

from streamproof.fakes.net import connection as connection_module
from streamproof.fakes.net import http1

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient

    from streamproof.fakes import Server
    from streamproof.fakes.net.link import Handler, Peer

PATH = "/v1/chat/completions"
HEALTH = b"GET /_fakes/health HTTP/1.1\r\nhost: x\r\n\r\n"


async def test_a_connection_serves_one_request_after_the_other(server: Server) -> None:
    with await RawClient.connect(server.url) as client:
        for number in range(1, 4):
            await client.send(chat_request("hi"))
            await client.read_until(b"0\r\n\r\n", count=number)
        await client.send(chat_request("hi", stream=False))
        await client.read_until(b'"finish_reason":"stop"', count=4)

        assert server.open_connections == 1


async def test_pipelined_requests_are_answered_in_order(
    server: Server, control: ControlClient
) -> None:
    prompts = [f"[[fake:say text=word{number} call=k]]" for number in range(50)]
    with await RawClient.connect(server.url) as client:
        await client.send(b"".join(chat_request(prompt) for prompt in prompts))
        received = await client.read_until(b"\r\n0\r\n\r\n", count=50)
    places = [received.index(b'"word%d"' % number) for number in range(50)]

    assert places == sorted(places)
    assert len(await control.calls("k")) == 50


async def test_a_thousand_pipelined_requests_do_not_pile_up(server: Server) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(HEALTH * 1000)
        await client.read_until(b'"status":"ok"', count=1000)


async def test_a_client_that_leaves_with_requests_waiting_takes_them_along(
    server: Server, control: ControlClient
) -> None:
    held = chat_request("[[fake:hold at=headers call=k]]")
    with await RawClient.connect(server.url) as client:
        await client.send(held + held)
        await control.wait("k", "held")
        client.leave("fin")
        await control.wait("k", "ended")

    assert len(await control.calls("k")) == 1


async def test_a_flood_behind_a_running_request_is_not_read_without_end(
    server: Server, control: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "MAX_BUFFERED_BYTES", 10_000)
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:hold at=headers call=k]]"))
        await control.wait("k", "held")
        await client.send(HEALTH * 2000)
        await control.http.get("/_fakes/health")
        (connection,) = [
            connection
            for connection in server._connections
            if connection._reader.buffered
        ]
        buffered = connection._reader.buffered
        await control.release("k")
        await client.read_until(b'"status":"ok"', count=2000)

    # One read of asyncio (256 KiB) may come on top of the bound.
    assert buffered <= 10_000 + 256 * 1024


async def test_a_client_in_http_1_0_gets_its_stream_until_the_close(
    server: Server,
) -> None:
    request = chat_request("[[fake:say text=old]]").replace(b"HTTP/1.1", b"HTTP/1.0")
    with await RawClient.connect(server.url) as client:
        await client.send(request)
        received = await client.read_to_end()

    assert received.endswith(b"data: [DONE]\n\n")
    assert b"transfer-encoding" not in received


async def test_a_client_that_wants_the_close_gets_it(server: Server) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(post(PATH, chat_body("hi"), "connection: close"))
        received = await client.read_to_end()

    assert received.endswith(b"0\r\n\r\n")


async def test_a_client_that_expects_continue_is_told_to(server: Server) -> None:
    data = post(PATH, chat_body("hi"), "expect: 100-continue")
    head, separator, body = data.partition(b"\r\n\r\n")
    with await RawClient.connect(server.url) as client:
        await client.send(head + separator)
        received = await client.read_until(b"\r\n\r\n")
        assert received == b"HTTP/1.1 100 Continue\r\n\r\n"
        await client.send(body[:5])
        await client.send(body[5:])
        await client.read_until(b"[DONE]")

    assert client.received.count(b"100 Continue") == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"hello\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 70_000, b"431"),
        (
            b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            b"400",
        ),
    ],
    ids=["no http", "endless head", "bad chunk"],
)
async def test_what_is_no_request_is_refused_and_hung_up_on(
    data: bytes, status: bytes, server: Server
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(data)
        received = await client.read_to_end()

    assert received.startswith(b"HTTP/1.1 " + status)
    assert b'"type":"invalid_request_error"' in received


async def test_a_body_without_end_is_refused_readably(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "MAX_BODY_BYTES", 100_000)
    with await RawClient.connect(server.url) as client:
        await client.send(post(PATH, b"a" * 1_000_000))
        received = await client.read_to_end()

    assert received.startswith(b"HTTP/1.1 413 ")


async def test_others_are_heard_while_very_many_chunks_are_read(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    next_request = http1.RequestReader.next_request

    def note(reader: http1.RequestReader) -> http1.Request | None:
        request = next_request(reader)
        seen.append(request.path if request else "")
        return request

    monkeypatch.setattr(http1.RequestReader, "next_request", note)
    monkeypatch.setattr(http1, "SLICE", 1)
    body = chat_body("hi " * 500)
    chunks = b"".join(b"1\r\n%b\r\n" % body[at : at + 1] for at in range(len(body)))
    head = post(PATH, b"", "transfer-encoding: chunked")
    head = re.sub(rb"content-length: 0\r\n", b"", head, flags=re.IGNORECASE)
    with (
        await RawClient.connect(server.url) as many,
        await RawClient.connect(server.url) as other,
    ):
        await many.send(head + chunks + b"0\r\n\r\n")
        await other.send(HEALTH)
        await other.read_until(b'"status":"ok"')
        await many.read_until(b"[DONE]")

    assert seen.index("/_fakes/health") < seen.index(PATH)


@pytest.mark.parametrize("sent", [b"POST / HTTP", post(PATH, b"abc")[:-1]])
async def test_a_request_that_never_ends_is_given_up(
    sent: bytes, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "REQUEST_DEADLINE_S", 0.02)
    with await RawClient.connect(server.url) as client:
        await client.send(sent)
        received = await client.read_to_end()

    assert received.startswith(b"HTTP/1.1 408 ")


async def test_an_idle_connection_is_closed_in_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "IDLE_DEADLINE_S", 0.02)
    with await RawClient.connect(server.url) as client:
        assert await client.read_to_end() == b""


async def test_a_client_that_never_closes_is_cut_off(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LINGER_S", 0.02)
    with await RawClient.connect(server.url) as client:
        await client.send(b"hello\r\n\r\n")
        await client.read_to_end()
        (connection,) = server._connections or [None]
        if connection is not None:
            await connection.closed

        assert server.open_connections == 0


async def test_a_long_answer_reaches_a_slow_reader_whole(server: Server) -> None:
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(chat_request("[[fake:say tokens=5000]]"))
        received = await client.read_until(b"\r\n0\r\n\r\n")

    assert received.count(b'"finish_reason":null') == 5001


@pytest.mark.parametrize("half_close", [False, True])
async def test_a_long_last_answer_reaches_a_reader_slower_than_the_linger(
    *,
    half_close: bool,
    server: Server,
    control: ControlClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection_module, "LINGER_S", 0.02)
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request("[[fake:say tokens=9000 call=k]]"))
        await client.read_until(b"[DONE]")
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(
            b"GET /_fakes/calls?key=k HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        if half_close:
            client.half_close()
        await control.ask_wait("none", "ended", timeout_ms=60)
        received = await client.read_to_end()

    assert received.endswith(b'"events_left_out":0}],"next":null}')


async def test_a_peer_that_resets_before_the_last_byte_costs_no_traceback(
    server: Server, control: ControlClient
) -> None:
    loop = asyncio.get_running_loop()
    seen: list[object] = []
    loop.set_exception_handler(lambda _, context: seen.append(context["exception"]))
    body = chat_body("[[fake:hold at=body_end call=k]]")
    with await RawClient.connect(server.url) as client:
        await client.send(post(PATH, body, "connection: close"))
        await control.wait("k", "held")
        await client.read_until(b"[DONE]\n\n\r\n")
        (link,) = (c for c in server._connections if c._exchange is not None)
        # The last step is ready to run before the loop hears of the FIN.
        link._exchange._released()  # type: ignore[union-attr]
        client.leave("fin")
    call = await control.wait("k", "ended")

    assert (call["outcome"], seen) == ("completed", [])


HALF_CLOSED = "[[fake:say tokens=4 call=k]] [[fake:drop after=2 how=half_close]]"


async def test_a_half_closed_connection_is_read_until_the_client_closes_too(
    server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(HALF_CLOSED))
        received = await client.read_to_end()
        (connection,) = [each for each in server._connections if each._is_closing]
        await client.send(b"still here " * 100_000)
        call = await control.wait("k", "ended")
        is_open = not connection.closed.done()
        client.leave("fin")
        await connection.closed

    assert received.count(b'"finish_reason":null') == 3
    assert not received.endswith(b"0\r\n\r\n")
    assert is_open
    assert (call["outcome"], call["fault"], call["peer"]) == ("faulted", "drop", None)


async def test_a_half_closed_connection_is_closed_in_the_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "HALF_CLOSED_S", 0.02)
    with await RawClient.connect(server.url) as client:
        await client.send(chat_request(HALF_CLOSED))
        await client.read_to_end()
        (connection,) = server._connections or [None]
        if connection is not None:
            await connection.closed

        assert server.open_connections == 0


async def test_a_client_that_never_reads_is_reset_all_the_same(
    server: Server, control: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ioctl = fcntl.ioctl

    def count(descriptor: int, request: int, argument: bytes) -> bytes:
        asked.append(request)
        return ioctl(descriptor, request, argument)

    monkeypatch.setattr(connection_module, "ACK_DEADLINE_S", 0.2)
    monkeypatch.setattr(fcntl, "ioctl", count)
    with await RawClient.connect(server.url, receive_buffer=4096) as client:
        await client.send(
            chat_request(
                "[[fake:say tokens=500 call=k]] [[fake:drop after=500 how=rst]]"
            )
        )
        call = await control.wait("k", "ended")
        with pytest.raises(ConnectionResetError):
            await client.read_to_end()

    assert (call["outcome"], call["tokens"]["sent"]) == ("faulted", 500)
    # Each pause is a tenth longer: not 200, one every ms.
    assert 10 <= len(asked) <= 60


async def test_a_reset_does_not_wait_for_ever_for_a_client_that_never_reads(
    server: Server, control: ControlClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "ACK_DEADLINE_S", 0.05)
    prompt = "[[fake:say tokens=100 call=k]] [[fake:drop after=100 how=rst]]"
    with await RawClient.connect(server.url, receive_buffer=1) as client:
        await client.send(chat_request(prompt))
        call = await control.wait("k", "ended")

        assert (call["outcome"], call["fault"]) == ("faulted", "drop")
        assert call["tokens"]["sent"] == 100
        with pytest.raises(ConnectionResetError):
            await client.read_to_end()


class Sink(asyncio.Transport):
    """A transport that takes nothing until it is told to, and counts FINs."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 1
        self.fins = 0

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None:
        """Have none."""

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return False

    def resume_reading(self) -> None:
        """Read on."""

    def write_eof(self) -> None:
        self.fins += 1


class Finishing:
    """An exchange that is over once its bytes have left, or before."""

    is_held = False

    def __init__(self, connection: connection_module.Connection) -> None:
        self.connection = connection

    def writable(self) -> None:
        self.connection.finish(keep_alive=False)

    def peer_left(self, peer: Peer) -> None:
        """Do nothing."""

    def shut_down(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize("is_over", [False, True], ids=["waits", "is over"])
async def test_a_fin_is_never_sent_while_asyncio_writes(*, is_over: bool) -> None:
    sink = Sink()
    loop = asyncio.get_running_loop()
    connection = connection_module.Connection(cast("Handler", None), loop, set())
    connection.connection_made(sink)
    connection.pause_writing()
    exchange = Finishing(connection)
    connection.attach(exchange)
    if is_over:
        exchange.writable()
    await checkpoint()
    fins = [sink.fins]
    sink.waiting = 0
    connection.resume_writing()
    fins.append(sink.fins)
    await checkpoint()
    fins.append(sink.fins)
    connection.connection_lost(None)

    assert fins == [0, 0, 1]
