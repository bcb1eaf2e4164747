"""Shapes of the transport over raw sockets: the same events in other bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.providers.streams import STREAMS, Stream
from tests.fakes.raw_client import RawClient
from tests.fakes.validators.decoding import take_apart

if TYPE_CHECKING:
    from tests.fakes.raw_client import ControlClient, How, Json

    from streamproof.fakes import Server

PROMPT = "[[fake:say call=k]]"
SAID = [{"kind": "think", "text": "hm"}, {"text": 'Hi thére 😀 \u2028"you" a b c'}]
streams = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


async def answer_to(
    stream: Stream, server: Server, control: ControlClient, **script: Json
) -> tuple[dict[str, str], list[bytes]]:
    """Play the same request after a script that is shaped as said."""
    answer = await control.put_script("k", {"say": SAID, **script})
    answer.raise_for_status()
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(PROMPT))
        return take_apart(await client.read_to_end())


@streams
@pytest.mark.parametrize(
    "wire",
    [
        {"newline": "lf"},
        {"newline": "crlf"},
        {"newline": "cr"},
        {"bom": True},
        {"comment": "data: no"},
        {"coalesce": 3},
        {"split": 1},
        {"framing": "close"},
        {"newline": "cr", "bom": True, "coalesce": 2, "split": 7, "framing": "close"},
    ],
    ids=str,
)
async def test_every_shape_brings_the_same_events(
    wire: Json, stream: Stream, server: Server, control: ControlClient
) -> None:
    if "comment" in wire and not stream.has_comments:
        wire = {}
    _, plain = await answer_to(stream, server, control)
    headers, chunks = await answer_to(stream, server, control, wire=wire)
    calls = await control.calls("k")

    assert stream.decode(b"".join(chunks)) == stream.decode(b"".join(plain))
    assert [call["outcome"] for call in calls] == ["completed", "completed"]
    assert [call["tokens"]["sent"] for call in calls] == [8, 8]
    assert ("transfer-encoding" in headers) == ("framing" not in wire)
    if wire == {"split": 1}:
        assert {len(chunk) for chunk in chunks[:-1]} == {1}


@streams
async def test_tokens_that_leave_together_are_one_chunk(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    _, plain = await answer_to(stream, server, control)
    _, chunks = await answer_to(stream, server, control, wire={"coalesce": 8})

    assert len(chunks) == len(plain) - 7


@streams
async def test_a_stream_may_say_that_it_is_something_else(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    plain, _ = await answer_to(stream, server, control)
    other, _ = await answer_to(stream, server, control, wire={"type": "text/plain"})

    assert other == {**plain, "content-type": "text/plain"}


@pytest.mark.parametrize(
    "stream",
    [stream for stream in STREAMS if not stream.has_comments],
    ids=lambda stream: stream.name,
)
async def test_a_comment_in_json_is_refused(
    stream: Stream, server: Server, control: ControlClient
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post("[[fake:wire comment=hi call=k]]"))
        received = await client.read_to_end()
    (call,) = await control.calls("k")

    assert received.startswith(b"HTTP/1.1 400 ")
    assert (call["outcome"], call["status"]) == ("refused", 400)
    assert "which have no comments" in call["refusal"]


@streams
@pytest.mark.parametrize("of", ["head", "all"])
async def test_a_response_that_drips_arrives_whole(
    of: str, stream: Stream, server: Server, control: ControlClient
) -> None:
    _, plain = await answer_to(stream, server, control)
    drip = {"bytes": 200, "each_ms": 1, "of": of}
    _, chunks = await answer_to(stream, server, control, drip=drip)
    calls = await control.calls("k")

    assert chunks == plain
    assert [call["outcome"] for call in calls] == ["completed", "completed"]


@streams
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_client_that_leaves_while_the_head_drips_leaves_before_it(
    how: How, stream: Stream, server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:drip bytes=20 each=60000 call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(prompt))
        await client.read_until(b"HTTP/1.1 200 OK\r\n")
        client.leave(how)
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_before_headers", how)
    assert (call["status"], call["tokens"]["sent"]) == (None, 0)


@streams
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_a_client_that_leaves_while_the_body_drips_has_the_head(
    how: How, stream: Stream, server: Server, control: ControlClient
) -> None:
    prompt = "[[fake:drip bytes=5000 each=60000 call=k]]"
    with await RawClient.connect(server.url) as client:
        await client.send(stream.post(prompt))
        await client.read_until(b"\r\n\r\n")
        await control.wait("k", "headers_sent")
        client.leave(how)
        call = await control.wait("k", "ended")

    assert (call["outcome"], call["peer"]) == ("cancelled_before_first_token", how)
    assert (call["status"], call["tokens"]["sent"]) == (200, 0)
