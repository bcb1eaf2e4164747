"""Checks of topic `lifecycle`: right runs, wrong ones, and ones that prove nothing."""

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
    OTHER,
    PIPELINE,
    RICH,
    RUN,
    body,
    call,
    ended_by,
    event,
    only,
    pipeline_event,
    pipeline_frames,
    response,
    resumed,
    run,
    token,
)

from streamproof.conformance.model import Evidence, Exchange
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.schema import EventMatch, Terminal
from streamproof.conformance.wire import EndingKind

CALLS = (call(100.02, 100.03), call(100.02, 100.03, key="K-twin"))
CEDAR = body(
    "b",
    event(1, "start", run=OTHER),
    token(2, "cedar ", OTHER),
    token(3, "fern", OTHER),
    event(4, "done", run=OTHER),
    key="K-twin",
)
BOTH = evidence(run("a"), CEDAR, calls=CALLS)
RIGHT = replace(BOTH, facts={"text_a": "amber birch", "text_b": "cedar fern"})
START, DONE = event(1, "start"), event(4, "done")


def error(n: int) -> bytes:
    return event(n, "error", code="BROKEN")


def at_end(kind: EndingKind, at: float | None = None) -> Evidence:
    return evidence(ended_by(run(), kind, at))


WRONG: list[tuple[str, Evidence, str, str]] = [
    ("order", only(token(1)), "start as event 1, at the start", "token (id"),
    (
        "order",
        only(START, event(2, "start")),
        "done or token as event 2, after start",
        f"start (id '{RUN}-2')",
    ),
    (
        "order",
        evidence(run(), body("resumed", START, after=f"{RUN}-2")),
        "done or token as event 3, at the start",
        "start (id",
    ),
    ("order", only(error(1)), "start as event 1", "error (id"),
    ("completes", only(START, error(2)), "ends in success", "the outcome error"),
    ("completes", only(START), "ends in success", "start (id"),
    ("one-terminal", only(START), "exactly one terminal event", "0 of them"),
    ("one-terminal", only(START, DONE, DONE), "exactly one", "2 of them"),
    (
        "one-terminal",
        evidence(ended_by(body("stream", START), EndingKind.DEADLINE)),
        "exactly one",
        "deadline end",
    ),
    (
        "one-terminal",
        evidence(run(), ended_by(only(DONE, DONE).exchanges[0], EndingKind.CLEAN)),
        "exactly one",
        "2 of them",
    ),
    ("nothing-after-terminal", only(START, DONE, token(5)), "nothing", "bytes: "),
    ("nothing-after-terminal", only(DONE, b"data: x"), "nothing", "data: x"),
    (
        "closes-after-terminal",
        evidence(response("stream", (100.02, START), (100.03, DONE), ended_at=102.0)),
        "within 1000 ms",
        "closed 1970 ms after it",
    ),
    (
        "closes-after-terminal",
        at_end(EndingKind.DEADLINE, 105.0),
        "within 1000 ms",
        "still open",
    ),
    ("clean-end", at_end(EndingKind.PREMATURE_EOF), "zero-length", "premature eof"),
    (
        "clean-end",
        at_end(EndingKind.RESET),
        "zero-length chunk",
        "reset end after done",
    ),
    (
        "all-tokens-arrive",
        evidence(run(), calls=(call(100.02, 100.03, 100.04),)),
        "all 3 tokens",
        "2 in 2 token events",
    ),
    (
        "all-tokens-arrive",
        evidence(run(), calls=(call(100.02),)),
        "all 1 tokens",
        "2 in 2 token events",
    ),
    (
        "one-generation",
        evidence(run(), calls=(CALLS[0], CALLS[0])),
        "1 model calls",
        "2 with key K",
    ),
    (
        "one-generation",
        evidence(run("a"), run("b", OTHER, "K-2"), calls=CALLS[:1]),
        "1 model calls",
        "0 with key K-2",
    ),
    (
        "streams-do-not-mix",
        replace(RIGHT, facts={"text_a": "amber", "text_b": "birch"}),
        "this stream's own model",
        '"birch" of the other stream',
    ),
]


def test_every_check_of_the_topic_is_proven_here() -> None:
    assert {f"lifecycle.{id_}" for id_, *_ in WRONG} == set(ids_of("lifecycle"))


@pytest.mark.parametrize("id_", ids_of("lifecycle"))
def test_right_runs_pass(id_: str) -> None:
    assert findings(id_, RIGHT, RICH) == []


@pytest.mark.parametrize(("id_", "given", "expected", "got"), WRONG)
def test_wrong_runs_are_found(
    id_: str, given: Evidence, expected: str, got: str
) -> None:
    assert_finding(f"lifecycle.{id_}", given, expected, got, RICH)


@pytest.mark.parametrize("id_", ids_of("lifecycle"))
def test_a_refused_request_proves_nothing(id_: str) -> None:
    refused = evidence(answer("a", 500), answer("b", 500), calls=CALLS)

    assert_untestable(id_, refused, ".", RICH)


@pytest.mark.parametrize(
    "id_",
    [
        "lifecycle.completes",
        "lifecycle.one-terminal",
        "lifecycle.nothing-after-terminal",
        "lifecycle.closes-after-terminal",
        "lifecycle.clean-end",
        "lifecycle.all-tokens-arrive",
        "lifecycle.one-generation",
    ],
)
def test_a_stream_that_we_left_proves_nothing(id_: str) -> None:
    left = evidence(
        ended_by(body("stream", START, token(2)), EndingKind.CLOSED_BY_US),
        calls=(call(100.02, 100.03),),
    )

    assert_untestable(id_, left, ".", RICH)


@pytest.mark.parametrize("id_", ["all-tokens-arrive", "one-generation"])
def test_a_run_without_journal_proves_nothing(id_: str) -> None:
    assert_untestable(f"lifecycle.{id_}", evidence(run()), "call", RICH)


def test_an_order_without_events_proves_nothing() -> None:
    assert_untestable("lifecycle.order", only(b": hb\n\n"), "no event", RICH)


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([START, token(2)], id="cut"),
        pytest.param([START, token(2), error(3)], id="error"),
        pytest.param([START, error(2)], id="early error"),
        pytest.param([START, DONE, START], id="what follows the end is judged apart"),
    ],
)
def test_a_prefix_of_the_grammar_is_in_order(frames: list[bytes]) -> None:
    assert findings("lifecycle.order", only(*frames), RICH) == []


def test_order_goes_on_over_resumes() -> None:
    cuts = [
        ended_by(body("cut-0001", START), EndingKind.CLOSED_BY_US),
        ended_by(body("cut-0002", token(2), after=f"{RUN}-1"), EndingKind.CLOSED_BY_US),
        body("cut-0003", DONE, after=f"{RUN}-2"),
        body("unknown", START, after="elsewhere-7"),
    ]

    assert findings("lifecycle.order", evidence(*cuts), RICH) == []


def test_a_resume_is_not_blamed_for_what_came_before_it() -> None:
    given = evidence(body("stream", token(1)), body("resumed", DONE, after=f"{RUN}-1"))

    found = findings("lifecycle.order", given, RICH)

    assert [f.exchange for f in found] == ["stream"]


def test_a_whole_pipeline_is_in_order_and_one_that_skips_a_node_is_not() -> None:
    frames = pipeline_frames()
    skipping = frames[:-1]

    assert findings("lifecycle.order", only(*frames), PIPELINE) == []
    assert findings("lifecycle.completes", only(*frames), PIPELINE) == []
    assert_finding("lifecycle.completes", only(*skipping), "success", "clean", PIPELINE)
    skipped = [*frames[:4], pipeline_event(5, "token-stream", 2, {"text": "x"})]
    assert_finding(
        "lifecycle.order", only(*skipped), "node-enter as event 5", "token", PIPELINE
    )


def test_a_resume_after_the_terminal_event_needs_no_terminal() -> None:
    given = evidence(run(), body("after-0004", after=f"{RUN}-4"))

    assert findings("lifecycle.one-terminal", given, RICH) == []
    assert findings("lifecycle.completes", given, RICH) == []


def test_a_stream_that_we_left_may_lack_its_terminal_but_have_no_two() -> None:
    left = ended_by(body("left", START, DONE, DONE), EndingKind.CLOSED_BY_US)

    found = findings("lifecycle.one-terminal", evidence(run(), left), RICH)

    assert [f.exchange for f in found] == ["left"]


def test_heartbeats_and_blank_lines_after_the_end_are_judged_elsewhere() -> None:
    given = only(START, DONE, b": hb\n\n", b"\n")

    assert findings("lifecycle.nothing-after-terminal", given, RICH) == []


def test_the_line_feed_of_the_last_blank_line_is_not_something() -> None:
    crlf = b'data: {"type": "done"}\r\n\r\n'

    assert findings("lifecycle.nothing-after-terminal", only(crlf), RICH) == []


def test_the_time_to_close_is_measured() -> None:
    assert samples("lifecycle.closes-after-terminal", evidence(run()), RICH) == [10]


def test_lateness_at_the_end_may_be_our_own() -> None:
    late = response("stream", (100.02, START), (100.03, DONE), ended_at=102.0)
    given_up = ended_by(body("stream", START), EndingKind.DEADLINE)

    found = [
        *findings("lifecycle.closes-after-terminal", evidence(late), RICH),
        *findings("lifecycle.one-terminal", evidence(given_up), RICH),
        *findings("lifecycle.completes", evidence(given_up), RICH),
    ]

    assert [f.timed for f in found] == [True, True, True]


def test_two_terminals_are_not_a_matter_of_time() -> None:
    given = evidence(ended_by(body("stream", DONE, DONE), EndingKind.DEADLINE))

    assert [f.timed for f in findings("lifecycle.one-terminal", given, RICH)] == [False]


def test_a_stream_that_we_gave_up_before_it_had_to_close_proves_nothing() -> None:
    early = at_end(EndingKind.DEADLINE, 100.5)

    assert_untestable("lifecycle.closes-after-terminal", early, "beyond", RICH)


def test_tokens_in_one_event_are_counted_by_their_words() -> None:
    exchange = body("stream", START, token(2, "amber birch"), event(3, "done"))
    given = evidence(exchange, calls=(call(100.02, 100.03),))

    assert findings("lifecycle.all-tokens-arrive", given, RICH) == []


def test_a_resumed_response_has_no_run_of_its_own() -> None:
    given = evidence(run(), resumed(), calls=(call(100.02, 100.03),))

    assert findings("lifecycle.one-generation", given, RICH) == []
    assert findings("lifecycle.all-tokens-arrive", given, RICH) == []


def test_a_run_that_is_not_over_may_have_made_fewer_calls() -> None:
    unfinished = body("b", event(1, "start", run=OTHER), key="K-2")
    given = evidence(run("a"), unfinished, calls=CALLS[:1])

    assert findings("lifecycle.one-generation", given, RICH) == []


def test_streams_one_after_the_other_cannot_mix() -> None:
    later = response("b", (200.0, START), (200.1, token(2)), (200.2, DONE))

    assert_untestable(
        "lifecycle.streams-do-not-mix",
        replace(RIGHT, exchanges=(run("a"), later)),
        "same time",
        RICH,
    )


def test_streams_without_tokens_cannot_mix() -> None:
    silent = replace(RIGHT, exchanges=(run("a"), body("b", START)))

    assert_untestable("lifecycle.streams-do-not-mix", silent, "tokens in both", RICH)


def with_terminal(**values: object) -> Profile:
    terminal = Terminal.model_validate(values)
    return RICH.model_copy(update={"terminal": terminal})


SENTINEL = with_terminal(form="sentinel", sentinel="[DONE]")
TWO_SIGNS = with_terminal(
    form="event-then-sentinel",
    sentinel="[DONE]",
    success=(EventMatch(type="done"),),
    error=(EventMatch(type="error"),),
)
STATE = with_terminal(form="eof-after-state", success=(EventMatch(type="done"),))
EOF = with_terminal(form="eof")
MARK = b"data: [DONE]\n\n"


def judged(profile: Profile, *frames: bytes) -> list[str]:
    """Return which checks of the end find something in a stream of these frames."""
    given = evidence(body("stream", *frames))
    ends = ("completes", "one-terminal", "nothing-after-terminal")
    return [id_ for id_ in ends if findings(f"lifecycle.{id_}", given, profile)]


@pytest.mark.parametrize(
    ("profile", "frames", "broken"),
    [
        (SENTINEL, [START, MARK], []),
        (SENTINEL, [START, MARK, MARK], ["one-terminal", "nothing-after-terminal"]),
        (SENTINEL, [START, MARK, START], ["nothing-after-terminal"]),
        (TWO_SIGNS, [START, DONE, MARK], []),
        (TWO_SIGNS, [START, MARK], ["one-terminal"]),
        (TWO_SIGNS, [START, error(2), MARK], ["completes"]),
        (STATE, [START, DONE], []),
        (STATE, [START, DONE, START], ["nothing-after-terminal"]),
        (EOF, [START], []),
    ],
)
def test_each_form_of_ending_has_its_own_signals(
    profile: Profile, frames: list[bytes], broken: list[str]
) -> None:
    assert judged(profile, *frames) == broken


def test_a_stream_that_ends_in_a_sentinel_is_open_until_then() -> None:
    given = only(START, DONE)

    assert_finding("lifecycle.one-terminal", given, "[DONE] at the end", "0", SENTINEL)
    assert_untestable(
        "lifecycle.nothing-after-terminal", given, "terminal signal", SENTINEL
    )


def test_a_stream_that_ends_with_its_body_must_end_cleanly() -> None:
    broken: Exchange = ended_by(run(), EndingKind.PREMATURE_EOF)

    assert_finding("lifecycle.completes", evidence(broken), "success", "eof", EOF)


def test_a_profile_without_order_is_never_judged() -> None:
    profile = RICH.model_copy(update={"order": None})

    assert_untestable("lifecycle.order", RIGHT, "declares no order", profile)


def with_anywhere(*types: str) -> Profile:
    assert RICH.order is not None
    order = RICH.order.model_copy(update={"anywhere": types})
    return RICH.model_copy(update={"order": order})


def test_what_may_come_anywhere_has_no_place_in_the_order() -> None:
    profile = with_anywhere("progress", "note-*")
    frames = [event(1, "note-a"), event(2, "start"), event(3, "progress")]

    assert findings("lifecycle.order", only(*frames, DONE), profile) == []
    assert_finding("lifecycle.order", only(*frames), "start as", "note-a", RICH)
    given = only(*frames, event(4, "start"))
    assert_finding(
        "lifecycle.order",
        given,
        f"done or token as event 2, after start (id '{RUN}-2')",
        f"start (id '{RUN}-4')",
        profile,
    )


def test_a_resume_after_what_may_come_anywhere_goes_on_with_the_order() -> None:
    profile = with_anywhere("progress")
    first = body("stream", START, event(2, "progress"))
    right = body("resumed", token(3), event(4, "done"), after=f"{RUN}-2")
    wrong = body("resumed", event(3, "start"), after=f"{RUN}-2")

    assert findings("lifecycle.order", evidence(first, right), profile) == []
    assert_finding(
        "lifecycle.order", evidence(first, wrong), "as event 2", "start", profile
    )


def test_an_early_error_is_named_also_behind_what_may_come_anywhere() -> None:
    given = only(event(1, "progress"), error(2))

    assert_finding(
        "lifecycle.order",
        given,
        "start as event 1",
        "error (id",
        with_anywhere("progress"),
    )


def test_an_order_may_tell_types_apart_by_a_value() -> None:
    named = {"last": EventMatch(type="token", where={"/last": True})}
    place = RICH.framing.type.model_copy(update={"named": named})
    framing = RICH.framing.model_copy(update={"type": place})
    assert RICH.order is not None
    order = RICH.order.model_copy(update={"grammar": "start token* last done"})
    profile = RICH.model_copy(update={"framing": framing, "order": order})
    last = event(2, "token", text="a", last=True)

    assert findings("lifecycle.order", only(START, last, DONE), profile) == []
    given = only(START, last, token(3), DONE)
    assert_finding("lifecycle.order", given, "done as event 3", "token", profile)
    assert_finding("lifecycle.order", only(START, DONE), "last or tok", "done", profile)
