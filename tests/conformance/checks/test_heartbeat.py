"""Checks of topic `heartbeat`, on silences of a made-up clock; the interval is 1 s.

The default tolerance is 500 ms, so that a heartbeat is due after at most 1.5 s.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    answer,
    assert_finding,
    assert_untestable,
    evidence,
    findings,
    ids_of,
    samples,
)
from tests.conformance.checks.timelines import (
    PIPELINE,
    RICH,
    RUN,
    body,
    call,
    ended_by,
    event,
    response,
    run,
    token,
    token_with_retry,
)

from streamproof.conformance.model import CallEvent, Evidence, Exchange, UpstreamCall
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import Heartbeat
from streamproof.conformance.wire import EndingKind

HB = b": hb\n\n"
START = (100.02, event(1, "start"))
BEATS = ((101.03, HB), (102.04, HB), (103.05, HB))


def stalled(*beats: tuple[float, bytes], ended_at: float | None = None) -> Evidence:
    """Say a token after 3.5 s of silence, with what came meanwhile."""
    tail = ((103.52, token(2)), (103.53, event(3, "done")))
    stream = response("stream", START, *beats, *tail, ended_at=ended_at)
    return evidence(stream, calls=(call(103.51),))


def paused(*beats: tuple[float, bytes]) -> Evidence:
    """Say the second token 3.5 s after the first."""
    frames = (START, (100.03, token(2)), *beats, (103.54, token(3)))
    stream = response("stream", *frames, (103.55, event(4, "done")))
    return evidence(stream, calls=(call(100.02, 103.53),))


def resumed(*beats: tuple[float, bytes]) -> Evidence:
    """Come back at once and see the pause from a resumed response."""
    first = response(
        "stream", START, (100.03, token(2)), ending=EndingKind.CLOSED_BY_US
    )
    tail = ((103.54, token_with_retry(3)), (103.55, event(4, "done")))
    second = response("resumed", *beats, *tail, after=f"{RUN}-2", key=None)
    return evidence(first, second, calls=(call(100.02, 103.53),))


def held(*beats: tuple[float, bytes], released: float = 101.1) -> Evidence:
    """Hold the model's head back until the probe saw a heartbeat, or gave up."""
    tail = ((released + 0.02, token(2)), (released + 0.03, event(3, "done")))
    late = call(released + 0.015, headers=released + 0.01)
    stream = response("stream", START, *beats, *tail)
    return replace(evidence(stream, calls=(late,)), marks={"released": released})


RIGHT = {
    "heartbeat.before-upstream-headers": held(BEATS[0]),
    "heartbeat.before-first-token": stalled(*BEATS),
    "heartbeat.mid-stream": paused(*BEATS),
    "heartbeat.after-resume": resumed(*BEATS),
}

WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "before-upstream-headers",
        held(released=103.0),
        "within 1500 ms of silence before the model's response head (interval 1000",
        "nothing for 2980 ms",
    ),
    (
        "before-first-token",
        stalled(),
        "before the first token",
        "nothing for 3490 ms",
    ),
    ("before-first-token", stalled(BEATS[0]), "a heartbeat", "nothing for 2480 ms"),
    ("before-first-token", stalled(*BEATS[1:]), "a heartbeat", "nothing for 2020 ms"),
    ("mid-stream", paused(), "between two tokens", "nothing for 3500 ms"),
    ("after-resume", resumed(), "after a resume", "nothing for 3520 ms"),
    ("keeps-coming", stalled(BEATS[0]), "3 heartbeats in 3500 ms of silence", "1"),
    ("keeps-coming", paused(), "3 heartbeats", "0"),
    ("keeps-coming", resumed(BEATS[0]), "3 heartbeats", "1"),
    (
        "declared-form",
        stalled((101.03, b"event: ping\ndata: {}\n\n")),
        "a comment in a silence",
        "an event 'ping' with data \"{}\"",
    ),
    (
        "without-id",
        stalled((101.03, b": hb\nid: 7\n\n")),
        "leave the last event id alone",
        'a block without data with id "7"',
    ),
    (
        "between-events-only",
        stalled((101.03, b'id: x-9\n: hb\ndata: {"type": "token"}\n\n')),
        "between events only",
        "between the lines",
    ),
    (
        "not-too-often",
        stalled((101.0, HB), (101.001, HB), (101.002, HB)),
        "at most one heartbeat in 1000 ms",
        "three within 2 ms",
    ),
    (
        "only-when-idle",
        evidence(response("stream", START, (100.1, HB), (100.2, event(2, "done")))),
        "only after 1000 ms without any event",
        "one 80 ms after an event",
    ),
    (
        "none-after-terminal",
        evidence(body("stream", event(1, "start"), event(2, "done"), HB, HB)),
        "no heartbeat after",
        "2",
    ),
]


OF_OPENINGS = {"heartbeat.opens-response", "heartbeat.opening-carries-cursor-value"}
"""They speak of the start of a response, and of nothing that comes later."""
OF_SILENCES = sorted(set(ids_of("heartbeat")) - OF_OPENINGS)


def test_every_check_of_the_topic_is_proven_here() -> None:
    proven = {id_ for id_, *_ in (*WRONG, *WRONG_OPENINGS)}

    assert {f"heartbeat.{id_}" for id_ in proven} == set(ids_of("heartbeat"))


@pytest.mark.parametrize("id_", OF_SILENCES)
def test_right_heartbeats_pass(id_: str) -> None:
    assert findings(id_, RIGHT.get(id_, stalled(*BEATS)), RICH) == []


@pytest.mark.parametrize("given", [stalled(*BEATS), paused(*BEATS), resumed(*BEATS)])
@pytest.mark.parametrize(
    "id_",
    ["keeps-coming", "declared-form", "without-id", "between-events-only"],
)
def test_right_heartbeats_pass_in_every_silence(id_: str, given: Evidence) -> None:
    assert findings(f"heartbeat.{id_}", given, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_heartbeats_are_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"heartbeat.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("heartbeat"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    refused = evidence(answer("stream", 500), answer("resumed", 500), calls=(call(),))

    assert_untestable(id_, refused, ".", RICH)


@pytest.mark.parametrize(
    "id_",
    ["keeps-coming", "declared-form", "without-id", "between-events-only"],
)
def test_a_run_that_was_never_silent_proves_nothing(id_: str) -> None:
    busy = evidence(run(), calls=(call(100.02, 100.03),))

    assert_untestable(f"heartbeat.{id_}", busy, ".", RICH)


@pytest.mark.parametrize("id_", sorted(RIGHT))
def test_a_silence_too_short_for_a_heartbeat_proves_nothing(id_: str) -> None:
    busy = evidence(
        run(), replace(run(), label="resumed"), calls=(call(100.02, 100.03),)
    )

    assert_untestable(id_, busy, "too short", RICH)


@pytest.mark.parametrize("id_", sorted(RIGHT))
def test_a_silence_without_journal_proves_nothing(id_: str) -> None:
    assert_untestable(id_, replace(RIGHT[id_], calls=()), "journal", RICH)


def test_a_model_that_never_answered_has_no_silence_before_its_first_token() -> None:
    given = stalled(*BEATS)
    refused = replace(call(), events=(CallEvent(name="accepted", at=100.0),))
    id_ = "heartbeat.before-first-token"

    assert_untestable(id_, replace(given, calls=(refused,)), "no silence", RICH)


@pytest.mark.parametrize("id_", ["mid-stream", "after-resume"])
def test_one_token_alone_makes_no_pause(id_: str) -> None:
    first: UpstreamCall = replace(
        call(100.02), events=(CallEvent(name="token_sent", at=100.02, n=1),)
    )
    given = replace(resumed(*BEATS), calls=(first,))

    assert_untestable(f"heartbeat.{id_}", given, "no silence", RICH)


def test_a_missing_heartbeat_may_be_our_own_lateness() -> None:
    (found,) = findings("heartbeat.before-first-token", stalled(), RICH)

    assert found.timed
    assert found.at_s == pytest.approx(3.51)


def test_the_gap_before_each_heartbeat_is_measured() -> None:
    measured = samples("heartbeat.before-first-token", stalled(*BEATS), RICH)

    assert measured == [1010, 1010, 1010]


def test_a_heartbeat_that_the_probe_waited_for_is_enough() -> None:
    given = held((101.02, HB), released=101.03)

    assert samples("heartbeat.before-upstream-headers", given, RICH) == [1000]


def test_a_silence_that_ends_with_the_call_counts() -> None:
    stream = response("stream", START, ended_at=104.0)
    mute = replace(call(), events=(*call().events[:2], CallEvent(name="ended", at=103)))

    found = findings(
        "heartbeat.before-first-token", evidence(stream, calls=(mute,)), RICH
    )

    assert found[0].got == "nothing for 2980 ms"


def test_other_events_keep_a_connection_alive_too() -> None:
    events = ((101.0, token(2)), (102.0, token(3)), (103.0, token(4)))

    assert findings("heartbeat.before-first-token", stalled(*events), RICH) == []


def with_heartbeat(**values: object) -> Profile:
    heartbeat = Heartbeat.model_validate({"interval_s": 1.0, **values})
    return RICH.model_copy(update={"heartbeat": heartbeat})


AS_EVENT = with_heartbeat(form="event", event="heartbeat", data="{}")
AS_JSON = with_heartbeat(form="json", type="ping")
AS_DATA = with_heartbeat(form="json", data='{"ping": 1}')
AS_TEXT = with_heartbeat(form="comment", data="hb")
NO_COMMENTS = with_heartbeat(form="event", event="heartbeat", fatal_forms=("comment",))
BEAT = b"event: heartbeat\ndata: {}\n\n"


@pytest.mark.parametrize(
    ("profile", "beat", "is_right"),
    [
        (AS_EVENT, BEAT, True),
        (AS_EVENT, b"event: heartbeat\ndata: { }\n\n", True),
        (AS_EVENT, b'event: heartbeat\ndata: {"n": 1}\n\n', False),
        (AS_EVENT, b"event: heartbeat\ndata: x\n\n", False),
        (AS_EVENT, HB, False),
        (AS_JSON, b'data: {"type": "ping"}\n\n', True),
        (AS_JSON, HB, False),
        (AS_DATA, b'data: {"ping": 1.0}\n\n', True),
        (AS_DATA, b'data: {"ping": 2}\n\n', False),
        (AS_TEXT, HB, True),
        (AS_TEXT, b": ping\n\n", False),
        (NO_COMMENTS, BEAT, True),
        (NO_COMMENTS, BEAT + HB, False),
    ],
)
def test_each_form_is_recognised(
    profile: Profile, beat: bytes, *, is_right: bool
) -> None:
    given = stalled((101.03, beat), (102.04, beat), (103.05, beat))

    assert (findings("heartbeat.declared-form", given, profile) == []) is is_right


def test_a_harmless_second_form_beside_the_declared_one_passes() -> None:
    given = stalled((101.0, BEAT), (101.5, HB), (102.0, BEAT), (103.0, BEAT))

    assert findings("heartbeat.declared-form", given, AS_EVENT) == []


def test_heartbeats_of_another_form_keep_the_connection_alive_all_the_same() -> None:
    given = stalled(*BEATS)

    assert findings("heartbeat.before-first-token", given, AS_EVENT) == []
    assert findings("heartbeat.keeps-coming", given, AS_EVENT) == []


@pytest.mark.parametrize(
    "torn",
    [
        b"event: state_delta\nevent: heartbeat\ndata: {}\n\n",
        b"id: x-1\ndata: 1\ndata: {}\n\n",
    ],
)
def test_a_heartbeat_event_inside_another_event_is_found(torn: bytes) -> None:
    given = stalled((101.03, torn))

    assert findings("heartbeat.between-events-only", given, AS_EVENT) != []


def test_two_event_fields_without_a_heartbeat_are_judged_elsewhere() -> None:
    given = stalled((101.03, BEAT), (101.04, b"event: a\nevent: b\ndata: 1\n\n"))

    assert findings("heartbeat.between-events-only", given, AS_EVENT) == []


def test_a_stray_event_does_not_make_a_heartbeat_early() -> None:
    given = stalled((101.03, b"data: stray\n\n"), (101.04, HB))

    assert findings("heartbeat.only-when-idle", given, RICH) == []


def test_a_gap_counts_from_the_last_arrival_before_the_silence() -> None:
    given = held(released=101.53)
    (found,) = findings("heartbeat.before-upstream-headers", given, RICH)

    assert found.got == "nothing for 1510 ms"


def test_a_heartbeat_event_with_an_id_is_found() -> None:
    given = stalled((101.03, b"id: x-1\n" + BEAT))

    assert_finding(
        "heartbeat.without-id", given, "alone", 'a heartbeat with id "x-1"', AS_EVENT
    )


def test_two_late_heartbeats_close_together_are_no_flood() -> None:
    given = stalled((101.03, HB), (101.08, HB), (103.05, HB))

    assert findings("heartbeat.not-too-often", given, RICH) == []


def test_replayed_events_do_not_make_a_heartbeat_early() -> None:
    given = evidence(
        response("resumed", START, (100.03, HB), after=f"{RUN}-0"),
        response("stream", START, (100.03, token(2))),
    )

    assert findings("heartbeat.only-when-idle", given, RICH) == []


def test_an_event_read_together_with_a_heartbeat_came_after_it() -> None:
    given = stalled((101.03, HB), (103.52, HB))

    assert findings("heartbeat.only-when-idle", given, RICH) == []


def test_a_stream_without_end_proves_nothing_on_what_follows_it() -> None:
    open_: Exchange = ended_by(body("stream", event(1, "start")), EndingKind.DEADLINE)

    assert_untestable(
        "heartbeat.none-after-terminal", evidence(open_), "terminal signal", RICH
    )


@pytest.mark.parametrize("id_", ids_of("heartbeat"))
def test_a_profile_without_heartbeat_is_never_judged(id_: str) -> None:
    profile = RICH.model_copy(update={"heartbeat": None})
    if id_ == "heartbeat.none-after-terminal":
        assert findings(id_, stalled(*BEATS), profile) == []
    else:
        assert_untestable(id_, RIGHT.get(id_, stalled(*BEATS)), "heartbeat", profile)


def test_the_heartbeats_of_a_pipeline_pass_every_check() -> None:
    frames = [(100.02, b"event: state_delta\n" + event(1, "node-enter"))]
    beats = [(101.03, BEAT), (102.04, BEAT), (103.05, BEAT)]
    tail = event(2, "node-complete", node="assemble")
    stream = response("stream", *frames, *beats, (103.52, tail))
    given = evidence(stream, calls=(call(103.51),))
    checks = set(OF_SILENCES) - {
        "heartbeat.before-upstream-headers",
        "heartbeat.mid-stream",
        "heartbeat.after-resume",
    }

    assert [id_ for id_ in checks if findings(id_, given, PIPELINE)] == []


def test_a_stream_without_events_says_nothing_on_idleness() -> None:
    given = evidence(body("stream", HB))

    assert_untestable("heartbeat.only-when-idle", given, "no event stream", RICH)


def test_a_silence_of_two_intervals_is_too_short_to_count_heartbeats() -> None:
    stream = response("stream", START, (101.03, HB), (102.12, token(2)))
    given = evidence(stream, calls=(call(102.11),))

    assert_untestable("heartbeat.keeps-coming", given, "three intervals", RICH)


# At the start of every response

OPENED = with_heartbeat(
    form="json", type="beat", opens=True, cursor_value="/at", tolerance_s=0.5
)


def beat(at: int = 0, type_: str = "beat") -> bytes:
    return f'data: {{"type": "{type_}", "at": {at}}}\n\n'.encode()


def opened(*beats: tuple[float, bytes], first: bytes | None = None) -> Evidence:
    """Open a response with a heartbeat; say the first token after 3.5 s of silence."""
    given = stalled((100.015, beat() if first is None else first), *beats)
    (stream,) = given.exchanges
    chunks = sorted(stream.transcript.chunks, key=lambda chunk: chunk.at)
    seen = replace(stream.transcript, chunks=tuple(chunks))
    return replace(given, exchanges=(replace(stream, transcript=seen),))


def come_back(*frames: bytes) -> Evidence:
    """Read a run, and come back after its second event."""
    first = body("stream", beat(1), event(1, "start", at=2), event(2, "token", at=5))
    return evidence(first, body("resumed", *frames, after=f"{RUN}-2", key=None))


AT_INTERVALS = ((101.03, beat()), (102.04, beat()), (103.05, beat()))
BACK = come_back(beat(5), event(3, "token", at=6, retry=True))

WRONG_OPENINGS: list[tuple[str, Evidence, str, str]] = [
    (
        "opens-response",
        evidence(run()),
        "an event of type 'beat' as the first event",
        f"start (id '{RUN}-1')",
    ),
    ("opens-response", come_back(event(3, "token"), beat(5)), "first event", "token"),
    ("opens-response", evidence(body("stream", b": hb\n\n")), "first", "no event at"),
    (
        "opening-carries-cursor-value",
        come_back(beat(7), event(3, "token", at=6)),
        f"at /at what the event '{RUN}-2' has, 5",
        "7 in the heartbeat that opens the response",
    ),
    (
        "opening-carries-cursor-value",
        come_back(b'data: {"type": "beat"}\n\n', event(3, "token", at=6)),
        "at /at what the event",
        "nothing in",
    ),
]


@pytest.mark.parametrize("id_", sorted(OF_OPENINGS))
def test_a_right_opening_passes(id_: str) -> None:
    assert findings(id_, BACK, OPENED) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG_OPENINGS)
def test_a_wrong_opening_is_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"heartbeat.{id_}", given, expected, got, OPENED)


def test_a_comment_may_open_every_response_too() -> None:
    profile = with_heartbeat(form="comment", opens=True)
    id_ = "heartbeat.opens-response"

    assert findings(id_, evidence(body("stream", HB, event(1, "start"))), profile) == []
    assert_finding(id_, evidence(run()), "a comment as the first", "start", profile)


def test_a_response_that_we_left_at_once_had_no_time_to_open() -> None:
    left = ended_by(body("stream"), EndingKind.CLOSED_BY_US)

    assert findings("heartbeat.opens-response", evidence(left), OPENED) == []


def test_an_unknown_cursor_has_no_value_to_carry() -> None:
    id_ = "heartbeat.opening-carries-cursor-value"
    unknown = evidence(body("resumed", beat(1), after="x-1"))

    assert_untestable(id_, evidence(body("stream", beat(1))), "no resumed", OPENED)
    assert_untestable(id_, unknown, "no resumed response", OPENED)
    assert_untestable(id_, BACK, "no value of the event at the", RICH)


@pytest.mark.parametrize("id_", OF_SILENCES)
def test_an_opening_heartbeat_is_right_beside_those_of_silences(id_: str) -> None:
    given = RIGHT_OPENED.get(id_, opened(*AT_INTERVALS))

    assert findings(id_, given, OPENED) == []


def _opened_like(given: Evidence) -> Evidence:
    """Open every response with a heartbeat, and put events in place of comments."""
    exchanges = []
    for exchange in given.exchanges:
        seen = exchange.transcript
        chunks = [replace(c, data=beat()) if c.data == HB else c for c in seen.chunks]
        first = replace(chunks[0], at=100.011, data=beat())
        seen = replace(seen, chunks=(first, *chunks))
        exchanges.append(replace(exchange, transcript=seen))
    return replace(given, exchanges=tuple(exchanges))


RIGHT_OPENED = {id_: _opened_like(given) for id_, given in RIGHT.items()}


def test_an_opening_heartbeat_answers_for_no_silence() -> None:
    early = held(released=101.1)
    (stream,) = early.exchanges
    chunks = (replace(stream.transcript.chunks[0], at=100.015, data=beat()),)
    seen = replace(stream.transcript, chunks=chunks + stream.transcript.chunks)
    given = replace(early, exchanges=(replace(stream, transcript=seen),))

    assert_untestable("heartbeat.before-upstream-headers", given, "too short", OPENED)
    assert samples("heartbeat.before-first-token", opened(*AT_INTERVALS), OPENED) == [
        1010,
        1010,
        1010,
    ]


def test_an_opening_heartbeat_is_not_counted_among_those_due() -> None:
    id_ = "heartbeat.keeps-coming"
    late_call = replace(call(103.51, accepted=100.0, headers=100.01))
    given = replace(opened(AT_INTERVALS[0]), calls=(late_call,))

    assert_finding(id_, given, "3 heartbeats", "1", OPENED)


def test_a_stranger_in_a_silence_is_found_beside_an_opening_heartbeat() -> None:
    given = opened((101.0, HB), (102.0, HB), (103.0, HB))

    assert_finding("heartbeat.declared-form", given, "in a silence", "hb", OPENED)
