"""Streams of the whole application: start, heartbeat, resume, leave, cancel, end."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from tests.reference_server.asgi import PATH, Client, bearer
from tests.reference_server.model import (
    DONE,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    play,
    respond,
)

NODES = [
    *("intake", "objective-map", "source-retrieval", "blueprint", "vignette-gen"),
    *("stem-gen", "answer-key-gen", "distractor-gen", "rationale-gen", "bias-check"),
    *("fact-check", "difficulty-estimate", "format-check", "assemble"),
]


@play
async def stalled(_call: Call) -> Body:
    """One token, then silence."""
    yield chunk("one ")
    await forever()


async def test_a_run_goes_through_all_nodes_in_order(client: Client) -> None:
    stream = await client.open().finish()

    assert stream.status == 200
    assert stream.types == [
        *["node-enter", "token-stream", "token-stream", "node-complete"] * 14
    ]
    assert [e.data["node"] for e in stream.events[::4]] == NODES
    assert stream.is_complete


async def test_ids_count_from_one_and_every_block_is_a_state_delta(
    client: Client,
) -> None:
    stream = await client.open().finish()

    ids = [event.id for event in stream.events]
    assert ids == [f"{stream.stream}-{n}" for n in range(1, 57)]
    assert {event.field("event") for event in stream.events} == {"state_delta"}


async def test_progress_names_the_node_and_has_no_time_left_at_the_end(
    client: Client,
) -> None:
    stream = await client.open().finish()

    for event in stream.events:
        progress = event.data["progress"]
        assert progress["node"] == event.data["node"]
        assert progress["step"] == NODES.index(event.data["node"]) + 1
        assert progress["total"] == 14
    assert stream.events[0].data["progress"]["etaMs"] > 0
    assert stream.events[-1].data["progress"]["etaMs"] == 0


async def test_a_node_completes_with_the_joined_text_of_its_tokens(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("a\r\n", " ", "\u2028ü", "💥"))

    stream = await client.open().finish()

    assert stream.events[5].data["delta"] == {
        "status": "complete",
        "output": "a\r\n \u2028ü💥",
    }


async def test_half_a_surrogate_pair_travels_escaped(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("\ud83d", "\udca5"))

    stream = await client.open().finish()

    assert b'"text":"\\ud83d"' in stream.events[1].block
    assert stream.events[3].data["delta"]["output"] == "💥"


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


async def test_the_first_event_is_sent_before_the_model_is_called(
    client: Client, model: ScriptedModel
) -> None:
    stream = client.open()

    await stream.wait_events(1)

    assert stream.types == ["node-enter"]
    assert not model.calls


async def test_every_node_sends_the_prompt_unchanged(
    client: Client, model: ScriptedModel
) -> None:
    prompt = '  [[fake:say text="a\\nb"]] ü\u2028\n'

    await client.open(prompt).finish()

    assert len(model.calls) == 14
    for call in model.calls:
        assert call.messages[-1] == {"role": "user", "content": prompt}
        assert call.url == "http://127.0.0.1:9000/v1/chat/completions"


async def test_later_nodes_see_what_earlier_ones_said(
    client: Client, model: ScriptedModel
) -> None:
    await client.open().finish()

    assert "one two" not in model.calls[0].messages[0]["content"]
    assert model.calls[2].messages[0]["content"].count("one two") == 2


async def test_tokens_leave_when_they_come(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        for text in "abc":
            await asyncio.sleep(1)
            yield chunk(text)
        yield chunk(finish="stop") + DONE

    model.script[1] = slow

    stream = await client.open().finish()

    assert [e.at for e in stream.events[1:4]] == pytest.approx([1, 2, 3])


async def test_tokens_in_one_packet_are_events_of_their_own(
    client: Client, model: ScriptedModel
) -> None:
    model.script[1] = respond(b"".join(answer("a", "b", "c")))

    stream = await client.open().finish()

    assert [e.data["delta"].get("text") for e in stream.events[1:4]] == ["a", "b", "c"]


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
        client.restart(log_max_events=10)
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
        client.restart(resume_grace_s=0)
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
        client.restart(streams_per_user=100)
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


async def hold_headers(_call: Call) -> httpx.Response:
    await forever()
    raise AssertionError


@play
async def hold_first_token(_call: Call) -> Body:
    yield chunk("")
    await forever()


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
        run = client.runs.start("ada", "hello")
        run.cancel("explicit")  # type: ignore[arg-type]  # a StrEnum
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

    async def test_finds_its_event_in_the_log_when_nobody_was_reading(
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


class TestUpstreamFailure:
    """A failure of the model is a terminal event."""

    @pytest.mark.parametrize(
        ("answer_with", "code", "tokens"),
        [
            pytest.param(respond(status=500), "UPSTREAM_ERROR", 0, id="500"),
            pytest.param(respond(status=400), "UPSTREAM_ERROR", 0, id="400"),
            pytest.param(respond(status=429), "UPSTREAM_RATE_LIMITED", 0, id="429"),
            pytest.param(respond(status=503), "UPSTREAM_ERROR", 0, id="503"),
            pytest.param(respond(status=529), "UPSTREAM_ERROR", 0, id="529"),
            pytest.param(
                respond(chunk("a"), chunk("b")), "UPSTREAM_ERROR", 2, id="cut off"
            ),
            pytest.param(
                respond(chunk("a"), DONE), "UPSTREAM_ERROR", 1, id="no finish reason"
            ),
            pytest.param(
                respond(chunk("a"), chunk(finish="stop")),
                "UPSTREAM_ERROR",
                1,
                id="no terminator",
            ),
            pytest.param(
                respond(chunk("a"), b'data: {"error": {"message": "SECRET"}}\n\n'),
                "UPSTREAM_ERROR",
                1,
                id="error object",
            ),
            pytest.param(
                respond(chunk("a"), b"data: {SECRET\n\n"),
                "UPSTREAM_ERROR",
                1,
                id="JSON",
            ),
            pytest.param(
                respond(b"<html>SECRET</html>", content_type="text/html"),
                "UPSTREAM_ERROR",
                0,
                id="no event stream",
            ),
        ],
    )
    async def test_ends_the_stream_with_one_terminal_error(
        self,
        client: Client,
        model: ScriptedModel,
        answer_with: object,
        code: str,
        tokens: int,
    ) -> None:
        model.answer = answer_with  # type: ignore[assignment]  # parametrised

        stream = await client.open().finish()

        assert stream.types == ["node-enter", *["token-stream"] * tokens, "error"]
        error = stream.events[-1].data
        assert error["delta"]["code"] == code
        assert error["progress"]["etaMs"] == 0
        assert b"SECRET" not in stream.body
        assert b"127.0.0.1" not in stream.body
        assert stream.is_complete
        assert (await client.observe())["slots"] == {}

    async def test_of_the_connection_is_never_tried_again_after_tokens(
        self, client: Client, model: ScriptedModel
    ) -> None:
        @play
        async def dropped(_call: Call) -> Body:
            yield chunk("a")
            raise httpx.ReadError("SECRET http://10.0.0.1")

        model.answer = dropped

        stream = await client.open().finish()

        assert stream.types == ["node-enter", "token-stream", "error"]
        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_ERROR"
        assert b"SECRET" not in stream.body
        assert len(model.calls) == 1

    async def test_is_tried_again_while_the_model_is_overloaded(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.script = {1: respond(status=429, retry_after="2"), 2: respond(status=529)}

        stream = await client.open().finish()

        assert len(stream.events) == 56
        assert [c.started_at for c in model.calls[:3]] == pytest.approx([0, 2, 3.25])
        assert len(model.calls) == 16

    async def test_is_reported_at_once_when_the_model_asks_for_too_much_patience(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.answer = respond(status=429, retry_after="31")

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_RATE_LIMITED"
        assert stream.events[-1].at == pytest.approx(0)

    async def test_by_silence_before_the_first_token_is_a_timeout(
        self, client: Client, model: ScriptedModel
    ) -> None:
        client.restart(upstream_first_token_timeout_s=2)
        model.answer = hold_first_token

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"] == {
            "status": "error",
            "code": "UPSTREAM_TIMEOUT",
            "message": "the language model took too long to answer",
            "retryable": True,
        }
        assert stream.events[-1].at == pytest.approx(2)
        assert model.calls[0].left_at == pytest.approx(2)

    async def test_by_silence_after_tokens_is_a_timeout_of_the_whole_call(
        self, client: Client, model: ScriptedModel
    ) -> None:
        client.restart(upstream_first_token_timeout_s=2)
        model.answer = stalled

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_TIMEOUT"
        assert stream.events[-1].at == pytest.approx(60)

    async def test_of_our_own_making_is_an_internal_error(
        self,
        client: Client,
        model: ScriptedModel,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        async def explode(_call: Call) -> httpx.Response:
            raise ZeroDivisionError("SECRET")

        model.answer = explode

        stream = await client.open().finish()

        assert stream.events[-1].data["delta"] == {
            "status": "error",
            "code": "INTERNAL_ERROR",
            "message": "an internal error ended the run",
            "retryable": False,
        }
        assert b"SECRET" not in stream.body
        assert "ZeroDivisionError" in caplog.text

    async def test_in_a_later_node_keeps_everything_before_it(
        self, client: Client, model: ScriptedModel
    ) -> None:
        model.script[3] = respond(chunk("x"), status=500)

        stream = await client.open().finish()

        assert len(stream.events) == 2 * 4 + 2
        assert stream.events[-1].data["node"] == "source-retrieval"


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
        client.restart(max_streams=2)
        model.answer = stalled
        streams = [client.open(user=f"user{n}") for n in range(3)]
        await asyncio.sleep(1)

        assert [s.status for s in streams] == [200, 200, 503]
        assert streams[2].json["error"]["code"] == "SERVER_BUSY"
        assert int(streams[2].headers["retry-after"]) >= 1


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
        client.restart(log_max_events=10)
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


class TestRetention:
    """Ended streams are kept for a while."""

    async def test_of_ended_streams_is_bounded_in_bytes(self, client: Client) -> None:
        client.restart(retained_max_bytes=30_000)
        for _ in range(10):
            await client.open().finish()

        streams = (await client.observe())["streams"]

        assert [s["id"] for s in streams] == ["stream9", "stream10"]


async def test_a_prompt_that_echoes_frames_forges_nothing(
    client: Client, model: ScriptedModel
) -> None:
    evil = "x\n\nevent: admin\ndata: y\r\rid: 7\n"
    model.answer = respond(*answer(evil))

    stream = await client.open(evil).finish()

    assert len(stream.events) == 14 * 3
    assert {e.field("event") for e in stream.events} == {"state_delta"}
    assert json.loads(str(stream.events[1].field("data")))["delta"]["text"] == evil
