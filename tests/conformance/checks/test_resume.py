"""Checks of topic `resume`, on hand-made evidence."""

from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    PROFILE,
    answer,
    assert_finding,
    assert_untestable,
    cancelled,
    complete_call,
    done,
    error,
    evidence,
    findings,
    frame,
    ids_of,
    samples,
    silence,
    stream,
    token,
    with_exchanges,
    without,
)

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.wire import EndingKind

LEFT = EndingKind.CLOSED_BY_US

# Every cut of a finished stream of four events.
REPLAY = evidence(
    stream("stream", frame(1, "start"), token(2), token(3), done(4)),
    stream("after-0001", token(2), token(3), done(4), after="s-1"),
    stream("after-0002", token(3), done(4), after="s-2"),
    stream("after-0003", done(4), after="s-3"),
    answer("after-0004", 204, after="s-4"),
    calls=(complete_call(),),
)

# A live stream, left after every event. Event 3 arrived with event 2, but the reader
# had not looked at it yet when it left.
CUTS = evidence(
    stream("cut-0001", frame(1, "start"), ending=LEFT),
    stream("cut-0002", token(2), token(3), after="s-1", ending=LEFT),
    stream("cut-0003", token(3), after="s-2", ending=LEFT),
    stream("cut-0004", done(4), after="s-3"),
    stream("whole", token(2), token(3), done(4), after="s-1"),
    calls=(complete_call(),),
)


def refused(
    label: str, status: int, code: str, after: str, *, user: str = "ann"
) -> Exchange:
    return answer(label, status, code, after=after, user=user)


ANSWERS = evidence(
    stream("stream", token(1), done(2)),
    refused("malformed-01", 400, "BAD_ID", "garbage"),
    refused("malformed-02", 400, "BAD_ID", "s--1"),
    refused("future", 400, "BAD_ID", "s-99"),
    refused("unknown", 404, "NO_STREAM", "zzz-1"),
    refused("foreign", 404, "NO_STREAM", "s-1", user="bob"),
    refused("no-credential", 401, "UNAUTHORIZED", "s-1"),
    facts={"malformed": ["garbage", "s--1"]},
)

# The newer reader is served at 101; the older response ends 20 ms later.
TAKEOVER = evidence(
    stream("first", frame(1, "start"), token(2), token(3), ended_at=101.02),
    stream("second", token(2), token(3), token(4), done(5), at=101.0, after="s-1"),
    calls=(complete_call(),),
    marks={"second_opened": 101.0, "released": 101.3},
    facts={"resumed_after": "s-1"},
)

OF_ANSWERS = [
    "resume.malformed-refused",
    "resume.future-refused",
    "resume.unknown-refused",
    "resume.foreign-refused",
    "resume.foreign-like-unknown",
    "resume.needs-credential",
    "resume.refusals-are-json",
]
OF_CUTS = [
    "resume.live-cuts-lossless",
    "resume.live-cuts-without-duplicates",
    "resume.same-events-live-and-replayed",
]
OF_TAKEOVER = ["resume.takeover-closes-older", "resume.takeover-continues"]

RIGHT = (
    dict.fromkeys(ids_of("resume"), REPLAY)
    | dict.fromkeys(OF_ANSWERS, ANSWERS)
    | dict.fromkeys(OF_CUTS, CUTS)
    | dict.fromkeys(OF_TAKEOVER, TAKEOVER)
)


@pytest.mark.parametrize("id_", ids_of("resume"))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_]) == []


@pytest.mark.parametrize("right", [CUTS, TAKEOVER])
def test_one_generation_passes_on_every_kind_of_resume(right: Evidence) -> None:
    assert findings("resume.one-generation", right) == []


def cut(*frames: bytes, label: str = "after-0002", after: str = "s-2") -> Evidence:
    return with_exchanges(REPLAY, stream(label, *frames, after=after))


def live(*exchanges: Exchange) -> Evidence:
    return with_exchanges(CUTS, *exchanges)


def older(*frames: bytes, ended_at: float, ending: EndingKind) -> Evidence:
    first = stream("first", *frames, ended_at=ended_at, ending=ending)
    return with_exchanges(TAKEOVER, first)


def newer(*frames: bytes, ending: EndingKind = EndingKind.CLEAN) -> Evidence:
    second = stream("second", *frames, at=101.0, after="s-1", ending=ending)
    return with_exchanges(TAKEOVER, second)


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "resume.every-cut-of-finished",
        cut(token(2), token(3), done(4)),
        "token (id 's-3') with",
        "token (id 's-2')",
    ),
    (
        "resume.every-cut-of-finished",
        cut(done(4)),
        "as event 1 after 's-2'",
        "done (id 's-4')",
    ),
    (
        "resume.every-cut-of-finished",
        cut(token(3)),
        "2 events after 's-2', the next one done (id 's-4')",
        "1 events, then clean end",
    ),
    (
        "resume.every-cut-of-finished",
        cut(token(3, "other"), done(4)),
        "word",
        "other",
    ),
    (
        "resume.every-cut-of-finished",
        cut(token(3), done(4), done(5)),
        "nothing more than the 2 events after 's-2'",
        "done (id 's-5')",
    ),
    (
        "resume.every-cut-of-finished",
        with_exchanges(REPLAY, refused("after-0001", 404, "NO_STREAM", "s-1")),
        "the 3 events after 's-1'",
        "404",
    ),
    (
        "resume.replay-closes",
        with_exchanges(
            REPLAY,
            stream(
                "after-0003",
                done(4),
                after="s-3",
                ending=EndingKind.DEADLINE,
                ended_at=105.1,
            ),
        ),
        "the response to end properly after the terminal event",
        "deadline end 5000 ms after it",
    ),
    (
        "resume.replay-closes",
        with_exchanges(
            REPLAY, stream("after-0003", done(4), after="s-3", ended_at=102.1)
        ),
        "within 1000 ms of the terminal event",
        "its end 2000 ms after it",
    ),
    (
        "resume.same-stream-id",
        with_exchanges(
            REPLAY,
            replace(
                stream("after-0002", token(3), done(4), after="s-2"),
                transcript=replace(
                    stream("x", token(3), done(4)).transcript,
                    headers=(
                        ("Content-Type", "text/event-stream"),
                        ("X-Stream-Id", "t"),
                    ),
                ),
            ),
        ),
        "X-Stream-Id: s",
        "X-Stream-Id: t",
    ),
    (
        "resume.finished-stops",
        cut(label="after-0004", after="s-4"),
        "204 for a resume after the last event 's-4'",
        "200 text/event-stream",
    ),
    (
        "resume.finished-stops",
        with_exchanges(REPLAY, answer("after-0004", 204, body=b"{}", after="s-4")),
        "204 without any event",
        "204",
    ),
    (
        "resume.live-cuts-lossless",
        live(stream("cut-0003", done(4), after="s-2"), answer("cut-0004", 204)),
        "the stream to go on",
        "204",
    ),
    (
        "resume.live-cuts-lossless",
        live(
            stream("cut-0003", token(5), after="s-2", ending=LEFT),
            stream("cut-0004", done(4), after="s-5"),
        ),
        "token (id 's-3'), which the stored stream has",
        "it never arrived; 'cut-0002' was the last before it",
    ),
    (
        "resume.live-cuts-lossless",
        live(stream("cut-0004", after="s-3")),
        "the stream to go on to its terminal event",
        "clean end after no event",
    ),
    (
        "resume.live-cuts-lossless",
        live(
            stream("cut-0002", token(3), after="s-1", ending=LEFT),
            stream("cut-0003", token(2), after="s-3", ending=LEFT),
            stream("cut-0004", done(4), after="s-2"),
        ),
        "event 's-2' next, as stored",
        "'s-3'",
    ),
    (
        "resume.live-cuts-without-duplicates",
        live(stream("cut-0004", token(3), done(4), after="s-3")),
        "only events after 's-3', each once",
        "token (id 's-3') again; it came in 'cut-0003' before",
    ),
    (
        "resume.same-events-live-and-replayed",
        live(stream("whole", token(2), token(3, "other"), done(4), after="s-1")),
        "event 's-3' as in 'cut-0002'",
        "other",
    ),
    (
        "resume.malformed-refused",
        with_exchanges(ANSWERS, stream("malformed-01", token(1), after="garbage")),
        'the malformed id "garbage" to be refused with 400 BAD_ID',
        "200 text/event-stream",
    ),
    (
        "resume.malformed-refused",
        with_exchanges(ANSWERS, refused("malformed-01", 400, "OTHER", "garbage")),
        "refused with 'BAD_ID' at /error/code",
        '"OTHER"',
    ),
    (
        "resume.future-refused",
        with_exchanges(
            ANSWERS, stream("future", after="s-99", ending=EndingKind.DEADLINE)
        ),
        "an id greater than any issued to be refused with 400",
        "200 text/event-stream",
    ),
    (
        "resume.unknown-refused",
        with_exchanges(ANSWERS, silence("unknown", EndingKind.DEADLINE)),
        "a stream that does not exist to be refused with 404",
        "no response, deadline",
    ),
    (
        "resume.foreign-refused",
        with_exchanges(ANSWERS, stream("foreign", done(2), after="s-1", user="bob")),
        "another user's event id to be refused with 404",
        "a stream with 1 events",
    ),
    (
        "resume.foreign-like-unknown",
        with_exchanges(ANSWERS, refused("foreign", 403, "NO", "s-1", user="bob")),
        "the same status as for 'unknown': 404",
        "403",
    ),
    (
        "resume.foreign-like-unknown",
        with_exchanges(
            ANSWERS,
            answer(
                "foreign",
                404,
                body=b'{"error": {"code": "NO_STREAM", "message": "not yours"}}',
                after="s-1",
                user="bob",
            ),
        ),
        "the same message as for 'unknown'",
        "not yours",
    ),
    (
        "resume.foreign-like-unknown",
        with_exchanges(ANSWERS, stream("foreign", done(2), after="s-1", user="bob")),
        "the same status as for 'unknown': 404",
        "200",
    ),
    (
        "resume.needs-credential",
        with_exchanges(ANSWERS, stream("no-credential", done(2), after="s-1")),
        "a resume without a credential to be refused with 401",
        "200",
    ),
    (
        "resume.refusals-are-json",
        with_exchanges(ANSWERS, answer("future", 400, body=b"[]", after="s-99")),
        "a text at /error/code of the refusal",
        "nothing in 400",
    ),
    (
        "resume.takeover-closes-older",
        older(token(1), ended_at=109.0, ending=LEFT),
        "the older response to end properly",
        "closed by us end 8000 ms after",
    ),
    (
        "resume.takeover-closes-older",
        older(token(1), ended_at=101.1, ending=EndingKind.RESET),
        "the older response to end properly",
        "reset end",
    ),
    (
        "resume.takeover-closes-older",
        older(token(1), ended_at=103.0, ending=EndingKind.CLEAN),
        "within 1000 ms of the newer one's head",
        "its end 2000 ms after it",
    ),
    (
        "resume.takeover-closes-older",
        older(token(1), done(2), ended_at=101.1, ending=EndingKind.CLEAN),
        "no terminal event to the older reader",
        "done (id 's-2')",
    ),
    (
        "resume.takeover-continues",
        newer(token(3), token(4), done(5)),
        "token (id 's-2')",
        "token (id 's-3')",
    ),
    (
        "resume.takeover-continues",
        newer(token(2), token(3), done(5)),
        "the event that follows 's-3'",
        "s-5",
    ),
    (
        "resume.takeover-continues",
        newer(token(2), token(3), ending=EndingKind.DEADLINE),
        "terminal success event",
        "deadline end after token (id 's-3')",
    ),
    (
        "resume.takeover-continues",
        newer(token(2), token(3), cancelled(4)),
        "terminal success event",
        "clean end after error (id 's-4')",
    ),
    (
        "resume.takeover-continues",
        with_exchanges(TAKEOVER, refused("second", 409, "TAKEN", "s-1")),
        "the stream to go on after 's-1'",
        "409",
    ),
    (
        "resume.one-generation",
        replace(CUTS, calls=(complete_call(), complete_call(turn=2))),
        "1 model calls for one stream that was read 5 times",
        "2 model calls",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got)


UNFINISHED = with_exchanges(REPLAY, stream("stream", token(1), token(2)))
REFUSED = with_exchanges(REPLAY, answer("stream", 429, "TOO_MANY"))
ALONE = evidence(REPLAY.exchange("stream"), calls=(complete_call(),))
ONCE = evidence(CUTS.exchange("cut-0001"))
NO_START = with_exchanges(ANSWERS, answer("stream", 429, "TOO_MANY"))
ACCEPTED = with_exchanges(
    ANSWERS,
    stream("unknown", done(1), after="zzz-1"),
    stream("foreign", done(2), after="s-1", user="bob"),
)
SAME_USER = with_exchanges(ANSWERS, refused("foreign", 404, "NO_STREAM", "s-1"))

UNPROVEN: list[tuple[str, Evidence, str]] = [
    ("resume.every-cut-of-finished", UNFINISHED, "did not finish"),
    ("resume.every-cut-of-finished", REFUSED, "expected an event stream, got 429"),
    ("resume.every-cut-of-finished", ALONE, "no resume names an event"),
    (
        "resume.every-cut-of-finished",
        without(REPLAY, "after-0002"),
        "only 3 of 4 resumes",
    ),
    ("resume.replay-closes", UNFINISHED, "did not finish"),
    (
        "resume.replay-closes",
        with_exchanges(
            without(REPLAY, "after-0002", "after-0003"),
            stream("after-0001", token(2), after="s-1"),
        ),
        "reached its terminal event",
    ),
    ("resume.same-stream-id", without(REPLAY, "stream"), "no exchange 'stream'"),
    (
        "resume.same-stream-id",
        without(REPLAY, "after-0001", "after-0002", "after-0003"),
        "no resume was answered with a stream",
    ),
    ("resume.finished-stops", without(REPLAY, "after-0004"), "after the stream's last"),
    ("resume.live-cuts-lossless", ONCE, "a stream that was cut and resumed"),
    ("resume.live-cuts-lossless", without(CUTS, "whole"), "no exchange 'whole'"),
    (
        "resume.live-cuts-lossless",
        live(stream("cut-0004", token(4), after="s-3", ending=LEFT)),
        "stopped cutting before",
    ),
    ("resume.live-cuts-without-duplicates", ONCE, "a stream that was cut and resumed"),
    (
        "resume.same-events-live-and-replayed",
        without(CUTS, "whole", "cut-0003"),
        "no event was read more than once",
    ),
    (
        "resume.malformed-refused",
        evidence(refused("malformed-01", 400, "BAD_ID", "")),
        "sent no malformed id",
    ),
    ("resume.future-refused", NO_START, "expected an event stream"),
    (
        "resume.future-refused",
        with_exchanges(ANSWERS, stream("stream", token(1), ending=LEFT)),
        "that id may exist by now",
    ),
    ("resume.unknown-refused", without(ANSWERS, "unknown"), "no exchange 'unknown'"),
    ("resume.foreign-refused", SAME_USER, "no second user"),
    (
        "resume.foreign-refused",
        with_exchanges(ANSWERS, refused("foreign", 404, "NO", "t-1", user="bob")),
        "no event id of the first user's stream",
    ),
    ("resume.foreign-like-unknown", ACCEPTED, "neither was refused"),
    ("resume.needs-credential", NO_START, "expected an event stream"),
    (
        "resume.refusals-are-json",
        evidence(stream("malformed-01", token(1), after="garbage")),
        "no resume was refused",
    ),
    (
        "resume.takeover-closes-older",
        older(token(1), ended_at=100.5, ending=EndingKind.CLEAN),
        "had ended before the newer reader came",
    ),
    (
        "resume.takeover-closes-older",
        older(ended_at=101.1, ending=EndingKind.CLEAN),
        "had read nothing",
    ),
    (
        "resume.takeover-closes-older",
        with_exchanges(TAKEOVER, refused("second", 409, "TAKEN", "s-1")),
        "expected an event stream, got 409",
    ),
    (
        "resume.takeover-continues",
        with_exchanges(TAKEOVER, stream("second", done(5))),
        "did not come back after an event of `first`",
    ),
    (
        "resume.takeover-continues",
        newer(token(2), token(3), error(4, "TIMEOUT")),
        "timed out on its model",
    ),
    ("resume.one-generation", replace(REPLAY, calls=()), "no model call of 'stream'"),
    ("resume.one-generation", ALONE, "no resume was answered with a stream"),
    ("resume.one-generation", evidence(), "no request was made"),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    assert sorted({row[0] for row in WRONG}) == ids_of("resume")
    assert sorted({row[0] for row in UNPROVEN}) == ids_of("resume")


def test_an_event_read_but_not_looked_at_before_a_cut_is_no_duplicate() -> None:
    assert [e.item.id for e in CUTS.exchange("cut-0002").transcript.events] == [
        "s-2",
        "s-3",
    ]
    assert findings("resume.live-cuts-without-duplicates", CUTS) == []


def test_a_long_stream_need_not_be_cut_at_every_event() -> None:
    spread = replace(without(REPLAY, "after-0001", "after-0003"), facts={"cuts": 2})

    assert findings("resume.every-cut-of-finished", spread) == []


def test_ids_that_repeat_in_the_stored_stream_break_no_check() -> None:
    whole = stream("whole", token(2), token(2), token(3), done(4), after="s-1")

    assert findings("resume.live-cuts-lossless", live(whole)) == []


def test_what_our_own_patience_ended_is_a_timed_finding() -> None:
    slow = newer(token(2), ending=EndingKind.DEADLINE)

    found = findings("resume.takeover-continues", slow)

    assert [each.timed for each in found] == [True, True]


def test_an_older_response_may_end_just_before_the_newer_head() -> None:
    second = TAKEOVER.exchange("second")
    waited = replace(second, transcript=replace(second.transcript, head_at=101.03))
    right = with_exchanges(TAKEOVER, waited)

    assert findings("resume.takeover-closes-older", right) == []
    assert samples("resume.takeover-closes-older", right) == [0]


def test_a_resume_that_hangs_until_our_deadline_is_a_timed_finding() -> None:
    hung = stream("cut-0004", after="s-3", ending=EndingKind.DEADLINE)

    (found,) = findings("resume.live-cuts-lossless", live(hung))

    assert found.timed


@pytest.mark.parametrize("text", ["9" * 5000, "ä", "s-1\t"])
def test_http_itself_may_refuse_a_strange_id_without_our_json(text: str) -> None:
    strange = answer("malformed-01", 431, body=b"no", after=text)
    given = evidence(strange, ANSWERS.exchange("future"))

    assert findings("resume.malformed-refused", given) == []
    assert findings("resume.refusals-are-json", given) == []


def test_the_end_of_a_replay_and_of_an_older_response_is_measured() -> None:
    assert samples("resume.replay-closes", REPLAY) == [10, 10, 10]
    assert samples("resume.takeover-closes-older", TAKEOVER) == [20]


def test_any_client_error_refuses_what_the_profile_does_not_pin() -> None:
    assert PROFILE.resume is not None
    resume = PROFILE.resume.model_copy(update={"unknown": None})
    loose = PROFILE.model_copy(update={"resume": resume})
    gone = with_exchanges(ANSWERS, refused("unknown", 410, "GONE", "zzz-1"))

    assert findings("resume.unknown-refused", gone, loose) == []


def test_ids_that_do_not_count_cannot_show_a_hole() -> None:
    ids = PROFILE.ids.model_copy(update={"form": "opaque"})
    opaque = PROFILE.model_copy(update={"ids": ids})

    assert findings("resume.takeover-continues", TAKEOVER, opaque) == []
