"""The seam of the dialects: another one, served beside the first by a parameter."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.reference_server.asgi import EPOCH, Client, Exchange, bearer
from tests.reference_server.model import (
    DONE,
    ScriptedModel,
    answer,
    chunk,
    respond,
    stalled,
)
from tests.reference_server.toy import PATH, saver, toy

from streamproof.reference_server.dialects import DIALECTS
from streamproof.reference_server.refusals import SettingsError
from streamproof.reference_server.store.database import StoreError
from streamproof.reference_server.streams.failure import CancelCause
from streamproof.reference_server.streams.run import RunState

README = Path(__file__).parents[2] / "reference_server" / "README.md"
SONG = f"{PATH}?theme=rain"


@pytest.fixture
async def both(model: ScriptedModel) -> AsyncIterator[Client]:
    async with Client(model, [*DIALECTS, toy()]) as client:
        yield client


def sing(client: Client, path: str = SONG, user: str = "ada") -> Exchange:
    return client.request("GET", path, headers=bearer(user))


def said(exchange: Exchange) -> list[dict[str, object]]:
    return [json.loads(event.field("data") or "") for event in exchange.events]


async def test_a_second_dialect_is_served_beside_the_first(
    both: Client, model: ScriptedModel
) -> None:
    song = await sing(both).finish()
    other = await both.open().finish()

    assert song.body == (
        b'retry: 1000\nid: stream1-1\ndata: {"sung": "one "}\n\n'
        b'id: stream1-2\ndata: {"sung": "two"}\n\n'
        b'id: stream1-3\ndata: {"done": true}\n\n'
    )
    assert len(other.events) == 56
    streams = (await both.observe())["streams"]
    assert [s["dialect"] for s in streams] == ["toy", "pipeline"]


async def test_the_dialect_that_the_readme_writes_is_a_working_one(
    model: ScriptedModel,
) -> None:
    source = README.read_text("utf-8").partition("```python\n")[2].partition("```")[0]
    module: dict[str, Any] = {"__name__": "echo"}
    source = source.replace("from ...", "from streamproof.reference_server.")
    exec(compile(source, README, "exec", dont_inherit=True), module)  # noqa: S102 -- ours
    async with Client(model, [module["create_echo"]]) as client:
        model.script[2] = respond(status=400)
        headers = {**bearer(), "content-type": "application/json"}

        streams = [
            await client.request(
                path="/echo", headers=headers, body=b'{"text": "hello"}'
            ).finish()
            for _ in range(2)
        ]

    assert streams[0].types == ["hello", "word", "word", "bye"]
    assert streams[1].types == ["hello", "error"]
    assert streams[1].events[1].data["code"] == "REFUSED"


async def test_the_parameters_of_a_get_are_its_query(
    both: Client, model: ScriptedModel
) -> None:
    await sing(both, f"{PATH}?theme=%C3%BC%20b&verse=2&more=1").finish()

    assert model.calls[0].messages == [{"role": "user", "content": "ü b"}]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "theme"),
        ("?theme=", "theme"),
        ("?theme=" + "x" * 21, "theme"),
        ("?theme=a&verse=0", "verse"),
        ("?theme=a&verse=one", "verse"),
        ("?theme=a&verse=1.5", "verse"),
        ("?theme=a&verse=", "verse"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_an_invalid_query_is_answered_with_the_field(
    both: Client, model: ScriptedModel, method: str, query: str, field: str
) -> None:
    refused = await both.request(method, PATH + query, headers=bearer()).finish()

    assert refused.status == 422
    assert refused.json["error"]["code"] == "VALIDATION_ERROR"
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]
    assert not model.calls


async def test_a_head_of_a_get_stream_starts_nothing(
    both: Client, model: ScriptedModel
) -> None:
    await both.restart(max_streams=1)
    held = both.open("hello", "bob")
    await held.wait_events(1)

    head = await both.request("HEAD", SONG, headers=bearer()).finish()
    stream = await held.finish()

    assert (head.status, head.body, head.is_complete) == (200, b"", True)
    expected = {k: v for k, v in stream.headers.items() if k != "x-stream-id"}
    assert head.headers == expected
    assert [s["dialect"] for s in (await both.observe())["streams"]] == ["pipeline"]


async def test_a_database_that_is_away_is_a_refusal(
    model: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    async def admit(*_: object) -> None:
        raise StoreError("sqlite:///kept.db: disk I/O error")

    async with Client(model, [toy(admit=admit)]) as client:
        refused = await sing(client).finish()

    assert (refused.status, refused.headers["retry-after"]) == (503, "5")
    assert refused.json["error"]["code"] == "STORE_UNAVAILABLE"
    assert "disk" not in refused.json["error"]["message"]
    assert "sqlite:///kept.db: disk I/O error" in caplog.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_may_not_be_asked_for_is_refused_after_what_is_wrong(
    both: Client, model: ScriptedModel, method: str
) -> None:
    await both.restart(streams_per_user=1)
    path = f"{PATH}?theme=secret"

    foreign = await both.request(method, path, headers=bearer("bob")).finish()
    wrong = await both.request(
        method, f"{path}&verse=0", headers=bearer("bob")
    ).finish()
    own = await both.request(method, path, headers=bearer("ada")).finish()

    assert (foreign.status, wrong.status, own.status) == (403, 422, 200)
    assert foreign.json["error"] == {
        "code": "FORBIDDEN",
        "message": "the song is not yours",
        "details": None,
    }


async def test_what_may_not_be_asked_for_is_refused_before_the_limits(
    both: Client, model: ScriptedModel
) -> None:
    await both.restart(streams_per_user=1)
    model.answer = stalled
    held = sing(both, user="bob")
    await held.wait_events(1)

    refused = await sing(both, f"{PATH}?theme=secret", "bob").finish()
    full = await sing(both, user="bob").finish()

    assert (refused.status, full.status) == (403, 429)


class TestCredentials:
    """Each dialect says where a token may be."""

    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_count_in_every_form_of_the_dialect(
        self, both: Client, method: str
    ) -> None:
        token = bearer()["authorization"].removeprefix("Bearer ")

        answers = [
            await both.request(method, SONG, headers=bearer()).finish(),
            await both.request(method, f"{SONG}&token={token}").finish(),
            await both.request(
                method, SONG, headers={"cookie": f"a=b; access_token={token}"}
            ).finish(),
        ]

        assert [a.status for a in answers] == [200, 200, 200]

    async def test_count_on_resume_and_cancel_as_well(self, both: Client) -> None:
        token = bearer()["authorization"].removeprefix("Bearer ")
        song = await sing(both).finish()

        rest = await both.request(
            "GET",
            f"{PATH}?token={token}",
            headers={"last-event-id": f"{song.stream}-1"},
        ).finish()
        late = await both.request(
            "DELETE", f"{PATH}/{song.stream}?token={token}"
        ).finish()

        assert (rest.status, len(rest.events)) == (200, 2)
        assert (late.status, late.json["status"]) == (200, "completed")

    @pytest.mark.parametrize(
        ("headers", "token", "status"),
        [
            pytest.param({"authorization": "Bearer bad"}, "good", 401, id="bearer"),
            pytest.param({"authorization": "Bearer"}, "good", 401, id="empty bearer"),
            pytest.param({"authorization": "Basic x"}, "good", 200, id="basic"),
            pytest.param({"authorization": "Basic x"}, "bad", 401, id="basic, bad"),
            pytest.param({"cookie": "access_token=bad"}, "good", 200, id="query"),
            pytest.param({"cookie": "access_token=good"}, "bad", 401, id="bad query"),
            pytest.param({"cookie": "access_token=good"}, "", 401, id="empty query"),
        ],
    )
    async def test_are_judged_by_the_first_form_that_is_present(
        self, both: Client, headers: dict[str, str], token: str, status: int
    ) -> None:
        good = bearer()["authorization"].removeprefix("Bearer ")
        headers = {name: v.replace("good", good) for name, v in headers.items()}
        token = token.replace("good", good)

        given = await both.request(
            "GET", f"{SONG}&token={token}", headers=headers
        ).finish()

        assert given.status == status
        if status == 401:
            challenge = given.headers["www-authenticate"]
            assert challenge == 'Bearer error="invalid_token"'

    async def test_given_twice_in_one_form_do_not_count(self, both: Client) -> None:
        token = bearer()["authorization"].removeprefix("Bearer ")

        refused = await both.request(
            "GET", f"{SONG}&token={token}&token={token}"
        ).finish()

        assert refused.status == 401

    async def test_that_are_missing_are_called_what_the_dialect_calls_them(
        self, both: Client
    ) -> None:
        here = [
            await both.request("GET", PATH).finish(),
            await both.request("PUT", PATH).finish(),
            await both.request("DELETE", f"{PATH}/x").finish(),
            await both.request("GET", f"{PATH}/no/such/path").finish(),
        ]
        elsewhere = await both.request("GET", f"{PATH}-nowhere").finish()

        for refused in here:
            assert refused.status == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.json["error"]["code"] == "WHO_ARE_YOU"
        assert elsewhere.json["error"]["code"] == "UNAUTHORIZED"
        page = (await both.request("GET", "/metrics").finish()).body.decode()
        assert 'streamproof_refusals_total{code="UNAUTHORIZED"} 5.0' in page

    async def test_in_the_query_count_nowhere_else(self, both: Client) -> None:
        token = bearer()["authorization"].removeprefix("Bearer ")

        refused = await both.request(
            path=f"/api/generation/stream?token={token}",
            headers={"content-type": "application/json"},
            body=b'{"prompt": "hello"}',
        ).finish()

        assert refused.status == 401
        assert refused.headers["www-authenticate"] == "Bearer"


async def test_what_a_dialect_serves_beside_its_streams_is_guarded_like_them(
    both: Client,
) -> None:
    token = bearer("bob")["authorization"].removeprefix("Bearer ")
    headers = {"content-type": "application/json", "cookie": f"access_token={token}"}

    def wish(body: bytes, headers: dict[str, str]) -> Exchange:
        return both.request("POST", "/toy/wishes", headers=headers, body=body)

    granted = await wish(b'{"theme": "rain"}', headers).finish()
    wrong = await wish(b"{}", headers).finish()
    unknown = await wish(b"{}", {}).finish()

    assert (granted.status, granted.json) == (200, {"user": "bob", "theme": "rain"})
    assert (wrong.status, wrong.json["error"]["code"]) == (422, "VALIDATION_ERROR")
    assert (unknown.status, unknown.json["error"]["code"]) == (401, "WHO_ARE_YOU")


async def test_a_heartbeat_may_carry_the_time(
    both: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    song = sing(both)
    await song.wait(lambda exchange: len(exchange.blocks) == 3)

    assert [b.at for b in song.blocks] == pytest.approx([0, 5, 10])
    beats = [f": it is {EPOCH + at:.0f}\n\n".encode() for at in (5, 10)]
    assert [b.block for b in song.blocks[1:]] == beats


async def test_the_grace_is_the_dialects_own(
    both: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    song = sing(both)
    await song.wait_events(1)
    song.leave()
    await asyncio.sleep(29)

    assert model.calls[0].left_at is None
    await asyncio.sleep(2)
    assert model.calls[0].left_at == pytest.approx(30)


async def test_a_setting_that_is_given_wins_over_the_dialects_own_time(
    both: Client, model: ScriptedModel
) -> None:
    await both.restart(heartbeat_s=1.0, resume_grace_s=0.0)
    model.answer = stalled
    song = sing(both)
    await song.wait(lambda exchange: len(exchange.blocks) == 3)
    song.leave()
    await song.finish()
    await asyncio.sleep(0)

    assert [b.at for b in song.blocks] == pytest.approx([0, 1, 2])
    assert model.calls[0].left_at == pytest.approx(2)


async def test_a_stream_of_another_dialect_is_not_found(
    both: Client, model: ScriptedModel
) -> None:
    song = await sing(both).finish()

    resumed = await both.resume(f"{song.stream}-1").finish()
    cancelled = await both.cancel(song.stream).finish()
    unknown = await both.cancel("nothing").finish()

    assert (resumed.status, cancelled.status) == (404, 404)
    assert resumed.body == cancelled.body == unknown.body


async def test_three_streams_of_a_user_run_over_all_dialects(
    both: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    streams = [sing(both), both.open(), sing(both), both.open(), sing(both)]
    await asyncio.sleep(1)

    assert [s.status for s in streams] == [200, 200, 200, 429, 429]
    assert (await both.observe())["slots"] == {"ada": 3}


async def test_a_limit_of_the_dialects_own_leaves_the_others_alone(
    model: ScriptedModel,
) -> None:
    model.answer = stalled
    async with Client(model, [*DIALECTS, toy(max_streams=2)]) as client:
        songs = [sing(client, user=f"user{n}") for n in range(3)]
        other = client.open()
        await asyncio.sleep(1)

        assert [s.status for s in songs] == [200, 200, 503]
        assert songs[2].json["error"]["code"] == "SERVER_BUSY"
        assert int(songs[2].headers["retry-after"]) >= 1
        assert other.status == 200

        await client.request(
            "DELETE", f"{PATH}/{songs[0].stream}", headers=bearer("user0")
        ).finish()
        next_song = sing(client, user="user3")
        await asyncio.sleep(1)
        assert next_song.status == 200


@pytest.mark.parametrize(
    ("answer_with", "sorry"),
    [
        pytest.param(respond(status=500), ("FAILED", True), id="500"),
        pytest.param(respond(status=503), ("UNAVAILABLE", True), id="503"),
        pytest.param(respond(status=429), ("RATE_LIMITED", True), id="429"),
        pytest.param(respond(status=404), ("REFUSED", False), id="404"),
        pytest.param(
            respond(chunk("a"), chunk(finish="length"), DONE),
            ("STOPPED", False),
            id="length",
        ),
        pytest.param(respond(*answer("wrong")), ("OUT_OF_TUNE", True), id="its own"),
    ],
)
async def test_a_failure_is_called_what_the_dialect_calls_it(
    both: Client, model: ScriptedModel, answer_with: object, sorry: tuple[str, bool]
) -> None:
    model.answer = answer_with  # type: ignore[assignment]  # parametrised

    song = await sing(both).finish()

    assert said(song)[-1] == {"sorry": sorry[0], "retryable": sorry[1]}
    assert song.is_complete
    observed = await both.observe()
    assert [s["state"] for s in observed["streams"]] == ["failed"]
    assert observed["slots"] == {}


class TestSaving:
    """What a dialect keeps of a run that has ended."""

    async def test_follows_every_end(self, model: ScriptedModel) -> None:
        kept: list[tuple[str, RunState]] = []
        model.script = {2: respond(status=500), 3: stalled}
        async with Client(model, [toy(save=saver(kept))]) as client:
            await sing(client).finish()
            await sing(client).finish()
            third = sing(client)
            await third.wait_events(1)
            await client.request(
                "DELETE", f"{PATH}/{third.stream}", headers=bearer()
            ).finish()
            await third.finish()

        assert kept == [
            ("one two", RunState.COMPLETED),
            ("", RunState.FAILED),
            ("one ", RunState.CANCELLED),
        ]

    async def test_is_waited_for_by_the_terminal_event_and_not_by_the_slot(
        self, model: ScriptedModel
    ) -> None:
        async def save(*_: object) -> None:
            await asyncio.sleep(4)

        async with Client(model, [toy(save=save)]) as client:
            await client.restart(streams_per_user=1)
            first = sing(client)
            await asyncio.sleep(1)
            second = sing(client)
            await asyncio.sleep(1)

            assert (first.status, second.status) == (200, 200)
            assert {"done": True} not in said(first)
            assert (await client.observe())["slots"] == {}

            await first.finish()
            assert said(first)[-1] == {"done": True}
            assert asyncio.get_running_loop().time() == 4

    async def test_is_not_waited_for_where_the_dialect_says_so(
        self, model: ScriptedModel
    ) -> None:
        saved: list[float] = []

        async def save(*_: object) -> None:
            await asyncio.sleep(4)
            saved.append(asyncio.get_running_loop().time())
            raise OSError

        async with Client(model, [toy(save=save, end_waits=False)]) as client:
            song = await sing(client).finish()
            assert said(song)[-1] == {"done": True}
            assert asyncio.get_running_loop().time() == 0

            await client.runs.drain()
            assert saved == [4]
            (observed,) = (await client.observe())["streams"]
            assert observed["state"] == "completed"

    async def test_is_waited_for_by_the_drain(self, model: ScriptedModel) -> None:
        saved: list[float] = []

        async def save(*_: object) -> None:
            await asyncio.sleep(4)
            saved.append(asyncio.get_running_loop().time())

        async with Client(model, [toy(save=save)]) as client:
            model.answer = stalled
            song = sing(client)
            await song.wait_events(1)

            await client.runs.drain()
            await song.finish()

            # The drain time of 5 s, and what the saver takes.
            assert saved == [9]
            assert said(song)[-1] == {"sorry": "SHUTDOWN", "retryable": True}

    async def test_that_never_ends_holds_the_end_up_for_a_bounded_time(
        self, model: ScriptedModel, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def save(*_: object) -> None:
            await asyncio.get_running_loop().create_future()

        async with Client(model, [toy(save=save)]) as client:
            song = await sing(client).finish()

            assert asyncio.get_running_loop().time() == 5
            assert said(song)[-1] == {"sorry": "INTERNAL", "retryable": False}
            assert f"stream {song.stream}: not saved" in caplog.text

    @pytest.mark.parametrize(
        ("behaviour", "last"),
        [
            (None, {"sorry": "INTERNAL", "retryable": False}),
            (respond(status=500), {"sorry": "FAILED", "retryable": True}),
        ],
        ids=["completed", "failed"],
    )
    async def test_that_fails_is_logged_and_lets_nothing_be_complete(
        self,
        model: ScriptedModel,
        caplog: pytest.LogCaptureFixture,
        behaviour: object,
        last: dict[str, object],
    ) -> None:
        def save(*_: object) -> None:
            raise ZeroDivisionError

        if behaviour is not None:
            model.answer = behaviour  # type: ignore[assignment]  # parametrised
        async with Client(model, [toy(save=save)]) as client:
            song = await sing(client).finish()
            observed = await client.observe()

        assert said(song)[-1] == last
        assert [each["state"] for each in observed["streams"]] == ["failed"]
        assert f"stream {song.stream}: not saved" in caplog.text
        assert "ZeroDivisionError" in caplog.text

    async def test_is_done_in_between_and_never_twice_at_once(
        self, model: ScriptedModel
    ) -> None:
        times: list[tuple[float, RunState]] = []

        async def save(_job: object, state: RunState) -> None:
            times.append((asyncio.get_running_loop().time(), state))
            await asyncio.sleep(1)

        async with Client(model, [toy(save=save, save_interval_s=2.0)]) as client:
            model.answer = stalled
            song = sing(client)
            await asyncio.sleep(5.5)
            await client.request(
                "DELETE", f"{PATH}/{song.stream}", headers=bearer()
            ).finish()
            await song.finish()

        assert times == [
            (2, RunState.RUNNING),
            (5, RunState.RUNNING),
            # Decided at 5.5 s, in the middle of the one before.
            (6, RunState.CANCELLED),
        ]

    async def test_that_fails_in_between_is_tried_again(
        self, model: ScriptedModel
    ) -> None:
        states: list[RunState] = []

        async def save(_job: object, state: RunState) -> None:
            states.append(state)
            if len(states) == 1:
                raise OSError

        async with Client(model, [toy(save=save, save_interval_s=2.0)]) as client:
            model.answer = stalled
            song = sing(client)
            await asyncio.sleep(5)
            await client.request(
                "DELETE", f"{PATH}/{song.stream}", headers=bearer()
            ).finish()
            await song.finish()

        assert states == [RunState.RUNNING, RunState.RUNNING, RunState.CANCELLED]
        assert said(song)[-1] == {"sorry": "EXPLICIT", "retryable": False}


async def test_a_run_that_ends_when_a_save_is_due_is_saved_once_more_only(
    model: ScriptedModel,
) -> None:
    states: list[RunState] = []

    async def save(_job: object, state: RunState) -> None:
        states.append(state)

    async with Client(model, [toy(save=save, save_interval_s=2.0)]) as client:
        model.answer = stalled
        song = sing(client)
        await song.wait_events(1)
        (run,) = client.runs
        loop = asyncio.get_running_loop()
        loop.call_at(2.0, run.cancel, CancelCause.EXPLICIT)
        await song.finish()
        await client.runs.drain()

    assert states in ([RunState.CANCELLED], [RunState.RUNNING, RunState.CANCELLED])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "a name of its own, got 2 with 'toy'"),
        ({"name": "other"}, f"a path of its own, got 2 with '{PATH}'"),
    ],
)
async def test_two_dialects_of_one_name_or_path_are_refused(
    model: ScriptedModel, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(SettingsError, match=message):
        await Client(model, [toy(), toy(**changes)]).__aenter__()
