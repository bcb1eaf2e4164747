"""Cancelling: `DELETE` on a stream."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import PATH, Client, bearer
from tests.reference_server.model import (
    ScriptedModel,
    hold_first_token,
    hold_headers,
    respond,
    stalled,
)

from streamproof.reference_server.streams.failure import CancelCause


class TestCancel:
    """A cancel reaches the model at once and is told once."""

    @pytest.mark.parametrize(
        "answer_with",
        [
            pytest.param(hold_headers, id="before headers"),
            pytest.param(hold_first_token, id="before the first token"),
            pytest.param(stalled, id="between tokens"),
        ],
    )
    async def test_reaches_the_model_in_every_phase(
        self, client: Client, model: ScriptedModel, answer_with: object
    ) -> None:
        model.answer = answer_with  # type: ignore[assignment]  # parametrised
        stream = client.open()
        await asyncio.sleep(3)

        answer_to_cancel = await client.cancel(stream.stream).finish()
        await stream.finish()

        assert answer_to_cancel.status == 202
        assert answer_to_cancel.json == {"id": stream.stream, "status": "cancelled"}
        assert model.calls[0].left_at == pytest.approx(3)
        assert stream.events[-1].data["delta"] == {
            "status": "error",
            "code": "CANCELLED",
            "message": "the run was cancelled",
            "retryable": False,
        }
        assert stream.types.count("error") == 1
        assert stream.is_complete
        assert (await client.observe())["slots"] == {}

    async def test_ends_a_retry_pause(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = respond(status=429, retry_after="20")
        stream = client.open()
        await asyncio.sleep(3)

        await client.cancel(stream.stream).finish()
        await stream.finish()
        await asyncio.sleep(60)

        assert stream.events[-1].at == pytest.approx(3)
        assert len(model.calls) == 1

    async def test_between_start_and_first_step_of_the_run_calls_no_model(
        self, client: Client, model: ScriptedModel
    ) -> None:
        stream = client.open()
        await stream.wait(lambda exchange: exchange.status)
        (run,) = client.runs
        assert not model.calls
        run.cancel(CancelCause.EXPLICIT)
        await asyncio.sleep(1)

        assert not model.calls
        assert client.runs.slots.taken_total == 0

    async def test_twice_says_how_the_stream_ended(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)

        first = await client.cancel(stream.stream).finish()
        second = await client.cancel(stream.stream).finish()
        await stream.finish()

        assert (first.status, second.status) == (202, 200)
        assert second.json["status"] == "cancelled"
        assert stream.types.count("error") == 1

    async def test_after_the_end_changes_nothing(self, client: Client) -> None:
        stream = await client.open().finish()

        late = await client.cancel(stream.stream).finish()

        assert (late.status, late.json["status"]) == (200, "completed")
        assert (await client.observe())["streams"][0]["cancel"] is None

    async def test_of_a_failed_stream_says_so(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = respond(status=500)
        stream = await client.open().finish()

        late = await client.cancel(stream.stream).finish()

        assert (late.status, late.json) == (
            200,
            {"id": stream.stream, "status": "failed"},
        )

    async def test_counts_in_the_drain(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        drain = asyncio.ensure_future(client.runs.drain())
        await asyncio.sleep(1)

        answer = await client.cancel(stream.stream).finish()
        await drain

        assert (answer.status, answer.json["status"]) == (202, "cancelled")
        assert asyncio.get_running_loop().time() == pytest.approx(1)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH"])
    async def test_is_the_only_thing_that_can_be_done_to_a_stream(
        self, client: Client, method: str
    ) -> None:
        stream = await client.open().finish()

        refused = await client.request(
            method, f"{PATH}/{stream.stream}", headers=bearer()
        ).finish()

        assert refused.status == 405
        assert refused.headers["allow"] == "DELETE"

    @pytest.mark.parametrize(
        ("accept", "status"),
        [
            *(("*/*", 200), ("application/*", 200)),
            *(("text/html", 406), ("text/event-stream", 406)),
        ],
    )
    async def test_is_answered_in_json(
        self, client: Client, accept: str, status: int
    ) -> None:
        stream = await client.open().finish()

        answer = await client.request(
            "DELETE",
            f"{PATH}/{stream.stream}",
            headers={**bearer(), "accept": accept},
        ).finish()

        assert answer.status == status

    async def test_of_a_foreign_stream_finds_nothing(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)

        foreign = await client.cancel(stream.stream, user="bob").finish()
        unknown = await client.cancel("nothing").finish()

        assert (foreign.status, unknown.status) == (404, 404)
        assert foreign.body == unknown.body
        assert model.calls[0].left_at is None

    async def test_finds_its_event_in_the_log_when_nothing_was_reading(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        stream = client.open()
        await stream.wait_events(2)
        stream.leave()
        await asyncio.sleep(6)

        rest = await client.resume(f"{stream.stream}-2").finish()

        assert rest.types == ["error"]
        assert rest.events[0].data["delta"]["code"] == "CANCELLED"
