"""Checks of topic `cancellation`, on hand-made evidence."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.conformance.checks.situations import (
    SMALL,
    answer,
    assert_finding,
    assert_untestable,
    call,
    cancelled,
    complete_call,
    done,
    error,
    evidence,
    findings,
    frame,
    ids_of,
    samples,
    stream,
    token,
    with_exchanges,
    without,
)

from streamproof.conformance.model import Evidence, Exchange, UpstreamCall
from streamproof.conformance.profiles import parse
from streamproof.conformance.wire import EndingKind

LABELS = (
    "stream",
    *("bare-cancel", "unknown-cancel", "foreign-cancel", "cancel", "cancel-again"),
)

# `Any`, because a mapping of floats could hold any keyword of `call`.
PHASES: dict[str, dict[str, Any]] = {
    "before-headers": {"accepted": 100.1},
    "before-first-token": {"accepted": 100.1, "headers_sent": 100.2},
    "midstream": {"accepted": 100.1, "headers_sent": 100.2, "token_sent": 100.3},
}


def closed_in(phase: str, gone: float, **changes: Any) -> UpstreamCall:  # noqa: ANN401 -- whatever `call` takes
    """A call that stood in this phase until its client left at `gone`."""
    instants: dict[str, Any] = {**PHASES[phase], "peer_gone": gone, "ended": gone}
    outcome = f"cancelled_{phase.replace('-', '_')}"
    return call(**{"outcome": outcome, **instants, **changes})


def open_in(phase: str) -> UpstreamCall:
    return call(None, **PHASES[phase])


def explicit(phase: str) -> Evidence:
    """Cancelled at 101; the model call is closed 20 ms later."""
    return evidence(
        stream("stream", frame(1, "start"), cancelled(2), step_s=0.52),
        answer("unknown-cancel", 404, "NO_STREAM", at=100.8, path="/streams/zzz"),
        answer(
            "foreign-cancel",
            404,
            "NO_STREAM",
            at=100.9,
            user="bob",
            path="/streams/s",
        ),
        answer("bare-cancel", 401, "UNAUTHORIZED", at=100.7),
        answer("cancel", 202, at=101.0),
        answer("cancel-again", 200, at=101.5),
        calls=(closed_in(phase, 101.02),),
        marks={"cancel_sent": 101.0, "cancel_answered": 101.01},
    )


def left(phase: str) -> Evidence:
    """The reader left at 101; the grace of 500 ms over, the call is closed."""
    return evidence(
        stream("stream", frame(1, "start"), ending=EndingKind.CLOSED_BY_US),
        stream("afterwards", token(2), cancelled(3), at=103.0, after="s-1"),
        calls=(closed_in(phase, 101.52),),
        marks={"left": 101.0},
    )


EXPLICIT = {f"cancellation.explicit-{phase}": phase for phase in PHASES}
LEFT = {
    f"cancellation.{how}-{phase}": phase for how in ("fin", "rst") for phase in PHASES
}
CALL_CLOSED = {id_: explicit(phase) for id_, phase in EXPLICIT.items()} | {
    id_: left(phase) for id_, phase in LEFT.items()
}
CANCELLED = explicit("midstream")
GONE = left("midstream")
FINISHED = evidence(
    stream("stream", token(1), done(2)),
    answer("cancel-finished", 200),
    calls=(complete_call(),),
)

TWO = parse(
    SMALL,
    origin="two",
    overrides=(
        """cancel.explicit=[
            {path='/streams/{stream}', accepted={required=['id']},
             finished={required=['status']}, unknown_code='NO_STREAM'},
            {method='POST', path='/cancel', body={of=['{stream}'], why='late'},
             accepted={required=['of']}, finished_status=409, finished_code='IS_OVER',
             tells={'/why'='late'}},
        ]""".replace("\n", " "),
    ),
)
"""The small profile with a second request that cancels."""


def by_post(label: str, status: int, code: str | None = None, **more: Any) -> Exchange:  # noqa: ANN401 -- whatever `answer` takes
    made = answer(label, status, code, **more)
    body = json.dumps({"of": ["s"], "why": "late"}).encode()
    asked = replace(made.request, path="/cancel", body=body)
    return replace(made, request=asked)


def second(*frames: bytes) -> Exchange:
    return stream("stream-2", *frames, at=110.0, step_s=0.52, key="K2")


def in_two_ways() -> Evidence:
    """What `explicit` has, and 10 s later the same by the second request."""
    late = frame(2, "error", code="CANCELLED", message="m", retryable=True, why="late")
    again = call(
        "cancelled_midstream",
        key="K2",
        accepted=110.1,
        headers_sent=110.2,
        token_sent=110.3,
        peer_gone=111.02,
        ended=111.02,
    )
    return with_exchanges(
        replace(
            CANCELLED,
            calls=(*CANCELLED.calls, again),
            marks={**CANCELLED.marks, "cancel_sent-2": 111.0},
        ),
        answer("cancel", 202, at=101.0, body=b'{"id": "s"}'),
        answer("cancel-again", 200, at=101.5, body=b'{"status": "cancelled"}'),
        second(frame(1, "start"), late),
        by_post("bare-cancel-2", 401, "UNAUTHORIZED", at=110.7),
        by_post("unknown-cancel-2", 404, "NO_STREAM", at=110.8),
        by_post("foreign-cancel-2", 404, "NO_STREAM", at=110.9, user="bob"),
        by_post("cancel-2", 202, at=111.0, body=b'{"of": ["s"]}'),
        by_post("cancel-again-2", 409, "IS_OVER", at=111.5),
    )


IN_TWO_WAYS = in_two_ways()
OF_TWO = ("cancellation.answer-payload", "cancellation.reason-told")
IN_BOTH = (
    *(f"cancellation.{what}" for what in ("no-tokens-after", "no-further-calls")),
    *(f"cancellation.{what}" for what in ("reader-told", "accepted-answer")),
    *(f"cancellation.{what}" for what in ("idempotent-answer", "unknown-refused")),
    *(f"cancellation.{what}" for what in ("foreign-refused", "foreign-like-unknown")),
    *(f"cancellation.{what}" for what in ("needs-credential", "explicit-midstream")),
    "cancellation.refusals-are-json",
)

RIGHT = (
    dict.fromkeys(ids_of("cancellation"), CANCELLED)
    | CALL_CLOSED
    | {
        "cancellation.grace-kept": GONE,
        "cancellation.log-tells-later": GONE,
        "cancellation.finished-answer": FINISHED,
        "cancellation.normal-end-is-no-cancel": FINISHED,
    }
)


@pytest.mark.parametrize("id_", ids_of("cancellation"))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_]) == []


@pytest.mark.parametrize("id_", [*OF_TWO, *IN_BOTH])
def test_right_evidence_of_two_requests_passes(id_: str) -> None:
    assert findings(id_, IN_TWO_WAYS, TWO) == []


@pytest.mark.parametrize("id_", [*IN_BOTH[:-1], "cancellation.reason-told"])
def test_a_second_request_that_was_not_tried_proves_nothing(id_: str) -> None:
    untried = without(IN_TWO_WAYS, *(f"{each}-2" for each in LABELS))

    assert_untestable(id_, untried, "no exchange '.*-2'", TWO)


WRONG_SECOND: list[tuple[str, Evidence, str, str]] = [
    (
        "cancellation.explicit-midstream",
        replace(
            IN_TWO_WAYS,
            calls=(
                *CANCELLED.calls,
                call(None, key="K2", accepted=110, headers_sent=110, token_sent=110),
            ),
        ),
        "closed within 1000 ms of the cancel request by POST /cancel",
        "still open",
    ),
    (
        "cancellation.reader-told",
        with_exchanges(
            IN_TWO_WAYS,
            second(frame(1, "start"), error(2)),
        ),
        "a terminal event that says cancelled",
        "which says error",
    ),
    (
        "cancellation.accepted-answer",
        with_exchanges(IN_TWO_WAYS, by_post("cancel-2", 200, at=111.0)),
        "202 for a cancel of a running stream by POST /cancel",
        "200",
    ),
    (
        "cancellation.idempotent-answer",
        with_exchanges(IN_TWO_WAYS, by_post("cancel-again-2", 409, "BUSY", at=111.5)),
        "a second cancel of the same stream by POST /cancel to be refused with",
        "BUSY",
    ),
    (
        "cancellation.unknown-refused",
        with_exchanges(IN_TWO_WAYS, answer("unknown-cancel", 404, "OTHER", at=100.8)),
        "to be refused with 'NO_STREAM' at /error/code",
        "OTHER",
    ),
    (
        "cancellation.foreign-refused",
        with_exchanges(
            IN_TWO_WAYS, by_post("foreign-cancel-2", 202, at=110.9, user="bob")
        ),
        "another user's cancel by POST /cancel to be refused with 404",
        "202",
    ),
    (
        "cancellation.needs-credential",
        with_exchanges(IN_TWO_WAYS, by_post("bare-cancel-2", 202, at=110.7)),
        "a cancel without a credential by POST /cancel to be refused with 401",
        "202",
    ),
    (
        "cancellation.answer-payload",
        with_exchanges(IN_TWO_WAYS, by_post("cancel-2", 202, at=111.0, body=b"{}")),
        "a body as its schema has it",
        "'of' is a required property",
    ),
    (
        "cancellation.answer-payload",
        with_exchanges(IN_TWO_WAYS, answer("cancel-again", 200, body=b"done")),
        "a JSON document as application/json",
        "done",
    ),
    (
        "cancellation.reason-told",
        with_exchanges(
            IN_TWO_WAYS,
            second(frame(1, "start"), cancelled(2)),
        ),
        '"late" at /why of the terminal event after the cancel request by POST /cancel',
        "nothing",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG_SECOND)
def test_what_is_wrong_with_one_of_two_requests_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got, TWO)


UNPROVEN_SECOND: list[tuple[str, Evidence, str]] = [
    (
        "cancellation.answer-payload",
        with_exchanges(IN_TWO_WAYS, by_post("cancel-2", 500, at=111.0)),
        "no cancel was answered as declared",
    ),
    (
        "cancellation.reason-told",
        with_exchanges(
            IN_TWO_WAYS, stream("stream-2", frame(1, "start"), at=110.0, key="K2")
        ),
        "no event says cancelled",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN_SECOND)
def test_evidence_of_one_of_two_requests_alone_proves_nothing(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why, TWO)


def test_ids_in_the_bodies_of_cancels_are_no_difference() -> None:
    def refusal(label: str, stream_id: str, user: str) -> Exchange:
        told = f'{{"error": {{"code": "X", "message": "no stream {stream_id}"}}}}'
        made = by_post(label, 404, body=told.encode(), at=110.9, user=user)
        body = json.dumps({"of": [stream_id], "why": "late"}).encode()
        return replace(made, request=replace(made.request, body=body))

    both = with_exchanges(
        IN_TWO_WAYS,
        refusal("foreign-cancel-2", "s-abc", "bob"),
        refusal("unknown-cancel-2", "s-xyz", "ann"),
    )

    assert findings("cancellation.foreign-like-unknown", both, TWO) == []


@pytest.mark.parametrize("id_", ["no-tokens-after", "no-further-calls"])
@pytest.mark.parametrize("phase", PHASES)
def test_leaving_is_judged_like_a_cancel(id_: str, phase: str) -> None:
    assert findings(f"cancellation.{id_}", left(phase)) == []


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_model_call_that_runs_on_is_found(id_: str) -> None:
    phase = (EXPLICIT | LEFT)[id_]
    wrong = replace(
        RIGHT[id_], calls=(call("completed", **PHASES[phase], ended=105.0),)
    )

    assert_finding(id_, wrong, "the model call to be closed within", "completed")


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_model_call_that_is_never_closed_is_found(id_: str) -> None:
    wrong = replace(RIGHT[id_], calls=(open_in((EXPLICIT | LEFT)[id_]),))

    assert_finding(id_, wrong, "the model call to be closed within", "still open")


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_model_call_that_is_closed_late_is_a_timed_finding(id_: str) -> None:
    wrong = replace(RIGHT[id_], calls=(closed_in((EXPLICIT | LEFT)[id_], 103.0),))

    (found,) = findings(id_, wrong)

    assert found.timed
    assert found.got.startswith("closed after 2000 ms: model call 1 (cancelled_")
    assert samples(id_, wrong) == [2000]


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_call_in_another_phase_proves_nothing(id_: str) -> None:
    phase = (EXPLICIT | LEFT)[id_]
    other = next(each for each in PHASES if each != phase)
    elsewhere = replace(RIGHT[id_], calls=(closed_in(other, 101.02),))

    assert_untestable(id_, elsewhere, "expected the model call of 'stream' to stand")


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_call_that_was_over_before_proves_nothing(id_: str) -> None:
    over = replace(RIGHT[id_], calls=(complete_call(),))

    assert_untestable(id_, over, "stood outside of its life")


@pytest.mark.parametrize("id_", CALL_CLOSED)
def test_a_stream_that_was_refused_proves_nothing(id_: str) -> None:
    refused = with_exchanges(RIGHT[id_], answer("stream", 429, "TOO_MANY"))

    assert_untestable(id_, refused, "expected an event stream, got 429")


def told(*frames: bytes, ending: EndingKind = EndingKind.CLEAN) -> Evidence:
    return with_exchanges(
        CANCELLED, stream("stream", *frames, step_s=0.52, ending=ending)
    )


def later(*frames: bytes) -> Evidence:
    return with_exchanges(GONE, stream("afterwards", *frames, at=103.0, after="s-1"))


def foreign_with(status: int, code: str) -> Evidence:
    return with_exchanges(
        CANCELLED, answer("foreign-cancel", status, code, at=100.9, user="bob")
    )


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "cancellation.grace-kept",
        replace(GONE, calls=(closed_in("midstream", 101.1),)),
        "the run to go on for 500 ms after the reader's leaving",
        "its model call was closed after 100 ms",
    ),
    (
        "cancellation.no-tokens-after",
        replace(CANCELLED, calls=(closed_in("midstream", 101.02, after_peer_gone=3),)),
        "no token generated after its end",
        "3 of them too late",
    ),
    (
        "cancellation.no-tokens-after",
        replace(
            CANCELLED,
            calls=(call(accepted=100.1, token_sent=100.3, ended=105.0),),
        ),
        "a cancelled model call",
        "model call 1 (completed, 2 tokens generated)",
    ),
    (
        "cancellation.no-further-calls",
        replace(
            CANCELLED,
            calls=(*CANCELLED.calls, call(turn=2, accepted=101.2, ended=102.0)),
        ),
        "no model call after the cancel request had ended the run",
        "200 ms after it: model call 2",
    ),
    (
        "cancellation.reader-told",
        told(frame(1, "start")),
        "a terminal event that says cancelled",
        "clean end after start (id 's-1')",
    ),
    (
        "cancellation.reader-told",
        told(frame(1, "start"), done(2)),
        "a terminal event that says cancelled",
        "done (id 's-2'), which says success",
    ),
    (
        "cancellation.reader-told",
        told(frame(1, "start"), error(2)),
        "a terminal event that says cancelled",
        "which says error",
    ),
    (
        "cancellation.reader-told",
        told(frame(1, "start"), cancelled(2), cancelled(3)),
        "nothing after the terminal event",
        "error (id 's-3')",
    ),
    (
        "cancellation.reader-told",
        told(frame(1, "start"), cancelled(2), ending=EndingKind.DEADLINE),
        "to end properly after the terminal event",
        "deadline end",
    ),
    (
        "cancellation.reader-told",
        with_exchanges(
            CANCELLED, stream("stream", frame(1, "start"), cancelled(2), step_s=1.5)
        ),
        "the terminal event within 1000 ms of the cancel request",
        "after 2000 ms",
    ),
    (
        "cancellation.accepted-answer",
        with_exchanges(CANCELLED, answer("cancel", 500)),
        "202 for a cancel of a running stream",
        "500",
    ),
    (
        "cancellation.idempotent-answer",
        with_exchanges(CANCELLED, answer("cancel-again", 404, "NO_STREAM")),
        "200 or 202 for a second cancel",
        "404",
    ),
    (
        "cancellation.finished-answer",
        with_exchanges(FINISHED, answer("cancel-finished", 404, "NO_STREAM")),
        "200 for a cancel of a finished stream",
        "404",
    ),
    (
        "cancellation.foreign-refused",
        foreign_with(202, "OK"),
        "another user's cancel to be refused with 404",
        "202",
    ),
    (
        "cancellation.foreign-refused",
        replace(CANCELLED, calls=(closed_in("midstream", 100.92),)),
        "the run to go on after another user's cancel",
        "its model call was closed 20 ms after that",
    ),
    (
        "cancellation.foreign-like-unknown",
        foreign_with(403, "NO_STREAM"),
        "the same status as for 'unknown-cancel': 404",
        "403",
    ),
    (
        "cancellation.foreign-like-unknown",
        foreign_with(404, "NOT_YOURS"),
        "the same code as for 'unknown-cancel': \"NO_STREAM\"",
        '"NOT_YOURS"',
    ),
    (
        "cancellation.foreign-like-unknown",
        foreign_with(202, "OK"),
        "the same status as for 'unknown-cancel': 404",
        "202",
    ),
    (
        "cancellation.unknown-refused",
        with_exchanges(CANCELLED, answer("unknown-cancel", 202)),
        "a cancel of a stream that does not exist to be refused with 404",
        "202",
    ),
    (
        "cancellation.refusals-are-json",
        with_exchanges(CANCELLED, answer("unknown-cancel", 404, body=b"Not Found")),
        "a refusal that is one JSON document",
        "Not Found",
    ),
    (
        "cancellation.log-tells-later",
        with_exchanges(GONE, answer("afterwards", 404, "NO_STREAM", after="s-1")),
        "the events after 's-1', the last one saying cancelled",
        "404",
    ),
    (
        "cancellation.log-tells-later",
        later(token(2)),
        "a terminal event that says cancelled",
        "clean end after token (id 's-2')",
    ),
    (
        "cancellation.log-tells-later",
        later(cancelled(3)),
        "the event that follows 's-1'",
        "s-3",
    ),
    (
        "cancellation.normal-end-is-no-cancel",
        replace(FINISHED, calls=(closed_in("midstream", 100.5),)),
        "every model call of a completed run to be read to its end",
        "cancelled_midstream",
    ),
    (
        "cancellation.normal-end-is-no-cancel",
        replace(FINISHED, calls=(complete_call(), open_in("midstream"))),
        "every model call of a completed run to be read to its end",
        "still open",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got)


OVER = replace(CANCELLED, calls=(complete_call(),))
UNMARKED = replace(CANCELLED, marks={})

UNPROVEN: list[tuple[str, Evidence, str]] = [
    ("cancellation.grace-kept", replace(GONE, calls=(complete_call(),)), "its life"),
    (
        "cancellation.grace-kept",
        replace(GONE, calls=(open_in("midstream"),)),
        "never closed",
    ),
    ("cancellation.needs-credential", OVER, "outside of its life"),
    ("cancellation.no-tokens-after", OVER, "outside of its life"),
    ("cancellation.no-tokens-after", UNMARKED, "neither cancelled the run nor left"),
    ("cancellation.no-further-calls", OVER, "outside of its life"),
    ("cancellation.no-further-calls", replace(CANCELLED, calls=()), "no model call"),
    ("cancellation.reader-told", OVER, "outside of its life"),
    ("cancellation.accepted-answer", OVER, "outside of its life"),
    (
        "cancellation.accepted-answer",
        without(CANCELLED, "cancel"),
        "no exchange 'cancel'",
    ),
    ("cancellation.idempotent-answer", OVER, "outside of its life"),
    (
        "cancellation.finished-answer",
        with_exchanges(
            FINISHED, stream("stream", token(1), ending=EndingKind.DEADLINE)
        ),
        "did not finish",
    ),
    ("cancellation.foreign-refused", OVER, "outside of its life"),
    (
        "cancellation.foreign-refused",
        replace(
            told(frame(1, "start"), error(2, "TIMEOUT")),
            calls=(closed_in("midstream", 100.92),),
        ),
        "the run timed out on its model",
    ),
    (
        "cancellation.foreign-refused",
        with_exchanges(CANCELLED, answer("foreign-cancel", 404, "NO_STREAM")),
        "no second user",
    ),
    (
        "cancellation.foreign-like-unknown",
        with_exchanges(foreign_with(202, "OK"), answer("unknown-cancel", 202)),
        "neither was refused",
    ),
    (
        "cancellation.unknown-refused",
        without(CANCELLED, "unknown-cancel"),
        "no exchange 'unknown-cancel'",
    ),
    ("cancellation.refusals-are-json", FINISHED, "no cancel was refused"),
    (
        "cancellation.log-tells-later",
        replace(GONE, calls=(open_in("midstream"),)),
        "was not cancelled",
    ),
    (
        "cancellation.log-tells-later",
        with_exchanges(GONE, stream("afterwards", cancelled(2))),
        "no event id",
    ),
    (
        "cancellation.normal-end-is-no-cancel",
        replace(FINISHED, calls=()),
        "no model call of a completed stream",
    ),
    (
        "cancellation.normal-end-is-no-cancel",
        with_exchanges(FINISHED, stream("stream", error(1))),
        "no model call of a completed stream",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    wrong = {*CALL_CLOSED, *(row[0] for row in (*WRONG, *WRONG_SECOND))}
    unproven = {*CALL_CLOSED, *(row[0] for row in (*UNPROVEN, *UNPROVEN_SECOND))}
    unproven |= set(IN_BOTH)

    assert sorted(wrong) == ids_of("cancellation")
    assert sorted(unproven) == ids_of("cancellation")


def test_the_grace_is_part_of_the_bound_after_leaving() -> None:
    at_the_bound = replace(GONE, calls=(closed_in("midstream", 102.5),))

    assert findings("cancellation.fin-midstream", at_the_bound) == []


def test_a_grace_that_ends_a_moment_early_by_the_clock_is_kept() -> None:
    right = replace(GONE, calls=(closed_in("midstream", 101.46),))

    assert findings("cancellation.grace-kept", right) == []
    assert samples("cancellation.grace-kept", right) == [460]


def test_a_late_token_of_a_call_that_is_never_closed_is_counted() -> None:
    late = replace(
        CANCELLED,
        calls=(call(None, accepted=100.1, headers_sent=100.2, token_sent=103.0),),
    )

    assert_finding(
        "cancellation.no-tokens-after", late, "no token generated", "2 of them too late"
    )


def test_a_call_that_began_before_the_end_is_no_further_call() -> None:
    parallel = replace(
        CANCELLED,
        calls=(*CANCELLED.calls, call(None, turn=2, accepted=100.2)),
    )

    assert findings("cancellation.no-further-calls", parallel) == []


def test_stream_ids_in_messages_are_no_difference() -> None:
    def refusal(label: str, stream_id: str, user: str) -> Evidence:
        body = f'{{"error": {{"code": "X", "message": "no stream {stream_id}"}}}}'
        return with_exchanges(
            CANCELLED,
            answer(
                label,
                404,
                body=body.encode(),
                at=100.9,
                user=user,
                path=f"/prefix/streams/{stream_id}",
            ),
        )

    both = with_exchanges(
        refusal("foreign-cancel", "s-abc", "bob"),
        refusal("unknown-cancel", "s-xyz", "ann").exchange("unknown-cancel"),
    )

    assert findings("cancellation.foreign-like-unknown", both) == []
