"""The live exchange: how it ends, how it is left, what a probe can wait for."""

import asyncio
import gzip

import anyio
import pytest
from tests.conformance.probes.raw_server import (
    CHUNKED,
    GET,
    HEAD,
    Handler,
    Serve,
    read,
    reset,
    running,
    sending,
    stream_to,
)

from streamproof.conformance.model import Request
from streamproof.conformance.probes.bench.allowance import Allowance
from streamproof.conformance.probes.bench.live import Leave, LiveExchange
from streamproof.conformance.probes.carriers.connection import Target
from streamproof.conformance.wire import EndingKind


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def then_waits(data: bytes) -> Handler:
    """Send these bytes and then nothing, with the connection open."""

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(data)(reader, writer)
        await reader.read()

    return handle


async def test_a_chunked_response_ends_clean_with_its_body(serve: Serve) -> None:
    target = await serve(sending(CHUNKED + chunk(b"data: a\n\n") + chunk(b"")))

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.CLEAN
    assert transcript.status == 200
    assert transcript.body == b"data: a\n\n"
    assert [timed.item.data for timed in transcript.events] == ["a"]


async def test_the_head_is_kept_byte_for_byte(serve: Serve) -> None:
    head = (
        b"HTTP/1.1 200 Quite OK\r\nX-oDD:  v1\r\nx-odd: v2\r\nContent-Length: 0\r\n\r\n"
    )
    target = await serve(sending(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" + head))

    transcript = (await read(target)).transcript

    assert transcript.raw_head == head
    assert transcript.reason == "Quite OK"
    assert transcript.headers[:2] == (("X-oDD", "v1"), ("x-odd", "v2"))
    assert transcript.header_all("X-Odd") == ("v1", "v2")


async def test_times_rise_from_connecting_to_the_end(serve: Serve) -> None:
    target = await serve(sending(CHUNKED + chunk(b"data: a\n\n") + chunk(b"")))

    transcript = (await read(target)).transcript

    assert transcript.connected_at is not None
    assert transcript.request_sent_at is not None
    assert transcript.head_at is not None
    assert (
        transcript.started_at
        <= transcript.connected_at
        <= transcript.request_sent_at
        <= transcript.head_at
        <= transcript.chunks[0].at
        <= transcript.ending.at
    )


async def test_what_arrives_apart_is_recorded_apart(serve: Serve) -> None:
    seen = asyncio.Event()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(CHUNKED + chunk(b"data: a\n\n"))(reader, writer)
        await seen.wait()
        writer.write(chunk(b"data: b\n") + chunk(b"\n") + chunk(b""))

    stream = stream_to(await serve(handle))
    async with running(stream):
        assert await stream.has_events(1)
        seen.set()
        assert await stream.over(5)

    chunks = stream.exchange().transcript.chunks
    assert [each.data for each in chunks] == [b"data: a\n\n", b"data: b\n\n"]


@pytest.mark.parametrize(
    ("response", "kind", "detail"),
    [
        (CHUNKED + b"5\r\nda", EndingKind.PREMATURE_EOF, "incomplete chunked read"),
        (CHUNKED, EndingKind.PREMATURE_EOF, "incomplete chunked read"),
        (HEAD + b"Content-Length: 9\r\n\r\nda", EndingKind.PREMATURE_EOF, "2 bytes"),
        (b"", EndingKind.PREMATURE_EOF, "no response"),
        (b"HTTP/1.1 200 OK\r\nX", EndingKind.PREMATURE_EOF, "18 bytes of the response"),
        (HEAD + b"\r\ndata: a\n\n", EndingKind.CLEAN, ""),
        (b"HTTP/1.0 200 OK\r\n\r\ndata: a\n\n", EndingKind.CLEAN, ""),
        (b"\x16\x03\x01 what is this\r\n\r\n", EndingKind.PROTOCOL_ERROR, "illegal"),
        (CHUNKED + b"zz\r\n", EndingKind.PROTOCOL_ERROR, "illegal chunk header"),
        (CHUNKED + b"-1\r\n", EndingKind.PROTOCOL_ERROR, "illegal chunk header"),
        (
            HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            EndingKind.PROTOCOL_ERROR,
            "conflicting Content-Length",
        ),
        (CHUNKED + chunk(b"") + b"more", EndingKind.CLEAN, "4 bytes came after"),
        (
            HEAD + b"Content-Length: 1\r\n\r\n1234",
            EndingKind.CLEAN,
            "3 bytes came after the end",
        ),
    ],
)
async def test_every_way_to_end_has_its_kind(
    serve: Serve, response: bytes, kind: EndingKind, detail: str
) -> None:
    exchange = await read(await serve(sending(response)))

    ending = exchange.transcript.ending
    assert ending.kind is kind
    assert detail in ending.detail


async def test_what_came_before_a_violation_is_kept(serve: Serve) -> None:
    target = await serve(sending(CHUNKED + chunk(b"data: a\n\n") + b"zz\r\n"))

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.PROTOCOL_ERROR
    assert transcript.body == b"data: a\n\n"


async def test_a_reset_connection_is_told_from_a_closed_one(serve: Serve) -> None:
    seen = asyncio.Event()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(CHUNKED + chunk(b"data: a\n\n"))(reader, writer)
        await seen.wait()
        reset(writer)

    stream = stream_to(await serve(handle))
    async with running(stream):
        await stream.has_events(1)
        seen.set()
        await stream.over(5)

    transcript = stream.exchange().transcript
    assert transcript.ending.kind is EndingKind.RESET
    assert transcript.body == b"data: a\n\n"


async def test_a_refused_connection_is_an_ending(serve: Serve) -> None:
    target = Target(scheme="http", host="127.0.0.1", port=1)

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.NOT_CONNECTED
    assert transcript.ending.detail == "connection refused"
    assert transcript.connected_at is None


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 70 + ".invalid"])
async def test_a_host_that_does_not_exist_is_an_ending(host: str) -> None:
    transcript = (await read(Target(scheme="http", host=host, port=80))).transcript

    assert transcript.ending.kind is EndingKind.NOT_CONNECTED


async def test_an_exchange_is_given_up_at_its_deadline(serve: Serve) -> None:
    target = await serve(then_waits(CHUNKED + chunk(b"data: a\n\n")))

    transcript = (await read(target, deadline_s=0.05)).transcript

    assert transcript.ending.kind is EndingKind.DEADLINE
    assert transcript.ending.detail == "not over after 0.05 s"
    assert transcript.body == b"data: a\n\n"


async def test_a_server_that_says_nothing_is_given_up_too(serve: Serve) -> None:
    transcript = (await read(await serve(then_waits(b"")), deadline_s=0.05)).transcript

    assert transcript.ending.kind is EndingKind.DEADLINE
    assert transcript.status is None


@pytest.mark.parametrize(
    "endless",
    [
        HEAD + b"X: a\r\n" * 20_000,
        HEAD + b"X: " + b"a" * 100_000,
        b"HTTP/1.1 103 Early\r\nX: a\r\n\r\n" * 5_000,
    ],
    ids=["headers", "one header", "interim responses"],
)
async def test_an_endless_head_ends_at_a_limit(serve: Serve, endless: bytes) -> None:
    transcript = (await read(await serve(sending(endless)))).transcript

    assert transcript.ending.kind is EndingKind.LIMIT
    assert "65536 bytes" in transcript.ending.detail


async def test_an_endless_line_ends_at_a_limit(serve: Serve) -> None:
    target = await serve(sending(HEAD + b"\r\ndata: " + b"a" * 2_000_000))

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.LIMIT
    assert "line" in transcript.ending.detail


async def test_an_endless_body_ends_at_a_limit(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "streamproof.conformance.probes.bench.live.MAX_BODY_BYTES", 100_000
    )
    target = await serve(sending(HEAD + b"\r\n" + b"data: a\n\n" * 100_000))

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.LIMIT
    assert len(transcript.body) < 300_000


async def test_a_flood_of_small_events_ends_at_a_limit(serve: Serve) -> None:
    target = await serve(sending(HEAD + b"\r\n" + b"data: {}\n\n" * 100_000))

    transcript = (await read(target)).transcript

    assert transcript.ending.kind is EndingKind.LIMIT
    assert "events" in transcript.ending.detail
    assert len(transcript.body) < 1_000_000


async def test_floods_at_once_share_what_a_run_may_keep(serve: Serve) -> None:
    allowance = Allowance(limit=2_000_000)
    target = await serve(sending(HEAD + b"\r\n" + b"data: {}\n\n" * 100_000))
    floods = [stream_to(target, allowance=allowance) for _ in range(10)]

    async with anyio.create_task_group() as group:
        for flood in floods:
            group.start_soon(flood.run)

    endings = {flood.exchange().transcript.ending.kind for flood in floods}
    kept = sum(len(flood.exchange().transcript.body) for flood in floods)
    assert endings == {EndingKind.LIMIT}
    assert 0 < kept < 30_000
    assert allowance.taken < allowance.limit


async def test_a_head_of_countless_fields_takes_its_share_too(serve: Serve) -> None:
    allowance = Allowance(limit=2_000_000)
    fields = b"a:b\r\n" * 12_000
    target = await serve(sending(HEAD + fields + b"\r\n"))
    stream = stream_to(target, allowance=allowance)

    await stream.run()

    transcript = stream.exchange().transcript
    assert transcript.ending.kind is EndingKind.LIMIT
    assert "expected less than the suite can keep" in transcript.ending.detail
    assert transcript.headers == ()


async def test_a_flood_leaves_room_for_the_streams_behind_it(serve: Serve) -> None:
    allowance = Allowance(limit=2_000_000)
    flood = await serve(sending(HEAD + b"\r\n" + b"data: {}\n\n" * 100_000))
    honest = await serve(sending(CHUNKED + chunk(b"data: a\n\n" * 20) + chunk(b"")))
    for _ in range(10):
        await stream_to(flood, allowance=allowance).run()
    stream = stream_to(honest, allowance=allowance)

    await stream.run()

    assert stream.exchange().transcript.ending.kind is EndingKind.CLEAN


async def test_nothing_is_decompressed(serve: Serve) -> None:
    bomb = gzip.compress(b"\0" * 1_000_000)
    head = HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)

    transcript = (await read(await serve(sending(head + bomb)))).transcript

    assert transcript.body == bomb


async def test_an_early_answer_counts_though_the_request_was_cut_off(
    serve: Serve,
) -> None:
    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        writer.write_eof()
        await reader.readexactly(1_000_000)
        writer.transport.abort()

    request = Request(method="POST", path="/", body=b"x" * 20_000_000)

    transcript = (await read(await serve(handle), request)).transcript

    assert transcript.request_sent_at is None
    assert transcript.status == 413 or transcript.ending.kind is EndingKind.RESET


@pytest.mark.parametrize("how", Leave)
async def test_a_leave_reaches_the_server_as_what_it_is(
    serve: Serve, how: Leave
) -> None:
    seen: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await sending(CHUNKED + chunk(b"data: a\n\n"))(reader, writer)
        try:
            seen.set_result("fin" if not await reader.read() else "bytes")
        except ConnectionResetError:
            seen.set_result("rst")

    stream = stream_to(await serve(handle))
    async with running(stream):
        await stream.has_events(1)
        await stream.leave(how)

        async with asyncio.timeout(5):
            assert await seen == how
    ending = stream.exchange().transcript.ending
    assert ending.kind is EndingKind.CLOSED_BY_US
    assert ending.detail == f"left by {how}"


async def test_a_leave_by_fin_takes_what_had_arrived(serve: Serve) -> None:
    target = await serve(then_waits(CHUNKED + chunk(b"data: a\n\n" * 3_000)))
    stream = stream_to(target)

    async with running(stream):
        await stream.has_events(1)
        await stream.leave(Leave.FIN)

    transcript = stream.exchange().transcript
    assert transcript.ending.kind is EndingKind.CLOSED_BY_US
    assert transcript.events


async def test_a_leave_right_after_the_request_is_a_reset_without_answer(
    serve: Serve,
) -> None:
    seen: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await reader.read()
        except ConnectionResetError:
            seen.set_result(True)

    stream = stream_to(await serve(handle))
    async with running(stream):
        assert await stream.wait(lambda s: s.is_sent)
        await stream.leave(Leave.RST)

        async with asyncio.timeout(5):
            assert await seen
    assert stream.exchange().transcript.status is None


async def test_leaving_what_is_over_changes_nothing(serve: Serve) -> None:
    stream = stream_to(await serve(sending(CHUNKED + chunk(b""))))
    async with running(stream):
        await stream.over(5)
        await stream.leave(Leave.RST)

    assert stream.exchange().transcript.ending.kind is EndingKind.CLEAN


async def test_an_exchange_whose_probe_ends_is_closed_by_us(serve: Serve) -> None:
    stream = stream_to(await serve(then_waits(CHUNKED)))
    async with running(stream):
        await stream.answered()

    assert stream.exchange().transcript.ending.kind is EndingKind.CLOSED_BY_US


async def test_a_waiting_probe_sees_tokens_heartbeats_and_ids(
    serve: Serve,
) -> None:
    body = (
        b"event: token\nid: 1\ndata: {}\n\n: heartbeat\n\n"
        b"event: token\nid: 2\ndata: {}\n\nevent: done\nid: 3\ndata: {}\n\n"
    )
    stream = stream_to(await serve(sending(CHUNKED + chunk(body) + chunk(b""))))
    async with running(stream):
        assert await stream.has_tokens(2, 5)
        assert await stream.over(5)

    assert (stream.tokens, stream.heartbeats) == (2, 1)
    assert stream.ids == ["1", "2", "3"]
    assert (stream.id_of_first, stream.last_id) == ("1", "3")
    assert not stream.is_first_terminal


async def test_a_wait_is_given_up_in_its_time(serve: Serve) -> None:
    stream = stream_to(await serve(then_waits(CHUNKED)))
    async with running(stream):
        await stream.answered()

        assert not await stream.has_events(1, 0.01)


async def test_a_wait_ends_with_the_exchange(serve: Serve) -> None:
    stream = stream_to(await serve(sending(CHUNKED + chunk(b""))))
    async with running(stream):
        assert not await stream.has_events(1)


async def test_the_request_arrives_as_recorded_with_the_credential_in_place(
    serve: Serve,
) -> None:
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def handle(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        got.set_result(head + await reader.readexactly(2))
        writer.write(b"HTTP/1.0 204 No Content\r\n\r\n")

    request = Request(
        method="POST",
        path="/a?t=$TOKEN",
        headers=(("Authorization", "Bearer $TOKEN"),),
        body=b"{}",
    )
    target = await serve(handle)
    stream = stream_to(target, request, credential="abc", http_version="1.0")
    await stream.run()

    assert got.result() == (
        b"POST /a?t=abc HTTP/1.0\r\nHost: %b\r\nAuthorization: Bearer abc\r\n"
        b"Content-Length: 2\r\n\r\n{}" % target.authority.encode()
    )
    assert stream.exchange().request == request
    assert stream.exchange().transcript.status == 204


async def test_headers_are_found_whatever_their_case(serve: Serve) -> None:
    stream = stream_to(await serve(sending(CHUNKED + chunk(b""))), GET)
    assert stream.header("content-type") is None

    await stream.run()

    assert stream.header("content-TYPE") == "text/event-stream"
    assert isinstance(stream, LiveExchange)
