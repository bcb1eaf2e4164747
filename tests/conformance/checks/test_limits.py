"""Checks of topic `limits`, on hand-made evidence."""

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
    ids_of,
    silence,
    stream,
    token,
    with_exchanges,
    without,
)

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.wire import EndingKind


def refused(label: str, after_s: str = "3") -> Exchange:
    headers = {"Retry-After": after_s}
    return answer(label, 429, "TOO_MANY", headers=headers, key=f"K-{label}")


def accepted(label: str) -> Exchange:
    return stream(label, token(1), done(2), key=f"K-{label}", ended_at=103.0)


BURST = evidence(
    accepted("start-1"),
    # The probe dropped this reader and came back at once.
    stream("start-2", token(1), key="K-start-2", ending=EndingKind.CLOSED_BY_US),
    refused("start-3"),
    refused("start-4"),
    stream("other-user", token(1), done(2), user="bob", key="K-other"),
    stream("resumed", done(2), after="s-1", key="K-start-2"),
    accepted("again-1"),
    accepted("again-2"),
    calls=(complete_call(key="K-start-1"), complete_call(key="K-start-2")),
    facts={"starts": 4},
)


def with_accepted(base: Evidence, *labels: str) -> Evidence:
    """Return the evidence with these starts accepted, model call and all."""
    calls = tuple(complete_call(key=f"K-{label}") for label in labels)
    changed = with_exchanges(base, *(accepted(label) for label in labels))
    return replace(changed, calls=(*base.calls, *calls))


def slots(*used: Exchange) -> Evidence:
    return evidence(*used, accepted("again-1"), accepted("again-2"))


LEFT = EndingKind.CLOSED_BY_US
SLOTS = {
    "limits.slot-back-after-complete": slots(accepted("used-1"), accepted("used-2")),
    "limits.slot-back-after-error": slots(
        stream("used-1", error(1)), stream("used-2", error(1))
    ),
    "limits.slot-back-after-cancel": slots(
        stream("used-1", cancelled(1)), stream("used-2", cancelled(1))
    ),
    "limits.slot-back-after-leave": slots(
        stream("used-1", token(1), ending=LEFT), stream("used-2", token(1), ending=LEFT)
    ),
    "limits.slot-back-after-early-leave": slots(
        silence("used-1", LEFT), silence("used-2", LEFT)
    ),
}

RIGHT = dict.fromkeys(ids_of("limits"), BURST) | SLOTS


@pytest.mark.parametrize("id_", ids_of("limits"))
def test_right_evidence_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_]) == []


def test_the_burst_shows_too_that_completed_streams_give_their_slots_back() -> None:
    assert findings("limits.slot-back-after-complete", BURST) == []
    assert_finding(
        "limits.slot-back-after-complete",
        with_exchanges(BURST, refused("again-2")),
        "2 free slots after 2 streams that ended by complete",
        "429",
    )


def test_a_run_that_failed_before_its_model_call_was_accepted_all_the_same() -> None:
    failed = stream("start-1", token(1), error(2), key="K-start-5", ended_at=103.0)

    assert findings("limits.exact-under-burst", with_exchanges(BURST, failed)) == []


@pytest.mark.parametrize("id_", SLOTS)
def test_a_slot_that_did_not_come_back_is_found(id_: str) -> None:
    wrong = with_exchanges(SLOTS[id_], refused("again-2"))

    assert_finding(id_, wrong, "2 free slots after 2 streams", "429 application/json")


@pytest.mark.parametrize("id_", SLOTS)
def test_slots_that_were_never_used_prove_nothing(id_: str) -> None:
    unused = with_exchanges(SLOTS[id_], refused("used-2"))

    assert_untestable(id_, unused, "expected 2 streams that ended by .* got 1")


@pytest.mark.parametrize("id_", SLOTS)
def test_too_few_starts_afterwards_prove_nothing(id_: str) -> None:
    assert_untestable(id_, without(SLOTS[id_], "again-2"), "only 1 starts afterwards")


WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "limits.exact-under-burst",
        with_accepted(BURST, "start-3"),
        "exactly 2 of 4 simultaneous starts accepted",
        "3 accepted (start-1, start-2, start-3)",
    ),
    (
        "limits.exact-under-burst",
        with_exchanges(BURST, refused("start-2")),
        "exactly 2 of 4 simultaneous starts accepted",
        "1 accepted (start-1)",
    ),
    (
        "limits.refusal-status",
        with_exchanges(BURST, answer("start-3", 500)),
        "a start over the limit to be refused with 429",
        "500 application/json",
    ),
    (
        # It never got a model call, although every accepted start did.
        "limits.refusal-status",
        with_exchanges(BURST, stream("start-3", error(1), key="K-start-3")),
        "a start over the limit to be refused with 429",
        "200 text/event-stream, a stream with 1 events",
    ),
    (
        "limits.refusal-shape",
        with_exchanges(BURST, answer("start-3", 429, body=b"slow down")),
        "a refusal that is one JSON document",
        "slow down",
    ),
    (
        "limits.refusal-shape",
        with_exchanges(BURST, answer("start-3", 429, "OTHER")),
        "refused with 'TOO_MANY' at /error/code",
        '"OTHER"',
    ),
    (
        "limits.retry-after",
        with_exchanges(BURST, answer("start-3", 429, "TOO_MANY")),
        "Retry-After with whole seconds or an HTTP-date",
        "no Retry-After",
    ),
    (
        "limits.retry-after",
        with_exchanges(BURST, refused("start-3", "1.5")),
        "Retry-After with whole seconds or an HTTP-date",
        "Retry-After: 1.5",
    ),
    (
        "limits.refused-reach-no-model",
        replace(BURST, calls=(*BURST.calls, complete_call(key="K-start-4"))),
        "no model call for a start over the limit",
        "1 of them with 429",
    ),
    (
        "limits.per-user",
        with_exchanges(BURST, replace(refused("other-user"), user="bob")),
        "another user's start to be accepted",
        "429",
    ),
    (
        "limits.resume-takes-no-slot",
        with_exchanges(BURST, answer("resumed", 429, "TOO_MANY", after="s-1")),
        "the stream to go on after 's-1', limit or not",
        "429",
    ),
]


@pytest.mark.parametrize(("id_", "wrong", "expected", "got"), WRONG)
def test_wrong_evidence_is_found(
    id_: str, wrong: Evidence, expected: str, got: str
) -> None:
    assert_finding(id_, wrong, expected, got)


ALL_ACCEPTED = with_accepted(BURST, "start-3", "start-4")
ELSEWHERE = with_exchanges(BURST, answer("start-3", 500), answer("start-4", 500))

UNPROVEN: list[tuple[str, Evidence, str]] = [
    (
        "limits.exact-under-burst",
        with_exchanges(BURST, silence("start-4", EndingKind.NOT_CONNECTED)),
        "1 of 4 simultaneous starts got no answer",
    ),
    (
        "limits.exact-under-burst",
        with_exchanges(
            BURST,
            stream("start-1", done(1), key="K-start-1", ended_at=100.0),
            stream("start-3", done(1), key="K-start-1", at=100.5),
        ),
        "not open at one time",
    ),
    ("limits.exact-under-burst", evidence(accepted("start-1")), "cannot pass a limit"),
    ("limits.refusal-status", ALL_ACCEPTED, "every start was accepted"),
    ("limits.refusal-shape", ELSEWHERE, "no start was refused with 429"),
    ("limits.retry-after", ELSEWHERE, "no start was refused with 429"),
    ("limits.refused-reach-no-model", ALL_ACCEPTED, "no start was refused"),
    ("limits.refused-reach-no-model", replace(BURST, calls=()), "not even an accept"),
    (
        "limits.refused-reach-no-model",
        with_exchanges(BURST, answer("start-3", 429, "TOO_MANY", key="K-start-1")),
        "share a steering key",
    ),
    ("limits.per-user", ELSEWHERE, "no start was refused with 429"),
    ("limits.per-user", without(BURST, "other-user"), "no exchange 'other-user'"),
    (
        "limits.per-user",
        with_exchanges(BURST, accepted("other-user")),
        "no second user",
    ),
    ("limits.resume-takes-no-slot", ELSEWHERE, "no start was refused with 429"),
    (
        "limits.resume-takes-no-slot",
        with_exchanges(BURST, stream("resumed", done(2))),
        "no event id",
    ),
]


@pytest.mark.parametrize(("id_", "unproven", "why"), UNPROVEN)
def test_evidence_that_proves_nothing_never_passes(
    id_: str, unproven: Evidence, why: str
) -> None:
    assert_untestable(id_, unproven, why)


def test_every_check_has_wrong_and_unproven_evidence() -> None:
    assert sorted({*SLOTS, *(row[0] for row in WRONG)}) == ids_of("limits")
    assert sorted({*SLOTS, *(row[0] for row in UNPROVEN)}) == ids_of("limits")


@pytest.mark.parametrize("value", ["0", "120", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_seconds_and_dates_are_good_in_retry_after(value: str) -> None:
    right = with_exchanges(BURST, refused("start-3", value))

    assert findings("limits.retry-after", right) == []


@pytest.mark.parametrize("value", ["-1", "1s", "soon", "", "٣", "1999-12-31T23:59:59Z"])
def test_anything_else_is_not_good_in_retry_after(value: str) -> None:
    wrong = with_exchanges(BURST, refused("start-3", value))

    assert_finding("limits.retry-after", wrong, "whole seconds", "Retry-After:")


def test_many_equal_findings_are_cut_short() -> None:
    starts = [answer(f"start-{n}", 500) for n in range(3, 20)]
    found = findings("limits.refusal-status", with_exchanges(BURST, *starts))

    assert len(found) == 5
    assert found[-1].got.endswith("(and so for 12 more starts)")


def test_a_slot_not_back_in_time_may_be_the_suites_own_lateness() -> None:
    wrong = with_exchanges(SLOTS["limits.slot-back-after-leave"], refused("again-1"))

    assert findings("limits.slot-back-after-leave", wrong)[0].timed


def test_the_limit_comes_out_of_the_profile() -> None:
    assert PROFILE.limits is not None
    three = PROFILE.model_copy(
        update={"limits": PROFILE.limits.model_copy(update={"streams_per_user": 3})}
    )

    assert_finding(
        "limits.exact-under-burst", BURST, "exactly 3 of 4", "2 accepted", three
    )
