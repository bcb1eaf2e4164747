"""Slots of the whole application, and what is kept of ended streams."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import (
    ScriptedModel,
    respond,
    stalled,
)


class TestLimits:
    """Slots are counted exactly and always come back."""

    async def test_let_exactly_three_of_a_burst_run(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        streams = [client.open() for _ in range(50)]
        await asyncio.sleep(1)

        assert sorted(s.status for s in streams) == [200] * 3 + [429] * 47
        refused = next(s for s in streams if s.status == 429)
        assert refused.json["error"]["code"] == "TOO_MANY_STREAMS"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["content-type"] == "application/json"
        assert len(model.calls) == 3

    async def test_count_each_user_apart(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        streams = [client.open(user=user) for user in ["ada", "bob", "Ada"] * 3]
        await asyncio.sleep(1)

        assert {s.status for s in streams} == {200}

    @pytest.mark.parametrize("end", ["complete", "error", "cancel", "leave"])
    async def test_give_the_slot_back_after_every_way_to_end(
        self, client: Client, model: ScriptedModel, end: str
    ) -> None:
        model.answer = {
            "complete": model.answer,
            "error": respond(status=500),
        }.get(end, stalled)
        for _ in range(4):
            streams = [client.open() for _ in range(3)]
            await asyncio.sleep(1)
            assert {s.status for s in streams} == {200}
            for stream in streams:
                if end == "cancel":
                    await client.cancel(stream.stream).finish()
                stream.leave()
            await asyncio.sleep(6)

        assert (await client.observe())["slots"] == {}

    async def test_hold_for_the_whole_server(
        self, client: Client, model: ScriptedModel
    ) -> None:
        await client.restart(max_streams=2)
        model.answer = stalled
        streams = [client.open(user=f"user{n}") for n in range(3)]
        await asyncio.sleep(1)

        assert [s.status for s in streams] == [200, 200, 503]
        assert streams[2].json["error"]["code"] == "SERVER_BUSY"
        assert int(streams[2].headers["retry-after"]) >= 1


class TestRetention:
    """Ended streams are kept for a while."""

    async def test_of_ended_streams_is_bounded_in_bytes(self, client: Client) -> None:
        await client.restart(retained_max_bytes=30_000)
        for _ in range(10):
            await client.open().finish()

        streams = (await client.observe())["streams"]

        assert [s["id"] for s in streams] == ["stream9", "stream10"]
