"""What the journal tells about an exchange."""

from dataclasses import replace

import pytest
from tests.conformance.checks.situations import (
    PROFILE,
    answer,
    call,
    complete_call,
    evidence,
    stream,
    token,
)

from streamproof.conformance.evidence.journal import (
    Phase,
    calls_of,
    describe,
    key_of,
    last_call,
    phase_at,
    shown_calls,
    under_way,
    watched,
)
from streamproof.conformance.evidence.untestable import Untestable
from streamproof.conformance.model import Request, UpstreamCall
from streamproof.conformance.profiles import Profile

RUNNING = call(
    "cancelled_midstream",
    accepted=100.0,
    headers_sent=101.0,
    token_sent=102.0,
    peer_gone=104.0,
    ended=104.0,
)


def test_the_key_stands_in_the_body() -> None:
    assert key_of(stream("stream", token(1), key="replay-7f3a-1")) == "replay-7f3a-1"


def test_the_key_stands_in_the_query_where_the_prompt_does() -> None:
    path = "/streams?prompt=%5B%5Bfake%3Asay%20tokens%3D2%20call%3DK-7%5D%5D"
    asked = replace(answer("stream", 200), request=Request(method="GET", path=path))

    assert key_of(asked) == "K-7"


def test_a_request_without_a_prompt_has_no_key_and_no_calls_of_its_own() -> None:
    bare = replace(answer("bare", 404), request=Request(method="GET", path="/streams"))

    assert key_of(bare) is None
    with pytest.raises(Untestable, match="'bare' carries no steering key"):
        calls_of(evidence(bare), bare)


def test_calls_of_another_key_are_left_out_and_turns_are_in_order() -> None:
    start = stream("stream", token(1))
    calls = (complete_call(2), complete_call(1), complete_call(1, key="K-twin"))

    found = calls_of(evidence(start, calls=calls), start)

    assert [(each.key, each.turn) for each in found] == [("K", 1), ("K", 2)]


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (99.9, None),
        (100.5, Phase.BEFORE_HEADERS),
        (101.5, Phase.BEFORE_FIRST_TOKEN),
        (103.0, Phase.MIDSTREAM),
        (104.01, Phase.MIDSTREAM),  # the order of clocks of two processes
        (104.2, None),
    ],
)
def test_a_call_goes_through_its_phases(at: float, phase: Phase | None) -> None:
    assert phase_at(RUNNING, at) == phase


def test_a_call_that_was_never_accepted_is_in_no_phase() -> None:
    assert phase_at(call(None), 100.0) is None


def test_a_call_that_only_has_its_end_to_read_is_not_under_way() -> None:
    start = stream("stream", token(1))

    with pytest.raises(Untestable, match="stood outside of its life"):
        under_way(evidence(start, calls=(complete_call(),)), start, 101.0)


def test_a_call_is_described_by_turn_outcome_fault_and_tokens() -> None:
    assert describe(RUNNING) == "model call 1 (cancelled_midstream, 2 tokens generated)"
    assert (
        describe(call(None, turn=3)) == "model call 3 (still open, 0 tokens generated)"
    )
    assert (
        describe(call("faulted", fault="drop"))
        == "model call 1 (faulted by drop, 0 tokens generated)"
    )


def shown(calls_per_run: int, *numbers: int) -> Profile:
    """Return the small profile with these calls shown."""
    changed = {"calls_per_run": calls_per_run, "shown": numbers or "none"}
    steering = PROFILE.steering.model_copy(update=changed)
    return PROFILE.model_copy(update={"steering": steering})


def refused(turn: int) -> UpstreamCall:
    return call("faulted", turn=turn, fault="fail", accepted=100.0, ended=100.01)


@pytest.mark.parametrize(
    ("profile", "turns"),
    [
        (PROFILE, [1, 2, 3]),
        (shown(3), []),
        (shown(3, 2), [2]),
        (shown(3, 1, 3), [1, 3]),
    ],
)
def test_the_calls_of_the_profile_are_shown(profile: Profile, turns: list[int]) -> None:
    start = stream("stream", token(1))
    given = evidence(start, calls=tuple(complete_call(n) for n in (1, 2, 3)))

    assert [each.turn for each in shown_calls(given, start, profile)] == turns


def test_a_call_that_was_refused_and_tried_again_is_one_call() -> None:
    start = stream("stream", token(1))
    calls = (refused(1), complete_call(2), refused(3), refused(4), complete_call(5))
    given = evidence(start, calls=calls)

    second = shown(2, 2)
    assert [c.turn for c in shown_calls(given, start, second)] == [3, 4, 5]
    assert watched(given, start, second).turn == 5


@pytest.mark.parametrize(
    ("profile", "turn"), [(PROFILE, 1), (shown(2), 1), (shown(2, 2), 2)]
)
def test_the_watched_call_is_the_first_that_is_shown(
    profile: Profile, turn: int
) -> None:
    start = stream("stream", token(1))
    given = evidence(start, calls=(complete_call(1), complete_call(2)))

    assert watched(given, start, profile).turn == turn


def test_a_run_that_did_not_get_to_its_watched_call_proves_nothing() -> None:
    start = stream("stream", token(1))
    given = evidence(start, calls=(complete_call(1),))

    with pytest.raises(Untestable, match="model call 2 of 'stream' is not in"):
        watched(given, start, shown(2, 2))


def test_the_call_under_way_may_be_any_of_the_run() -> None:
    start = stream("stream", token(1))
    given = evidence(start, calls=(complete_call(1), replace(RUNNING, turn=2)))

    assert under_way(given, start, 103.0, Phase.MIDSTREAM).turn == 2
    assert last_call(given, start).turn == 2


def test_a_call_that_has_just_ended_is_not_the_one_under_way() -> None:
    start = stream("stream", token(1))
    before = call(
        "completed", accepted=102.8, headers_sent=102.9, token_sent=102.9, ended=102.97
    )
    given = evidence(start, calls=(before, replace(RUNNING, turn=2)))
    alone = evidence(start, calls=(before,))

    assert under_way(given, start, 103.0, Phase.MIDSTREAM).turn == 2
    assert under_way(alone, start, 103.0, Phase.MIDSTREAM).turn == 1


def test_a_call_under_way_in_another_phase_is_named() -> None:
    start = stream("stream", token(1))
    given = evidence(start, calls=(complete_call(1), replace(RUNNING, turn=2)))

    with pytest.raises(Untestable, match="stood before the first token: model call 2"):
        under_way(given, start, 101.5, Phase.MIDSTREAM)
