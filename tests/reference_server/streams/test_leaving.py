"""A reader that leaves, and the grace that its run is given."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import PATH, Client, bearer
from tests.reference_server.model import (
    ScriptedModel,
    stalled,
)


class TestLeaving:
    """A reader that leaves does not take the run along at once."""

    async def test_lets_the_run_go_on_for_the_grace_then_cancels_it(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        await asyncio.sleep(1)

        stream.leave()
        await asyncio.sleep(4.9)
        before = await client.observe()
        await asyncio.sleep(0.2)
        after = await client.observe()

        assert before["streams"][0]["state"] == "running"
        assert before["slots"] == {"ada": 1}
        assert after["streams"][0]["state"] == "cancelled"
        assert after["streams"][0]["cancel"]["cause"] == "disconnect"
        assert after["streams"][0]["cancel"]["decided_at"] == pytest.approx(6)
        assert after["slots"] == {}
        assert model.calls[0].left_at == pytest.approx(6)

    async def test_without_grace_cancels_at_once(
        self, client: Client, model: ScriptedModel
    ) -> None:
        await client.restart(resume_grace_s=0)
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        await asyncio.sleep(1)

        stream.leave()
        await stream.finish()
        await asyncio.sleep(0)

        assert model.calls[0].left_at == pytest.approx(1)
        assert (await client.observe())["slots"] == {}

    async def test_before_the_first_byte_a_hundred_times_leaves_no_slot_taken(
        self, client: Client, model: ScriptedModel
    ) -> None:
        await client.restart(streams_per_user=100)
        model.answer = stalled
        streams = [client.open() for _ in range(100)]
        for stream in streams:
            stream.leave()
            await stream.finish()
        await asyncio.sleep(5.1)

        observed = await client.observe()

        assert observed["slots"] == {}
        assert {s["state"] for s in observed["streams"]} <= {"cancelled"}
        assert all(call.left_at is not None for call in model.calls)

    async def test_in_the_middle_of_the_request_body_starts_nothing(
        self, client: Client
    ) -> None:
        messages: list[dict[str, object]] = [
            {"type": "http.request", "body": b'{"pro', "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> dict[str, object]:
            return messages.pop(0)

        async def send(_message: object) -> None:
            pytest.fail("nothing to send")

        headers = {**bearer(), "content-type": "application/json"}
        scope = {
            "type": "http",
            "method": "POST",
            "path": PATH,
            "query_string": b"",
            "headers": [(k.encode(), v.encode()) for k, v in headers.items()],
        }
        await client.app(scope, receive, send)

        assert (await client.observe())["streams"] == []

    async def test_and_coming_back_in_the_grace_keeps_the_run(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        stream.leave()
        await asyncio.sleep(4)

        again = client.resume(f"{stream.stream}-2")
        await asyncio.sleep(20)

        assert not again.is_complete
        assert model.calls[0].left_at is None
