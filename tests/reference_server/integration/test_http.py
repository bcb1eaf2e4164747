"""HTTP/1.1 on real sockets: what a client may send, and that its leaving is seen."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
from collections.abc import Callable, Iterator

import pytest
from tests.reference_server.integration.processes import Program, running
from tests.reference_server.integration.stack import Stack, server_command
from tests.reference_server.integration.wire import (
    PATIENCE_S,
    SECRET,
    Response,
    ask,
    bearer,
    connect,
    request,
)

pytestmark = pytest.mark.slow

PIPELINED = b"GET /healthz HTTP/1.1\r\nhost: t\r\n\r\n"
BEHIND = {
    "a request": PIPELINED,
    "a line end": b"\r\n",
    "half a request": PIPELINED[:9],
    "garbage": b"\x00\xff\r\n\r\n",
    "megabytes": b"x" * 4_000_000,
    "many requests": PIPELINED * 5000,
}
LAST_ONES = {
    "HTTP/1.0": (b"HTTP/1.1\r\n", b"HTTP/1.0\r\n"),
    "close": (b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"),
    "upgrade": (b"\r\n\r\n", b"\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"),
}
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def mute_server(fakes: Program) -> Iterator[Program]:
    """A server that writes nothing of its own accord: a write tells of a leave, too."""
    options = ("--heartbeat-s", "600", "--resume-grace-s", "0.2")
    secret = {"STREAMPROOF_SERVER_JWT_SECRET": SECRET}
    with running(server_command(fakes, *options), secret) as program:
        yield program


@pytest.fixture
def mute(fakes: Program, mute_server: Program) -> Stack:
    return Stack(server=mute_server, fakes=fakes, key=f"mute-{next(_keys)}")


def half_close(response: Response) -> None:
    """Leave with a FIN, and go on reading."""
    response.writer.write_eof()


async def start_stalled(stack: Stack, whole: bytes | None = None) -> Response:
    """Start a stream that says three tokens and then nothing."""
    reader, writer = await connect(stack.server)
    prompt = stack.prompt("say tokens=9", "stall after=3")
    writer.write(whole or request(stack.key, prompt))
    response = await Response(reader, writer).read_head()
    await stack.wait_call("token:3")
    return response


async def expect_cancelled(stack: Stack, response: Response) -> None:
    call = await stack.wait_call("ended")
    shown = await stack.observe(response.stream)

    assert call["outcome"] == "cancelled_midstream"
    assert (shown["state"], shown["slots"]) == ("cancelled", 0)
    assert shown["cancel"]["cause"] == "disconnect"


@pytest.mark.parametrize("leave", [Response.close, Response.reset, half_close])
@pytest.mark.parametrize("behind", BEHIND)
async def test_what_is_sent_behind_a_request_does_not_hide_a_leave(
    mute: Stack, behind: str, leave: Callable[[Response], None]
) -> None:
    response = await start_stalled(mute)

    async with asyncio.timeout(PATIENCE_S):
        response.writer.write(BEHIND[behind])
        await response.writer.drain()
    # Answered when what lies in its other sockets has been read.
    await ask(mute.server, "GET", "/healthz")
    leave(response)

    await expect_cancelled(mute, response)


@pytest.mark.parametrize("leave", [Response.close, Response.reset])
@pytest.mark.parametrize("last", LAST_ONES)
async def test_what_is_sent_behind_a_last_request_neither_ends_it_nor_hides_a_leave(
    mute: Stack, last: str, leave: Callable[[Response], None]
) -> None:
    held = mute.prompt("say tokens=9", "hold at=token after=3", "stall after=5")
    whole = request(mute.key, held).replace(*LAST_ONES[last], 1)
    response = await start_stalled(mute, whole)

    response.writer.write(BEHIND["a line end"] + BEHIND["garbage"])
    await mute.release()
    await response.read_events(6)
    leave(response)

    await expect_cancelled(mute, response)


async def test_a_body_that_goes_on_behind_a_resume_does_not_hide_a_leave(
    mute: Stack,
) -> None:
    first = await start_stalled(mute)
    await first.read_events(2)
    head = request(mute.key, "").partition(b"content-length")[0]
    reader, writer = await connect(mute.server)
    authorization = bearer(mute.key)["authorization"]
    writer.write(
        head
        + f"authorization: {authorization}\r\n".encode()
        + f"last-event-id: {first.stream}-1\r\n".encode()
        + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"
    )
    response = await Response(reader, writer).read_head()

    writer.write(b"nonsense\r\n" + b"x" * 1_000_000)
    await writer.drain()
    await response.read_events(3)
    response.close()

    await expect_cancelled(mute, first)


async def test_a_half_closed_client_that_reads_nothing_is_gone_at_once(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--send-timeout-s", "600", "--resume-grace-s", "0")
    reader, writer = await connect(own.server, receive_buffer=4096)
    writer.write(request(own.key, own.prompt(f'say text="{"a " * 9_000}"')))
    stalled = await Response(reader, writer).read_head()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport
    await own.wait_call("ended", 4)

    half_close(stalled)

    async with asyncio.timeout(PATIENCE_S):
        while (await own.observe(stalled.stream))["reader"]:
            pass
    assert (await own.observe(stalled.stream))["state"] == "cancelled"


async def test_requests_behind_a_stream_are_answered_after_it(stack: Stack) -> None:
    reader, writer = await connect(stack.server)
    prompt = stack.prompt("say tokens=2")
    writer.write(request(stack.key, prompt) + b"\r\n" + PIPELINED + b"\r\n" + PIPELINED)

    stream = await (await Response(reader, writer).read_head()).read_all()
    health = [await _read_answer(reader, writer) for _ in range(2)]

    assert stream.is_complete
    assert len(stream.events) == 14 * 4
    assert [answer.json for answer in health] == [{"status": "ok"}] * 2


async def _read_answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Response:
    answer = await Response(reader, writer).read_head()
    answer.received += await reader.readexactly(int(answer.headers["content-length"]))
    return answer


@pytest.mark.parametrize(
    ("start", "status"),
    [
        (b"GET http://elsewhere/healthz HTTP/1.1\r\nhost: t\r\n", 200),
        (b"GET HTTPS://[::1]:1/healthz HTTP/1.0\r\n", 200),
        (b"GET http://t/nothing HTTP/1.1\r\nhost: t\r\n", 401),
        (b"\r\nGET /healthz HTTP/1.1\r\nhost: t\r\n", 200),
        (b"\r\n\n\r\nGET /healthz HTTP/1.1\r\nhost: t\r\n", 200),
        (b"GET healthz HTTP/1.1\r\nhost: t\r\n", 400),
        (b"GET * HTTP/1.1\r\nhost: t\r\n", 400),
        (b"GET t:80 HTTP/1.1\r\nhost: t\r\n", 400),
        (b"OPTIONS * HTTP/1.1\r\nhost: t\r\n", 401),
        (b"CONNECT t:80 HTTP/1.1\r\nhost: t\r\n", 401),
        (b"CONNECT /healthz HTTP/1.1\r\nhost: t\r\n", 400),
    ],
)
async def test_every_form_of_a_request_is_understood(
    stack: Stack, start: bytes, status: int
) -> None:
    reader, writer = await connect(stack.server)
    writer.write(start + b"\r\n")

    answer = await Response(reader, writer).read_head()

    assert answer.status == status


async def test_a_url_as_target_starts_a_stream(stack: Stack) -> None:
    reader, writer = await connect(stack.server)
    whole = request(stack.key, stack.prompt("say tokens=2"))
    writer.write(whole.replace(b"POST /", b"POST http://elsewhere:1/", 1))

    response = await (await Response(reader, writer).read_head()).read_all()

    assert response.is_complete
    assert len(response.events) == 14 * 4


def halves(whole: bytes) -> dict[str, bytes]:
    """Parts of a request to start a stream."""
    head, _, body = whole.partition(b"\r\n\r\n")
    length = f"content-length: {len(body)}".encode()
    chunked = head.replace(length, b"transfer-encoding: chunked")
    size = f"{len(body):x}".encode()
    return {
        "a letter": b"P",
        "half a head": head,
        "half a body": whole[:-1],
        "no body": head + b"\r\n\r\n",
        "half a chunk": chunked + b"\r\n\r\n" + size + b"\r\n" + body[:-1],
        "no last chunk": chunked + b"\r\n\r\n" + size + b"\r\n" + body + b"\r\n",
    }


async def test_sigterm_refuses_what_is_half_read_and_closes_what_rests(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack()
    half = {}
    for name, part in halves(request(own.key, own.prompt("stall"))).items():
        reader, writer = await connect(own.server)
        writer.write(part)
        half[name] = Response(reader, writer)
    # Its body is waited for, and says so.
    reader, writer = await connect(own.server)
    whole = request(own.key, own.prompt("stall"))
    writer.write(whole.replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n")[:-1])
    half["an announced body"] = await Response(reader, writer).read_head()
    silent, _ = await connect(own.server)
    kept, writer = await connect(own.server)
    writer.write(PIPELINED)
    await _read_answer(kept, writer)

    own.server.process.send_signal(signal.SIGTERM)
    answers = {
        name: await (await response.read_head()).read_all()
        for name, response in half.items()
    }
    rests = await silent.read(), await kept.read()
    exit_code = await asyncio.to_thread(own.server.process.wait, PATIENCE_S)

    for name, answer in answers.items():
        assert answer.status == 503, name
        assert answer.json["error"]["code"] == "SERVER_DRAINING", name
        assert int(answer.headers["retry-after"]) >= 1, name
        assert answer.headers["connection"] == "close", name
    assert rests == (b"", b"")
    assert exit_code == 0
    assert "Traceback" not in own.server.log
    assert "ERROR" not in own.server.log
    assert await own.calls() == []


async def test_a_second_signal_refuses_what_is_half_read(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--drain-s", "600")
    running = await own.start("stall after=1")
    await running.read_events(2)
    reader, writer = await connect(own.server)
    writer.write(request(own.key, "hello")[:-1])

    own.server.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE_S):
        while (await ask(own.server, "GET", "/healthz")).status == 200:
            pass
    own.server.process.send_signal(signal.SIGTERM)
    await running.read_all()
    answer = await (await Response(reader, writer).read_head()).read_all()
    exit_code = await asyncio.to_thread(own.server.process.wait, PATIENCE_S)

    assert (answer.status, running.is_complete) == (503, True)
    assert json.loads(answer.body)["error"]["code"] == "SERVER_DRAINING"
    assert exit_code == 0
    assert "Traceback" not in own.server.log


async def test_a_reader_that_takes_nothing_does_not_spoil_a_farewell(
    new_stack: Callable[..., Stack],
) -> None:
    own = new_stack("--drain-s", "0.1", "--send-timeout-s", "600")
    reader, writer = await connect(own.server, receive_buffer=4096)
    writer.write(request(own.key, own.prompt(f'say text="{"a " * 9_000}"')))
    await Response(reader, writer).read_head()
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket transport
    await own.wait_call("ended", 4)

    own.server.process.send_signal(signal.SIGTERM)
    exit_code = await asyncio.to_thread(own.server.process.wait, PATIENCE_S)

    assert exit_code == 0
    assert "Traceback" not in own.server.log
    assert "ERROR" not in own.server.log
