"""A server that goes down."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import (
    Body,
    Call,
    ScriptedModel,
    answer,
    play,
    stalled,
)


class TestShutdown:
    """A server that goes down says so."""

    async def test_refuses_new_streams_and_says_farewell_to_the_others(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)

        drain = asyncio.ensure_future(client.runs.drain())
        await asyncio.sleep(1)
        refused = await client.open().finish()
        health = await client.request("GET", "/healthz").finish()
        await drain
        await stream.finish()

        assert refused.status == 503
        assert refused.json["error"]["code"] == "SERVER_DRAINING"
        assert int(refused.headers["retry-after"]) >= 1
        assert (health.status, health.json) == (503, {"status": "draining"})
        assert stream.events[-1].at == pytest.approx(5)
        assert stream.events[-1].data["delta"]["code"] == "SERVER_SHUTDOWN"
        assert stream.events[-1].data["delta"]["retryable"] is True
        assert stream.events[-1].field("retry") == "3000"
        assert stream.is_complete
        assert model.calls[0].left_at == pytest.approx(5)

    async def test_lets_a_stream_finish_in_time(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def slow(_call: Call) -> Body:
            await asyncio.sleep(0.1)
            for part in answer("x"):
                yield part

        model.answer = slow
        stream = client.open()
        await stream.wait_events(2)

        await client.runs.drain()
        await stream.finish()

        assert stream.types[-1] == "node-complete"
        assert asyncio.get_running_loop().time() == pytest.approx(1.4)

    async def test_farewell_keeps_its_own_retry_in_a_later_response(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        await client.runs.drain()

        rest = await client.resume(f"{stream.stream}-2").finish()

        assert rest.blocks[0].block == (await stream.finish()).events[-1].block

    async def test_names_a_time_to_come_back_even_without_a_time_to_drain(
        self, client: Client
    ) -> None:
        await client.restart(drain_s=0)
        await client.runs.drain()

        refused = await client.open().finish()

        assert (refused.status, refused.headers["retry-after"]) == (503, "1")
