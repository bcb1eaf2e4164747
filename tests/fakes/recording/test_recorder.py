"""`recording.recorder` on real sockets: every upstream, every client."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.fakes.raw_client import RawClient, chat_request, post
from tests.fakes.recording.stages import PATIENCE_S, Reports, upstream

from streamproof.fakes.errors import StartError
from streamproof.fakes.net.connection import Connection
from streamproof.fakes.recording import RecorderSettings, recorder, recording
from streamproof.fakes.recording.cassette import End, encode_recording
from streamproof.fakes.recording.errors import CassetteError, UpstreamError
from streamproof.fakes.recording.tape import load_cassette

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.fakes.raw_client import How
    from tests.fakes.recording.stages import Talk

    from streamproof.fakes.recording.cassette import Recording

CHAT = "/v1/chat/completions"
STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
FIRST = b"b\r\ndata: one\n\n\r\n"
DONE = b"e\r\ndata: [DONE]\n\n\r\n"
LAST = b"0\r\n\r\n"
RESET = struct.pack("ii", 1, 0)


class Session:
    """A running recorder, its reports, and what it has written so far."""

    def __init__(self, url: str, cassette: Path, reports: Reports) -> None:
        self.url = url
        self.cassette = cassette
        self.reports = reports

    @property
    def recordings(self) -> tuple[Recording, ...]:
        return load_cassette(self.cassette).recordings


@asynccontextmanager
async def session(
    upstream: str | int,
    folder: Path,
    *,
    deadline_s: float = 600.0,
    append: bool = False,
    port: int = 0,
) -> AsyncIterator[Session]:
    """Record an upstream, by its URL or by its port on this machine."""
    url = upstream if isinstance(upstream, str) else f"http://127.0.0.1:{upstream}"
    reports = Reports()
    settings = RecorderSettings(
        upstream=url,
        cassette=folder / "c.jsonl",
        append=append,
        deadline_s=deadline_s,
        port=port,
        report=reports,
    )
    async with recording(settings) as base:
        yield Session(base, settings.cassette, reports)


@asynccontextmanager
async def recorded(
    talk: Talk, folder: Path, *, deadline_s: float = 600.0
) -> AsyncIterator[Session]:
    """Record an upstream that talks like that."""
    async with (
        upstream(talk) as port,
        session(port, folder, deadline_s=deadline_s) as running,
    ):
        yield running


def saying(*pieces: bytes) -> Talk:
    """Say that, and hang up."""

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in pieces:
            writer.write(piece)
        await writer.drain()

    return talk


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def error_of(response: httpx.Response) -> str:
    message: str = response.json()["error"]["message"]
    return message


async def ask(url: str, path: str = CHAT) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as client:
        return await client.post(path, json={"a": 1})


async def test_reads_are_kept_apart_and_passed_on_at_once(tmp_path: Path) -> None:
    pieces = (STREAM_HEAD, FIRST, b"5\r\n\xe2", b"\x82\xac\n\n\r\n", DONE, LAST)
    arrived = asyncio.Semaphore(0)

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        for piece in pieces:
            writer.write(piece)
            # Only once the client has this one, the next one is said.
            await arrived.acquire()

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            for place, _ in enumerate(pieces, start=1):
                await client.read_until(b"".join(pieces[:place]))
                arrived.release()
        (call,) = running.recordings

    assert [read.data for read in call.reads] == list(pieces)
    times = [read.at_ms for read in call.reads]
    assert times == sorted(times)
    assert call.end is End.COMPLETE
    assert call.end_ms == times[-1]


async def test_the_request_is_on_the_cassette_as_the_upstream_got_it(
    tmp_path: Path,
) -> None:
    got: list[bytes] = []

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        got.append(request)
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async with upstream(talk) as port:
        prefixed = f"http://127.0.0.1:{port}/api/"
        async with session(prefixed, tmp_path) as running:
            with await RawClient.connect(running.url) as client:
                await client.send(post("/v1/a%2Fb?x=1&x=2", b"{}", "X-Odd: 1"))
                await client.read_until(b"\r\n\r\n")
            report = await running.reports.next()
        (call,) = running.recordings

    assert report.startswith("call 1: POST /v1/a%2Fb: recorded, 204, ")
    assert got[0].startswith(b"POST /api/v1/a%2Fb?x=1&x=2 HTTP/1.1\r\n")
    assert b"\r\nauthorization: Bearer any\r\n" in got[0]
    assert b"\r\naccept-encoding: identity\r\n" in got[0]
    assert call.asked.target == "/v1/a%2Fb?x=1&x=2"
    assert call.asked.body == b"{}"
    assert call.asked.headers == (
        ("host", f"127.0.0.1:{port}"),
        ("authorization", "Bearer REDACTED"),
        ("content-type", "application/json"),
        ("X-Odd", "1"),
        ("accept-encoding", "identity"),
        ("content-length", "2"),
    )
    assert load_cassette(running.cassette).upstream == f"http://127.0.0.1:{port}/api"


async def test_the_same_call_is_written_down_the_same_but_for_its_times(
    tmp_path: Path,
) -> None:
    written: list[bytes] = []
    async with upstream(saying(STREAM_HEAD + FIRST + DONE + LAST)) as port:
        for number in range(2):
            (folder := tmp_path / str(number)).mkdir()
            async with session(port, folder) as running:
                await ask(running.url)
            written.append(running.cassette.read_bytes())
    timeless = [re.sub(rb'"at_ms": [0-9.]+', b"", data) for data in written]

    assert timeless[0] == timeless[1]


@pytest.mark.parametrize(
    ("response", "end"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", End.COMPLETE),
        (STREAM_HEAD + FIRST + DONE + LAST, End.COMPLETE),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", End.CLOSE),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi", End.COMPLETE),
        (
            (
                b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 429 Slow\r\n"
                b"content-length: 0\r\n\r\n"
            ),
            End.COMPLETE,
        ),
        (STREAM_HEAD + FIRST, End.FIN),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi", End.FIN),
        (STREAM_HEAD + b"this is no chunk\r\n", End.FIN),
    ],
)
async def test_every_response_is_passed_on_and_kept_byte_by_byte(
    tmp_path: Path, response: bytes, end: End
) -> None:
    async with recorded(saying(response), tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(
                chat_request("hi").replace(
                    b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n", 1
                )
            )
            received = await client.read_to_end()
        (call,) = running.recordings

    assert received == response
    assert call.response == response
    assert call.end is end


async def test_what_an_upstream_says_behind_its_response_is_dropped(
    tmp_path: Path,
) -> None:
    response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
    async with recorded(saying(response + b"HTTP/1.1 200"), tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            for count in (1, 2):
                await client.send(chat_request("hi"))
                await client.read_until(b"hi", count=count)

    assert client.received == response * 2


async def test_a_connection_serves_one_call_after_the_other(tmp_path: Path) -> None:
    talk = saying(STREAM_HEAD, FIRST, LAST)
    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            for count in (1, 2, 3):
                await client.send(chat_request(f"number {count}"))
                await client.read_until(LAST, count=count)
        calls = running.recordings

    assert [call.call for call in calls] == [1, 2, 3]
    assert [f"number {call.call}".encode() in call.asked.body for call in calls] == [
        True
    ] * 3


async def test_many_calls_at_once_are_kept_apart(tmp_path: Path) -> None:
    together = asyncio.Barrier(20)

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        body = request.partition(b"\r\n\r\n")[2]
        writer.write(STREAM_HEAD)
        await together.wait()
        writer.write(b"%x\r\n%b\r\n" % (len(body), body))
        await together.wait()
        writer.write(LAST)

    async with (
        recorded(talk, tmp_path) as running,
        httpx.AsyncClient(base_url=running.url, timeout=PATIENCE_S) as client,
    ):
        answers = await asyncio.gather(
            *(client.post(CHAT, json={"n": number}) for number in range(20))
        )
        calls = running.recordings

    assert [answer.json()["n"] for answer in answers] == list(range(20))
    assert sorted(call.call for call in calls) == list(range(1, 21))
    for call in calls:
        assert call.asked.body in call.response


@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_client_that_leaves_at_done_does_not_cost_the_recording(
    tmp_path: Path, how: How
) -> None:
    has_left = asyncio.Event()

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD + FIRST + DONE)
        await has_left.wait()
        for _ in range(20):
            writer.write(FIRST)
            await writer.drain()
        writer.write(LAST)

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await client.read_until(b"[DONE]\n\n\r\n")
            client.leave(how)
        has_left.set()
        report = await running.reports.next()
        (call,) = running.recordings

    assert call.response == STREAM_HEAD + FIRST + DONE + FIRST * 20 + LAST
    assert call.end is End.COMPLETE
    assert report.startswith(f"call 1: POST {CHAT}: recorded, 200, ")


async def test_a_client_that_leaves_before_the_headers_does_not_either(
    tmp_path: Path,
) -> None:
    has_come, has_left = asyncio.Event(), asyncio.Event()

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        has_come.set()
        await has_left.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await has_come.wait()
        has_left.set()
        await running.reports.next()

        assert running.recordings[0].response.endswith(b"hi")


async def test_a_client_that_leaves_while_its_call_is_written_down_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_left = asyncio.Event()
    loop = asyncio.get_running_loop()
    peer_left = Connection.eof_received

    def leave(connection: Connection) -> bool:
        result = peer_left(connection)
        has_left.set()
        return result

    def encode_late(recording_: Recording) -> bytes:
        asyncio.run_coroutine_threadsafe(has_left.wait(), loop).result(PATIENCE_S)
        return encode_recording(recording_)

    monkeypatch.setattr(Connection, "eof_received", leave)
    monkeypatch.setattr(recorder, "encode_recording", encode_late)
    async with recorded(saying(STREAM_HEAD + FIRST, LAST), tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            client.leave("fin")
        await running.reports.next()

        assert running.recordings[0].end is End.COMPLETE


async def test_without_a_client_a_silent_upstream_is_given_up_sooner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "AFTER_LEAVING_S", 0.01)

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD + FIRST)
        await reader.read()

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await client.read_until(FIRST)
        await running.reports.next()
        (call,) = running.recordings

    assert call.end is End.SILENCE
    assert call.response == STREAM_HEAD + FIRST


async def test_a_client_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    body = b"x" * 4_000_000
    response = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with recorded(saying(response), tmp_path) as running:
        with await RawClient.connect(running.url, receive_buffer=4096) as client:
            await client.send(chat_request("hi"))
            await running.reports.next()
            assert running.recordings[0].response == response
            while len(client.received) < len(response):
                await client._receive()

    assert client.received == response


async def test_a_long_request_arrives_whole(tmp_path: Path) -> None:
    body = b"x" * 6_000_000

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        is_whole = request.endswith(b"\r\n\r\n" + body)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % is_whole)

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(post(CHAT, body))
            received = await client.read_until(b"\r\n\r\n1")
        (call,) = running.recordings

    assert call.asked.body == body
    assert call.response == received


# Upstreams that do not do what they should.


async def test_an_upstream_that_answers_before_it_has_read_is_passed_on(
    tmp_path: Path,
) -> None:
    refusal = b"HTTP/1.1 413 Too Much\r\ncontent-length: 0\r\n\r\n"
    is_over = asyncio.Event()

    async def refuse(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(refusal)
        await is_over.wait()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1024)
    async with server:
        port = server.sockets[0].getsockname()[1]
        async with session(port, tmp_path) as running:
            with await RawClient.connect(running.url) as client:
                await client.send(post(CHAT, b"x" * 6_000_000))
                await client.read_until(refusal)
            (call,) = running.recordings
        is_over.set()

    assert call.response == refusal
    assert call.reads[0].at_ms == 0


async def test_an_upstream_that_is_not_there_is_a_502(tmp_path: Path) -> None:
    port = closed_port()
    async with session(port, tmp_path) as running:
        answer = await ask(running.url)
        report = await running.reports.next()

        assert running.recordings == ()
    assert answer.status_code == 502
    assert error_of(answer) == (
        "the recorder got no answer: cannot reach "
        f"http://127.0.0.1:{port}: connection refused"
    )
    assert report == (
        f"call 1: POST {CHAT}: not recorded: cannot reach http://127.0.0.1:{port}: "
        "connection refused"
    )


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/messages", {"type", "error", "request_id"}),
        ("/v1beta/models/m:generateContent", {"error"}),
        ("/api/chat", {"error"}),
    ],
)
async def test_a_502_has_the_shape_of_its_provider(
    tmp_path: Path, path: str, shape: set[str]
) -> None:
    async with session(closed_port(), tmp_path) as running:
        answer = await ask(running.url, path)

    assert answer.status_code == 502
    assert set(answer.json()) == shape


async def test_a_name_that_nobody_knows_is_a_502(tmp_path: Path) -> None:
    async with session("http://nowhere.invalid", tmp_path) as running:
        answer = await ask(running.url)

    assert answer.status_code == 502
    assert "cannot reach http://nowhere.invalid: " in error_of(answer)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "expected a response, got the connection's end"),
        (b"HTTP/1.1 200 OK\r\n", "expected a response, got the connection's end"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "expected an HTTP/1.1 response, got b'SSH-2.0-"),
        (b"HTTP/2 200\r\n\r\n", "expected an HTTP/1.1 response, got b'HTTP/2 200"),
        (b"HTTP/1.1 abc\r\n\r\n", "expected an HTTP/1.1 response, got illegal"),
        (
            b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
            "expected an HTTP/1.1 response, got Receive buffer too long",
        ),
    ],
)
async def test_an_upstream_that_talks_nonsense_is_a_502(
    tmp_path: Path, said: bytes, reason: str
) -> None:
    async with recorded(saying(said), tmp_path) as running:
        answer = await ask(running.url)

        assert running.recordings == ()
    assert answer.status_code == 502
    assert reason in error_of(answer)


async def test_an_upstream_that_resets_before_its_head_is_a_502(tmp_path: Path) -> None:
    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    async with recorded(talk, tmp_path) as running:
        answer = await ask(running.url)

    assert answer.status_code == 502
    assert error_of(answer).endswith("expected a response, got a reset connection")


async def test_an_upstream_that_resets_in_the_middle_resets_the_client(
    tmp_path: Path,
) -> None:
    arrived = asyncio.Event()

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD + FIRST)
        await arrived.wait()
        peer = writer.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await client.read_until(FIRST)
            arrived.set()
            with pytest.raises(ConnectionResetError):
                await client.read_to_end()
        (call,) = running.recordings

    assert call.end is End.RST
    assert call.response == STREAM_HEAD + FIRST


async def test_an_upstream_that_never_answers_is_a_502_at_the_deadline(
    tmp_path: Path,
) -> None:
    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()

    async with recorded(talk, tmp_path, deadline_s=0.05) as running:
        answer = await ask(running.url)

    assert answer.status_code == 502
    assert error_of(answer).endswith(
        "expected a response before the deadline, got none"
    )


async def test_an_upstream_that_falls_silent_is_kept_as_far_as_it_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadlines: list[asyncio.Timeout] = []
    timeout = asyncio.timeout

    def observed(delay: float) -> asyncio.Timeout:
        deadlines.append(timeout(delay))
        return deadlines[-1]

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD + FIRST)
        await reader.read()

    monkeypatch.setattr(asyncio, "timeout", observed)
    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await client.read_until(FIRST)
            deadlines[0].reschedule(asyncio.get_running_loop().time())
            received = await client.read_to_end()
        (call,) = running.recordings

    assert received == call.response == STREAM_HEAD + FIRST
    assert call.end is End.SILENCE


async def test_a_response_without_end_is_cut_off_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MAX_RESPONSE_BYTES", 500_000)

    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD)
        while True:
            writer.write(FIRST * 1000)
            await writer.drain()

    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            received = await client.read_to_end()
        report = await running.reports.next()

        assert running.recordings == ()
    assert len(received) <= 500_000
    assert report.endswith("expected a response of at most 500000 bytes, got more")


async def test_a_compressed_answer_is_passed_on_and_not_kept(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\n"
    response = head + b"\x1f\x8b\x08"
    async with recorded(saying(response), tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(chat_request("hi"))
            await client.read_until(b"\x1f\x8b\x08")
        report = await running.reports.next()

        assert running.recordings == ()
    assert report.endswith(
        "not recorded: expected bodies that are not compressed, got gzip, in which no "
        "secret could be found"
    )


async def test_a_compressed_request_is_passed_on_and_not_kept(tmp_path: Path) -> None:
    talk = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    async with recorded(talk, tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(post(CHAT, b"\x1f\x8b\x08", "Content-Encoding: gzip"))
            await client.read_until(b"hi")
        report = await running.reports.next()

        assert running.recordings == ()
    assert "not recorded: expected bodies that are not compressed, got gzip" in report


# Clients, files and the end.


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET / HTTP/1.0\r\nhost: x\r\n\r\n", 505),
        (b"GET http://x/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", 400),
        (b"hello\r\n\r\n", 400),
    ],
)
async def test_a_request_that_cannot_be_recorded_is_refused(
    tmp_path: Path, request_: bytes, status: int
) -> None:
    async with session(closed_port(), tmp_path) as running:
        with await RawClient.connect(running.url) as client:
            await client.send(request_)
            received = await client.read_to_end()

        assert running.reports.is_empty
    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert "error" in json.loads(received.partition(b"\r\n\r\n")[2])


async def test_a_cassette_that_cannot_be_written_does_not_cost_the_client_its_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object, __: object) -> None:
        raise CassetteError("c.jsonl: cannot be written: no space left on device")

    talk = saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")
    async with recorded(talk, tmp_path) as running:
        monkeypatch.setattr("streamproof.fakes.recording.tape.Tape.append", fail)
        answer = await ask(running.url)
        report = await running.reports.next()

    assert answer.text == "hi"
    assert report.endswith(
        "not recorded: c.jsonl: cannot be written: no space left on device"
    )


async def test_a_recorder_that_stops_tells_what_it_did_not_record(
    tmp_path: Path,
) -> None:
    async def talk(
        request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(STREAM_HEAD + FIRST)
        await reader.read()

    async with upstream(talk) as port:
        async with session(port, tmp_path) as running:
            client = await RawClient.connect(running.url)
            await client.send(chat_request("hi"))
            await client.read_until(FIRST)
        with client:
            assert await client.read_to_end() == STREAM_HEAD + FIRST

    assert running.recordings == ()
    assert await running.reports.next() == (
        f"call 1: POST {CHAT}: not recorded, the recorder was stopped"
    )


async def test_a_failure_beside_the_recorder_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with session(closed_port(), tmp_path):
            raise KeyError("mine")


async def test_a_later_session_adds_to_the_cassette(tmp_path: Path) -> None:
    async with upstream(saying(STREAM_HEAD, LAST)) as port:
        for _ in range(2):
            async with session(port, tmp_path, append=True) as running:
                await ask(running.url)

    assert [call.call for call in running.recordings] == [1, 2]


async def test_a_port_in_use_leaves_no_file_behind(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match="address already in use"):
            async with session(1, tmp_path, port=port):
                pass

    assert not (tmp_path / "c.jsonl").exists()


@pytest.mark.parametrize("deadline_s", [0.0, float("nan"), float("inf"), 1e308])
async def test_there_is_no_deadline_of_nothing_nor_of_ever(
    tmp_path: Path, deadline_s: float
) -> None:
    with pytest.raises(StartError, match="expected a deadline above 0 s and "):
        async with session(1, tmp_path, deadline_s=deadline_s):
            pass


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("api.openai.com", "expected the upstream as https://host"),
        ("ftp://api.openai.com", "expected the upstream as https://host"),
        ("https://", "expected the upstream as https://host"),
        ("http://x:99999", "port out of range"),
        ("http://[::1", "invalid ipv6 url"),
        ("http://me:secret@x", "without user, query and fragment"),
        ("http://x/?key=1", "without user, query and fragment"),
    ],
)
async def test_an_upstream_that_is_no_base_url_is_refused(
    tmp_path: Path, url: str, complaint: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        async with session(url, tmp_path):
            pass

    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "c.jsonl").exists()
