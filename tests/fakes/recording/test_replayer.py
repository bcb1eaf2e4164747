"""`recording.replayer`: who gets which recording, and what is on the record."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes.calls.call import Outcome
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.http1 import Request
from streamproof.fakes.recording import Recordings, Replayer, load_recordings
from streamproof.fakes.recording.cassette import Asked, End, Read, Recording
from streamproof.fakes.recording.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from streamproof.fakes.recording.matching import Kind

CHAT = "/v1/chat/completions"


def answer(text: str, *, kind: str = "application/json") -> bytes:
    fields = f"content-type: {kind}\r\ncontent-length: {len(text)}\r\n"
    return f"HTTP/1.1 200 OK\r\n{fields}\r\n{text}".encode()


def recordings(
    folder: Path,
    *said: tuple[str, object, bytes],
    speed: float = 0.0,
    headers: tuple[tuple[str, str], ...] = (),
) -> Recordings:
    """Make recordings of target, body and answer."""
    path = folder / "c.jsonl"
    with Tape.create(path, "https://api.openai.com") as tape:
        for call, (target, body, response) in enumerate(said, start=1):
            asked = Asked(
                method="POST",
                target=target,
                headers=headers,
                body=json.dumps(body).encode(),
            )
            tape.write(
                Recording(
                    call=call,
                    asked=asked,
                    reads=(Read(10.0, response),),
                    end=End.COMPLETE,
                    end_ms=10.0,
                )
            )
    return load_recordings([path], speed=speed)


def request_of(
    body: object, path: str, version: str, headers: Mapping[str, str]
) -> Request:
    return Request(
        method="POST",
        path=path,
        query={},
        headers=headers,
        body=json.dumps(body).encode(),
        http_version=version,
        keep_alive=True,
    )


class Stage:
    """A replayer between a journal and virtual time."""

    def __init__(self, told: Recordings) -> None:
        self.journal = Journal()
        self.timers = VirtualTimers()
        self.replayer = Replayer(told, timers=self.timers)
        self.asked: Counter[Kind] = Counter()

    def ask(
        self, body: object, path: str = CHAT, version: str = "1.1", **headers: str
    ) -> VirtualLink:
        link = VirtualLink()
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        request = request_of(body, path, version, told)
        self.replayer.handle(request, link, self.journal, self.asked)
        return link


def body_of(link: VirtualLink) -> Any:  # noqa: ANN401 -- JSON of any provider
    return json.loads(link.data.partition(b"\r\n\r\n")[2])


def test_the_nth_request_gets_the_nth_answer(tmp_path: Path) -> None:
    stage = Stage(
        recordings(
            tmp_path,
            (CHAT, {"a": 1}, answer("first")),
            (CHAT, {"a": 2}, answer("other")),
            (CHAT, {"a": 1}, answer("second")),
        )
    )
    said = [stage.ask({"a": 1}).data[-6:] for _ in range(3)]

    assert said == [b"\nfirst", b"second", b"second"]


def test_a_replay_runs_at_the_speed_of_the_recordings(tmp_path: Path) -> None:
    stage = Stage(recordings(tmp_path, (CHAT, {}, answer("x")), speed=2))
    link = stage.ask({})
    stage.timers.advance(4.9)
    assert link.data == b""
    stage.timers.advance(0.2)

    assert link.data == answer("x")


def test_a_call_is_on_the_record_with_provider_key_and_kind(tmp_path: Path) -> None:
    stream = answer("data: x\n\n", kind="text/event-stream")
    stage = Stage(
        recordings(
            tmp_path,
            (CHAT, {}, answer("x")),
            ("/v1/messages", {}, stream),
            ("/v1/images", {}, answer("x")),
        )
    )
    stage.ask({}, x_fakes_key="mine")
    stage.ask({}, "/v1/messages")
    stage.ask({}, "/v1/images")

    assert [
        (call.key, call.provider, call.model, call.stream, call.status, call.outcome)
        for call in stage.journal.calls()
    ] == [
        ("mine", "openai_chat", None, False, 200, Outcome.COMPLETED),
        (None, "anthropic", None, True, 200, Outcome.COMPLETED),
        (None, "recorded", None, False, 200, Outcome.COMPLETED),
    ]


def test_what_was_not_recorded_is_a_404_that_names_the_nearest(tmp_path: Path) -> None:
    told = recordings(
        tmp_path,
        (CHAT, {"model": "m", "n": 1}, answer("x")),
        ("/v1/messages", {"model": "m"}, answer("x")),
    )
    stage = Stage(told)
    link = stage.ask({"model": "m", "n": 2})

    assert link.data.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert body_of(link)["error"]["message"] == (
        f"no recording of POST {CHAT} with this query and body; the nearest is "
        f"{tmp_path / 'c.jsonl'}:2, which differs in body.n: expected 1, got 2"
    )
    (call,) = stage.journal.calls()
    assert (call.outcome, call.status) == (Outcome.REFUSED, 404)
    assert call.refusal is not None
    assert call.refusal.startswith("no recording of ")


def test_a_refusal_has_the_shape_of_its_provider(tmp_path: Path) -> None:
    stage = Stage(recordings(tmp_path))

    assert body_of(stage.ask({}, "/api/chat")) == {
        "error": "no recording of POST /api/chat with this query and body; there are "
        "no recordings"
    }
    assert body_of(stage.ask({}, "/v1/messages"))["type"] == "error"


def test_a_secret_that_was_named_when_it_was_recorded_is_one_in_the_replay(
    tmp_path: Path,
) -> None:
    told = recordings(
        tmp_path,
        (CHAT, {"note": "the REDACTED is here"}, answer("x")),
        headers=(("X-Mine", "REDACTED"), ("user-agent", "me")),
    )
    stage = Stage(told)

    for secret in ("first-secret", "other-secret"):
        link = stage.ask({"note": f"the {secret} is here"}, x_mine=secret)
        assert link.data == answer("x")
    # What is no secret has to be the same.
    link = stage.ask({"note": "the user-agent-9 is here"}, user_agent="user-agent-9")
    assert link.data.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("key", ["", "a b", "x" * 65])
def test_a_key_that_is_none_is_refused(tmp_path: Path, key: str) -> None:
    stage = Stage(recordings(tmp_path, (CHAT, {}, answer("x"))))
    link = stage.ask({}, x_fakes_key=key)

    assert link.data.startswith(b"HTTP/1.1 400 ")
    assert "x-fakes-key: expected 1 to 64 of" in body_of(link)["error"]["message"]
    # It did not count as the first request of its kind.
    assert stage.ask({}).data.endswith(b"x")


def test_an_older_client_is_refused(tmp_path: Path) -> None:
    stage = Stage(recordings(tmp_path, (CHAT, {}, answer("x"))))

    assert stage.ask({}, version="1.0").data.startswith(b"HTTP/1.1 505 ")
