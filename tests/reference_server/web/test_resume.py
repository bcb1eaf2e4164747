"""Resuming: `Last-Event-ID` on the endpoint of a dialect."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import (
    DONE,
    Body,
    Call,
    ScriptedModel,
    chunk,
    play,
    stalled,
)


class TestResume:
    """A resumed response is the rest of the stream, or a clear refusal."""

    async def test_at_every_event_of_a_finished_stream_gives_the_same_bytes(
        self, client: Client
    ) -> None:
        whole = await client.open().finish()
        plain = whole.body.removeprefix(b"retry: 1000\n")

        for cut in range(1, 56):
            rest = await client.resume(f"{whole.stream}-{cut}").finish()

            head = b"".join(e.block for e in whole.events[:cut])
            assert rest.events[0].block.startswith(b"retry: 1000\n")
            joined = head + rest.body.removeprefix(b"retry: 1000\n")
            assert joined.removeprefix(b"retry: 1000\n") == plain
            assert rest.is_complete

    async def test_while_the_model_speaks_loses_and_doubles_nothing(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def steady(_call: Call) -> Body:
            for _ in range(4):
                await asyncio.sleep(0.01)
                yield chunk("x")
            yield chunk(finish="stop") + DONE

        model.answer = steady
        exchange = client.open()
        await exchange.wait_events(1)
        stream, ids = exchange.stream, []
        while not exchange.is_complete:
            await exchange.wait(lambda e: e.is_complete or len(e.events) >= 3)
            ids += [event.id for event in exchange.events]
            if not exchange.is_complete:
                exchange.leave()
                exchange = client.resume(str(ids[-1]))

        assert ids == [f"{stream}-{n}" for n in range(1, 14 * 6 + 1)]
        assert len(model.calls) == 14

    async def test_after_the_terminal_event_there_is_nothing(
        self, client: Client
    ) -> None:
        stream = await client.open().finish()

        rest = await client.resume(f"{stream.stream}-56").finish()

        assert (rest.status, rest.body) == (204, b"")

    async def test_at_the_newest_event_of_a_running_stream_waits(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        first = client.open()
        await first.wait_events(2)

        second = client.resume(f"{first.stream}-2")
        await second.wait(lambda exchange: exchange.heartbeats)

        assert second.status == 200
        assert not second.events

    @pytest.mark.parametrize(
        "value",
        [
            *("", "abc", "-1", "9e99", "é-1", "a b-1", "x" * 10_000, "' OR 1=1 --"),
            *("stream1-", "stream1-0", "stream1-01", "stream1--1", "stream1-x"),
            *("stream1-57", "stream1-999999999999999999", "stream1-9" + "9" * 30),
            "stream1-1 ",
        ],
    )
    async def test_with_a_malformed_or_future_id_is_refused(
        self, client: Client, value: str
    ) -> None:
        await client.open().finish()

        refused = await client.resume(value).finish()

        assert refused.status == 400
        assert refused.json["error"]["code"] == "INVALID_LAST_EVENT_ID"

    async def test_with_two_ids_is_refused(self, client: Client) -> None:
        stream = await client.open().finish()
        last_event_id = f"{stream.stream}-1"

        # Written in two ways, so that the dictionary holds both fields.
        refused = await client.resume(
            last_event_id, headers={"Last-Event-ID": last_event_id}
        ).finish()

        assert refused.status == 400
        assert refused.json["error"]["code"] == "INVALID_LAST_EVENT_ID"

    async def test_unknown_foreign_and_expired_streams_look_the_same(
        self, client: Client
    ) -> None:
        stream = await client.open().finish()

        unknown = await client.resume("nothing-1").finish()
        foreign = await client.resume(f"{stream.stream}-1", user="bob").finish()
        foreign_future = await client.resume(f"{stream.stream}-99", "bob").finish()
        await asyncio.sleep(300)
        expired = await client.resume(f"{stream.stream}-1").finish()

        assert unknown.status == 404
        assert unknown.json["error"]["code"] == "STREAM_NOT_FOUND"
        for other in (foreign, foreign_future, expired):
            assert (other.status, other.body) == (404, unknown.body)

    async def test_of_events_that_are_gone_is_refused(self, client: Client) -> None:
        await client.restart(log_max_events=10)
        stream = await client.open().finish()

        gone = await client.resume(f"{stream.stream}-45").finish()
        kept = await client.resume(f"{stream.stream}-46").finish()

        assert gone.status == 410
        assert gone.json["error"]["code"] == "RESUME_WINDOW_EXCEEDED"
        assert len(kept.events) == 10

    async def test_takes_the_stream_over_from_an_older_reader(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = stalled
        older = client.open()
        await older.wait_events(2)

        newer = client.resume(f"{older.stream}-1")
        await older.finish()
        await newer.wait_events(1)

        assert older.is_complete
        assert older.types == ["node-enter", "token-stream"]
        assert newer.events[0].id == f"{older.stream}-2"
        await asyncio.sleep(60)
        observed = await client.observe()
        assert observed["streams"][0]["state"] == "running"
        assert observed["streams"][0]["reader"] is True

    async def test_looks_at_nothing_but_the_credential_and_the_cursor(
        self, client: Client
    ) -> None:
        stream = await client.open().finish()
        headers = {
            "accept": "text/html",
            "content-type": "text/plain",
            "content-encoding": "gzip",
            "content-length": "99999999",
        }

        rest = await client.resume(f"{stream.stream}-50", headers=headers).finish()

        assert (rest.status, len(rest.events)) == (200, 6)

    async def test_is_served_in_the_drain(
        self, client: Client, model: ScriptedModel
    ) -> None:
        ended = await client.open().finish()
        model.answer = stalled
        running = client.open()
        await running.wait_events(2)
        drain = asyncio.ensure_future(client.runs.drain())
        await asyncio.sleep(1)

        rest = await client.resume(f"{ended.stream}-50").finish()
        again = client.resume(f"{running.stream}-1")
        await drain
        await again.finish()

        assert (rest.status, again.status) == (200, 200)
        assert again.types == ["token-stream", "error"]

    async def test_is_refused_for_the_first_thing_wrong(self, client: Client) -> None:
        await client.restart(log_max_events=10)
        stream = (await client.open().finish()).stream

        answers = [
            client.request("PUT", headers={"last-event-id": "x"}),
            client.request("PUT", headers={**bearer(), "last-event-id": "x"}),
            client.resume("x", user="bob"),
            client.resume(f"{stream}-99", user="bob"),
            client.resume(f"{stream}-99"),
            client.resume(f"{stream}-56"),
            client.resume(f"{stream}-1"),
            client.resume(f"{stream}-50"),
        ]

        statuses = [(await answer.finish()).status for answer in answers]
        assert statuses == [401, 405, 400, 404, 400, 204, 410, 200]

    async def test_takes_no_slot(self, client: Client, model: ScriptedModel) -> None:
        model.answer = stalled
        streams = [client.open() for _ in range(3)]
        for stream in streams:
            await stream.wait_events(2)

        resumed = client.resume(f"{streams[0].stream}-1")
        await resumed.wait_events(1)

        assert resumed.status == 200
        assert (await client.observe())["slots"] == {"ada": 3}

    async def test_ignores_a_body(self, client: Client, model: ScriptedModel) -> None:
        whole = await client.open().finish()
        rest = await client.resume(f"{whole.stream}-50", body=b"{not json").finish()

        assert len(rest.events) == 6
        assert len(model.calls) == 14
