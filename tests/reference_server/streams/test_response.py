"""One response: head, heartbeats, slow readers, tokens that end."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import (
    DONE,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    play,
    stalled,
)


async def test_only_the_first_event_of_a_response_carries_retry(
    client: Client,
) -> None:
    stream = await client.open().finish()

    assert stream.events[0].block.startswith(b"retry: 1000\nevent: state_delta\nid: ")
    assert [e.field("retry") for e in stream.events[1:]] == [None] * 55


async def test_the_headers_are_those_of_an_unbuffered_stream(client: Client) -> None:
    stream = await client.open().finish()

    assert stream.headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
        "x-stream-id": "stream1",
        "connection": "keep-alive",
    }


@pytest.mark.parametrize("version", ["1.0", "2"])
async def test_other_versions_of_http_get_no_connection_header(
    client: Client, version: str
) -> None:
    stream = await client.open(http_version=version).finish()

    assert "connection" not in stream.headers


async def test_heartbeats_before_it_leave_retry_to_the_first_event_with_an_id(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def halting(_call: Call) -> Body:
        yield chunk("x")
        await asyncio.sleep(20)
        yield chunk("y")
        yield chunk("z")
        yield chunk(finish="stop") + DONE

    model.script[1] = halting
    stream = client.open()
    await stream.wait_events(2)
    stream.leave()

    rest = await client.resume(f"{stream.stream}-2").finish()

    assert [e.field("retry") for e in rest.blocks[:3]] == [None, "1000", None]
    assert rest.blocks[0] == rest.heartbeats[0]


class TestHeartbeat:
    """Heartbeats fill silence and nothing else."""

    async def test_fills_silence_before_the_first_token(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def late(_call: Call) -> Body:
            await asyncio.sleep(50)
            for part in answer("x"):
                yield part

        model.script[1] = late

        stream = await client.open().finish()

        assert [e.at for e in stream.heartbeats] == pytest.approx([15, 30, 45])
        assert {e.block for e in stream.heartbeats} == {
            b"event: heartbeat\ndata: {}\n\n"
        }

    async def test_counts_from_the_last_event(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def halting(_call: Call) -> Body:
            await asyncio.sleep(10)
            yield chunk("x")
            await asyncio.sleep(20)
            yield chunk(finish="stop") + DONE

        model.script[1] = halting

        stream = await client.open().finish()

        assert [e.at for e in stream.heartbeats] == pytest.approx([25])

    async def test_goes_on_after_a_resume(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        first = client.open()
        await first.wait_events(2)
        first.leave()

        second = client.resume(f"{first.stream}-2")
        await second.wait(lambda exchange: len(exchange.heartbeats) == 3)

        assert [e.at for e in second.heartbeats] == pytest.approx([15, 30, 45])


class TestSlowReader:
    """A slow reader is its own problem."""

    async def test_holds_back_only_itself(
        self, client: Client, model: ScriptedModel
    ) -> None:
        slow = client.open()
        await slow.wait_events(1)
        slow.writable.clear()

        fast = await client.open(user="bob").finish()
        observed = await client.observe()

        assert len(fast.events) == 56
        assert [s["events"] for s in observed["streams"]] == [56, 56]
        slow.writable.set()
        await slow.finish()
        assert [e.id for e in slow.events] == [
            f"{slow.stream}-{n}" for n in range(1, 57)
        ]

    async def test_that_takes_nothing_is_cut_off(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        stream.writable.clear()

        await stream.finish()

        # A heartbeat was due after 15 s, and waited for 30 s to 45 s.
        assert stream.aborted
        assert 45 <= asyncio.get_running_loop().time() <= 61
        await asyncio.sleep(6)
        assert (await client.observe())["slots"] == {}

    async def test_that_falls_out_of_the_log_is_closed_without_a_hole(
        self, client: Client
    ) -> None:
        await client.restart(log_max_events=10)
        slow = client.open()
        await slow.wait_events(1)
        slow.writable.clear()
        await asyncio.sleep(1)
        slow.writable.set()
        await slow.finish()

        assert slow.is_complete
        assert slow.blocks[-1].block == b": too far behind\n\n"
        assert len(slow.events) < 46
        refused = await client.resume(str(slow.events[-1].id)).finish()
        assert refused.status == 410


class TestTokenExpiry:
    """A response lives as long as its token."""

    async def test_closes_the_response_and_lets_a_fresh_token_go_on(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open(headers=bearer(lifetime_s=10))

        await stream.finish()
        again = client.resume(f"{stream.stream}-1")
        await again.wait_events(1)

        assert stream.blocks[-1].at == pytest.approx(10)
        assert stream.blocks[-1].block == b": token expired\n\n"
        assert stream.is_complete
        assert again.events[0].id == f"{stream.stream}-2"
        assert model.calls[0].left_at is None

    async def test_starts_the_grace(self, client: Client, model: ScriptedModel) -> None:
        model.answer = stalled
        stream = client.open(headers=bearer(lifetime_s=10))
        await stream.finish()

        await asyncio.sleep(5.1)

        assert model.calls[0].left_at == pytest.approx(15)
