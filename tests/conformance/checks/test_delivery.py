"""Checks of topic `delivery`: head and first event in 500 ms, each token in 250."""

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
    RICH,
    body,
    call,
    event,
    response,
    token,
)

from streamproof.conformance.model import Evidence
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import Heartbeat
from streamproof.conformance.wire import EndingKind


def held(event_at: float, head_at: float = 100.01, model_at: float = 101.0) -> Evidence:
    """Hold the model's head back until `model_at`."""
    late = call(model_at + 0.02, headers=model_at)
    end = max(event_at, model_at) + 0.1
    stream = response("stream", (event_at, event(1, "start")), (end, event(2, "done")))
    seen = replace(stream.transcript, head_at=head_at)
    return evidence(replace(stream, transcript=seen), calls=(late,))


def paced(*arrivals: float, texts: tuple[str, ...] | None = None) -> Evidence:
    """Send a token every 80 ms from 100.1 on; they arrive at these instants."""
    words = texts or tuple(f"word{n} " for n in range(len(arrivals)))
    frames = [
        (at, token(n, text))
        for n, (at, text) in enumerate(zip(arrivals, words, strict=True), 2)
    ]
    end = (102.0, event(len(frames) + 2, "done"))
    stream = response("stream", (100.02, event(1, "start")), *frames, end)
    sent = [100.1 + n * 0.08 for n in range(5)]
    return evidence(stream, calls=(call(*sent),))


PROMPT = paced(100.11, 100.19, 100.27, 100.35, 100.43)
RIGHT = {
    "delivery.head-in-time": held(100.03),
    "delivery.first-event-in-time": held(100.03),
    "delivery.tokens-as-produced": PROMPT,
    "delivery.one-event-per-token": PROMPT,
}

WRONG: list[tuple[str, Evidence, str, str]] = [
    (
        "head-in-time",
        held(101.2, head_at=101.1),
        "the response head within 500 ms",
        "1100 ms, after the model's answer",
    ),
    ("head-in-time", held(100.8, head_at=100.7), "within 500 ms", "700 ms"),
    (
        "first-event-in-time",
        held(101.2),
        "the first event within 500 ms of the request",
        "1200 ms, after the model's answer",
    ),
    (
        "first-event-in-time",
        evidence(body("stream", b": hb\n\n"), calls=(call(101.0),)),
        "a first event within 500 ms",
        "none at all",
    ),
    (
        "tokens-as-produced",
        paced(100.43, 100.43, 100.43, 100.43, 100.43),
        "token 1 within 250 ms",
        "330 ms",
    ),
    (
        "tokens-as-produced",
        paced(100.11, 100.19, 100.27),
        "5 tokens to time",
        "3 that arrived",
    ),
    (
        "one-event-per-token",
        paced(100.2, texts=("amber birch ",)),
        "one token of the model in one event",
        '"amber birch " in token',
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"delivery.{id_}" for id_, *_ in WRONG} == set(ids_of("delivery"))


@pytest.mark.parametrize("id_", ids_of("delivery"))
def test_right_delivery_passes(id_: str) -> None:
    assert findings(id_, RIGHT[id_], RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_delivery_is_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"delivery.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("delivery"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    refused = evidence(answer("stream", 500), calls=(call(100.1, 100.9),))

    assert_untestable(id_, refused, "500", RICH)


@pytest.mark.parametrize("id_", ids_of("delivery"))
def test_a_run_without_journal_proves_nothing(id_: str) -> None:
    assert_untestable(id_, replace(RIGHT[id_], calls=()), ".", RICH)


@pytest.mark.parametrize("id_", ["head-in-time", "first-event-in-time"])
def test_a_model_that_answered_at_once_proves_nothing(id_: str) -> None:
    quick = held(100.3, head_at=100.25, model_at=100.2)

    assert_untestable(f"delivery.{id_}", quick, "may have waited", RICH)


def test_an_early_head_is_measured_even_if_the_model_answers_soon() -> None:
    quick = held(100.03, model_at=100.2)

    assert samples("delivery.head-in-time", quick, RICH) == [10]
    assert samples("delivery.first-event-in-time", quick, RICH) == [30]


def test_lateness_after_the_models_answer_is_not_ours() -> None:
    id_ = "delivery.head-in-time"

    waited = findings(id_, held(101.2, head_at=101.1), RICH)
    slow = findings(id_, held(100.8, head_at=100.7), RICH)

    assert [f.timed for f in waited] == [False]
    assert [f.timed for f in slow] == [True]


def test_a_model_still_held_at_the_end_has_not_answered() -> None:
    given = held(100.03)
    mute = replace(given.calls[0], events=given.calls[0].events[:1])

    assert findings("delivery.head-in-time", replace(given, calls=(mute,)), RICH) == []


def test_a_head_without_time_proves_nothing() -> None:
    stream = held(100.03).exchanges[0]
    unknown = replace(stream, transcript=replace(stream.transcript, head_at=None))
    given = evidence(unknown, calls=(call(101.0),))

    assert_untestable("delivery.head-in-time", given, "no time of the head", RICH)


def test_time_counts_from_the_complete_request_or_else_the_start() -> None:
    given = held(100.2)
    stream = given.exchanges[0]
    seen = stream.transcript
    later = replace(stream, transcript=replace(seen, request_sent_at=100.1))
    unknown = replace(stream, transcript=replace(seen, request_sent_at=None))
    id_ = "delivery.first-event-in-time"

    assert samples(id_, replace(given, exchanges=(later,)), RICH) == [100]
    assert samples(id_, replace(given, exchanges=(unknown,)), RICH) == [200]


def test_the_lag_of_every_token_is_measured() -> None:
    assert samples("delivery.tokens-as-produced", PROMPT, RICH) == [10] * 5


def test_tokens_beyond_those_of_the_first_call_are_not_timed() -> None:
    given = paced(100.11, 100.19, 100.27, 100.35, 100.43, 109.0)

    assert findings("delivery.tokens-as-produced", given, RICH) == []


def test_tokens_sent_all_at_once_prove_nothing_on_pace() -> None:
    given = replace(PROMPT, calls=(call(100.1, 100.11),))

    assert_untestable("delivery.tokens-as-produced", given, "all at once", RICH)


@pytest.mark.parametrize(
    "id_", ["head-in-time", "first-event-in-time", "tokens-as-produced"]
)
def test_a_profile_without_latency_is_never_judged(id_: str) -> None:
    profile = RICH.model_copy(update={"latency": None})
    id_ = f"delivery.{id_}"

    assert_untestable(id_, RIGHT[id_], "declares no latency", profile)


def test_a_stream_that_broke_off_is_still_judged_on_what_arrived() -> None:
    stream = response(
        "stream", (100.9, event(1, "start")), ending=EndingKind.PREMATURE_EOF
    )
    given = evidence(stream, calls=(call(102.1, headers=102.0),))

    assert_finding("delivery.first-event-in-time", given, "500 ms", "900 ms", RICH)


@pytest.mark.parametrize(
    ("opens", "beat_at", "is_right"),
    [(True, 100.03, True), (True, 100.7, False), (False, 100.03, False)],
)
def test_a_heartbeat_counts_where_it_opens_every_response(
    beat_at: float, *, opens: bool, is_right: bool
) -> None:
    heartbeat = Heartbeat(form="comment", opens=opens)
    profile = RICH.model_copy(update={"heartbeat": heartbeat})
    beat, event_ = (beat_at, b": hb\n\n"), (100.8, event(1, "start"))
    given = evidence(
        response("stream", beat, event_, (101.1, event(2, "done"))),
        calls=(call(101.02, headers=101.0),),
    )

    found = findings("delivery.first-event-in-time", given, profile)

    assert (found == []) is is_right


def in_portions(words: int) -> Profile:
    """Return the rich profile of a target that gathers so many words."""
    assert RICH.steering.token is not None
    token_text = RICH.steering.token.model_copy(update={"words": words})
    steering = RICH.steering.model_copy(update={"token": token_text})
    return RICH.model_copy(update={"steering": steering})


GATHERED = evidence(
    response(
        "stream",
        (100.05, event(1, "start")),
        (100.19, token(2, "amber birch ")),
        (100.35, token(3, "cedar delta ")),
        (100.44, token(4, "ember ")),
        (100.5, event(5, "done")),
    ),
    calls=(call(100.1, 100.18, 100.26, 100.34, 100.42),),
)


def test_a_gathered_token_is_due_once_its_portion_is_full() -> None:
    id_ = "delivery.tokens-as-produced"

    assert samples(id_, GATHERED, in_portions(2)) == [10, 10, 10, 10, 20]
    assert samples(id_, GATHERED, RICH) == [90, 10, 90, 10, 20]


def test_an_event_holds_no_more_than_a_portion() -> None:
    id_ = "delivery.one-event-per-token"

    assert findings(id_, GATHERED, in_portions(2)) == []
    assert_finding(id_, GATHERED, "one token", "amber birch", RICH)
    three = replace(
        GATHERED,
        exchanges=(response("stream", (100.3, token(1, "amber birch cedar "))),),
    )
    assert_finding(id_, three, "at most 2 tokens", "cedar", in_portions(2))
