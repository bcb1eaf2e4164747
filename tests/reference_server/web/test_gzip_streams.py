"""Streams in gzip: only for those who ask, every event at once, a proper end."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

import pytest
from tests.reference_server.asgi import PATH, Client, Exchange, bearer
from tests.reference_server.model import ScriptedModel, stalled
from tests.reference_server.toy import PATH as SONGS
from tests.reference_server.toy import toy

GZIP = {"accept-encoding": "gzip, deflate, br"}


@pytest.fixture
async def packing(model: ScriptedModel) -> AsyncIterator[Client]:
    """A client of a server that compresses."""
    async with Client(model, gzip_streams=True) as client:
        yield client


def unpack(stream: Exchange) -> list[bytes]:
    """Return what a client can read after each piece of a body."""
    reader = zlib.decompressobj(wbits=31)
    parts = [reader.decompress(event.block) for event in stream.blocks]
    assert reader.eof is stream.is_complete
    return parts


async def test_it_is_off_by_default(client: Client) -> None:
    stream = await client.open(headers=GZIP).finish()

    assert "content-encoding" not in stream.headers
    assert "vary" not in stream.headers
    assert stream.body.startswith(b"retry: 1000\n")


async def test_every_event_can_be_read_at_once(packing: Client) -> None:
    stream = await packing.open(headers=GZIP).finish()

    assert stream.headers["content-encoding"] == "gzip"
    assert stream.headers["vary"] == "Accept-Encoding"
    parts = unpack(stream)
    assert all(part.endswith(b"\n\n") for part in parts[:-1])
    assert parts[-1] == b""
    assert [part.count(b"\n\n") for part in parts[:-1]] == [1] * (len(parts) - 1)
    assert b"node-complete" in parts[-2]


async def test_a_heartbeat_can_be_read_at_once(
    packing: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    stream = packing.open(headers=GZIP)

    await stream.wait(lambda exchange: len(exchange.blocks) == 3)

    assert unpack(stream)[2].startswith(b"event: heartbeat")


async def test_a_resumed_response_is_the_same_but_for_its_coding(
    packing: Client,
) -> None:
    stream = await packing.open(headers=GZIP).finish()
    plain = await packing.resume(f"{stream.stream}-2").finish()

    packed = await packing.resume(f"{stream.stream}-2", headers=GZIP).finish()

    assert b"".join(unpack(packed)) == plain.body
    assert plain.headers["vary"] == "Accept-Encoding"


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("x-gzip", True),
        ("br, GZIP ; q=0.5", True),
        ("gzip;q=1", True),
        ("", False),
        ("*", False),
        ("identity", False),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, *", False),
        ("gzipped", False),
    ],
)
async def test_only_who_names_it_gets_it(
    packing: Client, accepted: str, *, is_packed: bool
) -> None:
    stream = await packing.open(headers={"accept-encoding": accepted}).finish()

    assert ("content-encoding" in stream.headers) is is_packed
    assert stream.headers["vary"] == "Accept-Encoding"
    assert stream.body.startswith(b"retry:") is not is_packed


async def test_what_is_no_stream_is_left_alone(packing: Client) -> None:
    stream = await packing.open(headers=GZIP).finish()
    last = stream.blocks and f"{stream.stream}-{len(stream.blocks) - 1}"

    over = await packing.resume(str(last), headers=GZIP).finish()
    refused = await packing.request("PUT", PATH, headers={**bearer(), **GZIP}).finish()

    assert (over.status, refused.status) == (204, 405)
    assert not {"content-encoding", "vary"} & {*over.headers, *refused.headers}


async def test_a_head_has_the_headers_of_its_get_and_no_body(
    model: ScriptedModel,
) -> None:
    async with Client(model, (toy(),), gzip_streams=True) as client:
        path, headers = f"{SONGS}?theme=sea", {**bearer(), **GZIP}

        head = await client.request("HEAD", path, headers=headers).finish()

        assert head.headers["content-encoding"] == "gzip"
        assert head.body == b""
        assert head.is_complete
