"""A response through its profile: events, heartbeats, its end, where they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.checks import situations
from tests.conformance.checks.situations import evidence, silence
from tests.conformance.checks.timelines import (
    RICH,
    RUN,
    body,
    ended_by,
    event,
    resumed,
    run,
    token,
    with_headers,
)

from streamproof.conformance.evidence import streams as module
from streamproof.conformance.evidence.streams import (
    answer,
    is_event_stream,
    read,
    streams,
    the_stream,
)
from streamproof.conformance.evidence.untestable import Untestable
from streamproof.conformance.model import Evidence
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import EventMatch, Terminal
from streamproof.conformance.profiles.typed import Outcome
from streamproof.conformance.wire import EndingKind

MARK = b"data: [DONE]\n\n"


def ending(**values: object) -> Profile:
    return RICH.model_copy(update={"terminal": Terminal.model_validate(values)})


def test_events_heartbeats_and_marks_are_kept_apart() -> None:
    profile = ending(form="sentinel", sentinel="[DONE]")
    frames = (event(1, "start"), b": hb\n\n", b"retry: 5\n\n", token(2), MARK)

    stream = read(body("stream", *frames), profile)

    assert [e.type for e in stream.events] == ["start", "token"]
    assert len(stream.heartbeats) == 1
    assert [mark.item.data for mark in stream.sentinels] == ["[DONE]"]
    assert [stream.token_text(e) for e in stream.tokens()] == ["amber "]
    assert stream.of_type("start")[0].at == pytest.approx(100.02)


def test_without_a_declared_token_there_is_no_text() -> None:
    steering = RICH.steering.model_copy(update={"mode": "none", "token": None})
    stream = read(run(), RICH.model_copy(update={"steering": steering}))

    assert stream.tokens() == ()
    assert stream.token_text(stream.events[1]) == ""


def test_a_token_without_text_has_empty_text() -> None:
    stream = read(body("stream", event(1, "token", text=7)), RICH)

    assert stream.token_text(stream.events[0]) == ""


SUCCESS = (EventMatch(type="done"),)


@pytest.mark.parametrize(
    ("profile", "frames", "end", "outcome"),
    [
        (RICH, [event(1, "done")], 1, Outcome.SUCCESS),
        (RICH, [event(1, "error")], 1, Outcome.ERROR),
        (RICH, [event(1, "start")], None, None),
        (
            ending(form="eof-after-state", success=SUCCESS),
            [event(1, "done")],
            1,
            "success",
        ),
        (ending(form="sentinel", sentinel="[DONE]"), [token(1), MARK], 2, "success"),
        (ending(form="sentinel", sentinel="[DONE]"), [token(1)], None, None),
        (
            ending(
                form="sentinel", sentinel="[DONE]", error=(EventMatch(type="error"),)
            ),
            [event(1, "error"), MARK],
            2,
            "error",
        ),
        (
            ending(form="event-then-sentinel", sentinel="[DONE]", success=SUCCESS),
            [event(1, "done"), MARK],
            2,
            "success",
        ),
        (ending(form="eof"), [token(1)], 1, "success"),
    ],
)
def test_each_form_of_ending_is_read(
    profile: Profile, frames: list[bytes], end: int | None, outcome: str | None
) -> None:
    stream = read(body("stream", *frames), profile)

    assert stream.outcome == outcome
    assert (stream.terminal_at is None) is (end is None)
    expected = None if end is None else sum(len(frame) for frame in frames[:end])
    assert stream.terminal_end == expected


def test_a_body_that_broke_off_is_no_end() -> None:
    broken = ended_by(run(), EndingKind.PREMATURE_EOF)
    stream = read(broken, ending(form="eof"))

    assert stream.outcome is None
    assert stream.terminal_end is None


@pytest.mark.parametrize(
    ("kind", "is_to_end"),
    [
        (EndingKind.CLEAN, True),
        (EndingKind.PREMATURE_EOF, True),
        (EndingKind.RESET, True),
        (EndingKind.CLOSED_BY_US, False),
        (EndingKind.DEADLINE, False),
        (EndingKind.LIMIT, False),
    ],
)
def test_only_the_target_ends_a_response(kind: EndingKind, *, is_to_end: bool) -> None:
    assert read(ended_by(run(), kind), RICH).is_read_to_end is is_to_end


def test_a_resume_is_known_by_its_request() -> None:
    odd = resumed()
    request = replace(odd.request, headers=(("last-event-id", "x"),))

    assert read(run(), RICH).resumed_after is None
    assert read(resumed(), RICH).resumed_after == f"{RUN}-2"
    assert read(replace(odd, request=request), RICH).resumed_after == "x"


def test_findings_carry_exchange_offset_and_time() -> None:
    stream = read(run(), RICH)

    found = stream.find("x", "y", event=stream.events[1], timed=True)
    plain = stream.find("x", "y", offset=7, at=101.0)

    assert (found.exchange, found.offset) == ("stream", len(event(1, "start")))
    assert found.at_s == pytest.approx(0.03)
    assert found.timed
    assert (plain.offset, plain.at_s) == (7, 1.0)
    assert stream.find("x", "y").at_s is None


@pytest.mark.parametrize(
    ("content_type", "status", "is_one"),
    [
        ("text/event-stream", 200, True),
        ("TEXT/Event-Stream ; charset=utf-8", 200, True),
        ("text/event-stream;", 200, True),
        ("text/event-streams", 200, False),
        (None, 200, False),
        ("text/event-stream", 206, False),
    ],
)
def test_an_event_stream_is_known_by_status_and_essence(
    content_type: str | None, status: int, *, is_one: bool
) -> None:
    exchange = with_headers(run(), Content_Type=content_type)

    assert is_event_stream(replace(exchange.transcript, status=status)) is is_one


REFUSED: Evidence = evidence(
    situations.answer("stream", 500), silence("other", EndingKind.RESET)
)


def test_evidence_without_a_stream_says_what_came_instead() -> None:
    with pytest.raises(Untestable, match=r"stream: 500 application/json; other: no re"):
        streams(REFUSED, RICH)
    with pytest.raises(Untestable, match="no request was made"):
        streams(evidence(), RICH)
    with pytest.raises(Untestable, match="expected an event stream, got 500"):
        the_stream(REFUSED, "stream", RICH)
    with pytest.raises(Untestable, match="no exchange 'elsewhere'"):
        the_stream(REFUSED, "elsewhere", RICH)


def test_only_event_streams_are_read() -> None:
    given = evidence(run(), situations.answer("cancel", 202))

    assert [stream.label for stream in streams(given, RICH)] == ["stream"]
    assert the_stream(given, "stream", RICH).label == "stream"


def test_an_answer_is_worded() -> None:
    reset = ended_by(silence("x", EndingKind.RESET), EndingKind.PREMATURE_EOF)
    detailed = replace(reset.transcript.ending, detail="by peer")
    told = replace(reset.transcript, ending=detailed)
    untyped = with_headers(run(), Content_Type=None).transcript

    assert answer(reset.transcript) == "no response, premature eof"
    assert answer(told) == "no response, premature eof (by peer)"
    assert answer(untyped) == "200 without type"


def test_a_response_is_read_once_per_profile() -> None:
    exchange = run()
    other = ending(form="eof")

    assert read(exchange, RICH) is read(exchange, RICH)
    assert read(exchange, other) is not read(exchange, RICH)
    assert read(exchange, other).profile is other


def test_what_was_read_is_kept_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_READ", 3)
    monkeypatch.setattr(module, "_READ", {})

    kept = [run() for _ in range(5)]
    for exchange in kept:
        read(exchange, RICH)

    assert len(module._READ) == 2
