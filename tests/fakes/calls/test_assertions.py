"""`calls.assertions`: verdicts over records; time is what the test says."""

from __future__ import annotations

from streamproof.fakes.calls.assertions import (
    Verdict,
    cancelled,
    max_concurrency,
    no_leaked_calls,
    not_cancelled,
    retry_spacing,
)
from streamproof.fakes.calls.call import Call, Event, Outcome, State
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.link import Peer


class Calls:
    """A journal, and calls that lived from one time to another."""

    def __init__(self) -> None:
        self.journal = Journal()

    @property
    def all(self) -> list[Call]:
        return self.journal.calls()

    def begin(self, at: float = 1.0, *, tokens: int = 0) -> Call:
        call = self.journal.begin(key="k", provider="p", model="m", stream=True, at=at)
        for _ in range(tokens):
            at += 0.1
            call.token_generated(at)
            call.tokens_sent(at)
        return call

    def completed(self, at: float = 1.0, *, until: float = 2.0) -> Call:
        call = self.begin(at)
        call.end(Outcome.COMPLETED, until)
        return call

    def left(self, at: float, *, since: float = 1.0, tokens: int = 0) -> Call:
        call = self.begin(since, tokens=tokens)
        call.peer_left(Peer.FIN, at)
        call.end(Outcome.CANCELLED_MIDSTREAM, at)
        return call


def yes(verdict: Verdict) -> str:
    assert verdict.holds, verdict
    assert verdict.calls == ()
    return f"{verdict.expected}, {verdict.got}"


def no(verdict: Verdict) -> str:
    assert not verdict.holds, verdict
    return f"{verdict.expected}, got {verdict.got} {list(verdict.calls)}"


def token(n: int) -> State:
    return State.parse(f"token:{n}")


def test_a_call_whose_peer_left_is_cancelled() -> None:
    calls = Calls()
    calls.left(2.0)

    assert yes(cancelled(calls.all, now=9.0)) == "to be cancelled, 1 cancelled"


def test_a_call_that_ended_otherwise_or_runs_is_not_cancelled() -> None:
    calls = Calls()
    calls.left(2.0)
    calls.completed()
    calls.begin()

    assert no(cancelled(calls.all, now=9.0)) == (
        "to be cancelled, got call 2 completed, call 3 still running [2, 3]"
    )


def test_without_a_call_nothing_was_or_was_not_cancelled() -> None:
    assert no(cancelled([], now=9.0)) == "to be cancelled, got no call []"
    assert no(not_cancelled([])) == "not to be cancelled, got no call []"


def test_a_cancel_counts_from_now_from_a_moment_or_from_a_state() -> None:
    calls = Calls()
    calls.left(2.0, since=1.0, tokens=3)

    for since, within_ms in ((None, 101.0), (1.9, 101.0), (token(3), 701.0)):
        verdict = cancelled(calls.all, within_ms=within_ms, since=since, now=1.9)
        assert verdict.holds, verdict
    for since, words in ((None, "now"), (1.9, "1.9"), (State.parse("token"), "token")):
        got = "100.0" if since in {None, 1.9} else "900.0"
        verdict = cancelled(calls.all, within_ms=99.0, since=since, now=1.9)
        assert no(verdict) == (
            f"to be cancelled within 99 ms of {words}, "
            f"got call 1 cancelled_midstream after {got} ms [1]"
        )


def test_a_cancel_before_the_state_is_not_in_time() -> None:
    calls = Calls()
    calls.left(2.0, tokens=2)

    assert no(cancelled(calls.all, within_ms=100.0, since=token(3), now=9.0)) == (
        "to be cancelled within 100 ms of token:3, "
        "got call 1 cancelled_midstream without ever reaching token:3 [1]"
    )


def test_a_model_that_lingers_was_cancelled_already() -> None:
    calls = Calls()
    lingering, finished = calls.begin(tokens=1), calls.begin()
    finished.note(Event.TERMINATOR_SENT, 2.0)
    for call in (lingering, finished):
        call.peer_left(Peer.RST, 2.0)

    assert cancelled([lingering], now=9.0).holds
    assert no(not_cancelled(calls.all)) == (
        "not to be cancelled, got call 1 still running without its peer [1]"
    )


def test_calls_that_run_or_were_answered_are_not_cancelled() -> None:
    calls = Calls()
    calls.begin()
    calls.completed()

    assert yes(not_cancelled(calls.all)) == "not to be cancelled, none cancelled"


def test_a_call_that_runs_on_is_leaked() -> None:
    calls = Calls()
    calls.completed()
    calls.begin()

    assert no(no_leaked_calls(calls.all)).endswith("got call 2 still running [2]")


def test_tokens_for_nobody_are_leaked() -> None:
    calls = Calls()
    call = calls.begin(tokens=2)
    call.peer_left(Peer.FIN, 2.0)
    call.token_generated(2.1)
    call.end(Outcome.CANCELLED_MIDSTREAM, 2.2)

    assert no(no_leaked_calls(calls.all)) == (
        "to have ended, without tokens generated after the peer left, "
        "got call 1 with 1 tokens generated after its peer left [1]"
    )


def test_nothing_leaks_without_a_call_or_when_all_ended() -> None:
    calls = Calls()
    before = yes(no_leaked_calls(calls.all))
    calls.completed()
    calls.left(2.0)

    assert before.endswith(", no call")
    assert yes(no_leaked_calls(calls.all)).endswith(", none leaked")


def test_calls_are_at_once_from_arrival_to_end() -> None:
    calls = Calls()
    calls.completed(1.0, until=4.0)
    calls.completed(2.0, until=3.0)
    calls.completed(3.0, until=5.0)
    calls.begin(4.5)

    assert yes(max_concurrency(calls.all, n=2)).endswith("accepted on, 2 at once")
    assert no(max_concurrency(calls.all, n=1)) == (
        "to be at most 1 at once, from accepted on, got 2 at once [1, 2]"
    )


def test_a_call_counts_from_the_state_that_is_asked_for() -> None:
    calls = Calls()
    for at in (1.0, 1.0, 1.0):
        call = calls.begin(at)
        if call.ordinal > 1:
            call.note(Event.HEADERS_SENT, 3.0 * call.ordinal)
            call.end(Outcome.COMPLETED, 3.0 * call.ordinal + 1)
    headers = State.parse("headers_sent")

    assert max_concurrency(calls.all, n=1, counted_from=headers).holds
    assert not max_concurrency(calls.all, n=2).holds


def test_calls_that_take_no_time_are_never_at_once() -> None:
    calls = Calls()
    calls.completed(1.0, until=1.0)
    calls.completed(1.0, until=1.0)

    assert max_concurrency(calls.all, n=1).holds
    assert not max_concurrency([], n=1).holds
    queued = State.parse("queued")
    assert not max_concurrency(calls.all, n=1, counted_from=queued).holds


def test_retries_are_spaced_from_end_to_arrival() -> None:
    calls = Calls()
    calls.completed(1.0, until=2.0)
    calls.completed(2.5, until=2.6)
    calls.completed(3.6, until=4.0)

    fine = retry_spacing(calls.all, at_least_ms=499.9, at_most_ms=1000.1)
    assert yes(fine) == (
        "to follow each other after at least 499.9 ms and at most 1000.1 ms, "
        "pauses of 500.0, 1000.0 ms"
    )
    assert no(retry_spacing(calls.all, at_least_ms=600)) == (
        "to follow each other after at least 600 ms, got call 2 after 500.0 ms [2]"
    )
    assert no(retry_spacing(calls.all, at_most_ms=600)) == (
        "to follow each other after at most 600 ms, got call 3 after 1000.0 ms [3]"
    )


def test_a_retry_beside_the_call_before_has_no_pause() -> None:
    calls = Calls()
    calls.begin(1.0)
    calls.completed(2.0, until=5.0)
    calls.completed(4.0, until=6.0)

    assert no(retry_spacing(calls.all, at_least_ms=1)).endswith(
        "got call 2 after 0.0 ms, call 3 after 0.0 ms [2, 3]"
    )


def test_one_call_is_no_retry() -> None:
    calls = Calls()
    nothing = no(retry_spacing(calls.all))
    calls.completed()

    assert nothing == "to follow each other after any time, got no call []"
    assert no(retry_spacing(calls.all)).endswith("got 1 call []")


def test_many_offenders_are_counted_and_five_are_described() -> None:
    calls = Calls()
    for _ in range(7):
        calls.begin()
    verdict = no_leaked_calls(calls.all)

    assert verdict.got.endswith("call 5 still running and 2 more")
    assert verdict.calls == (1, 2, 3, 4, 5, 6, 7)
