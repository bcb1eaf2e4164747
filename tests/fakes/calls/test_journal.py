"""`calls.journal`: turns, watches, bounds; time is what the test says."""

from __future__ import annotations

from streamproof.fakes.calls.call import Call, Event, Outcome, State
from streamproof.fakes.calls.journal import (
    HEAD_BYTES,
    MAX_BODY_KEPT,
    Journal,
    Watch,
)
from streamproof.fakes.net.http1 import Request
from streamproof.fakes.script import Fault


class Answers:
    """What watches were told."""

    def __init__(self) -> None:
        self.given: list[tuple[bool, int | None]] = []

    def __call__(self, watch: Watch, reached: bool) -> None:  # noqa: FBT001 -- a callback
        self.given.append((reached, watch.call.ordinal if watch.call else None))


def begin(journal: Journal, key: str | None = "k", *, at: float = 1.0) -> Call:
    return journal.begin(key=key, provider="p", model="m", stream=True, at=at)


def state(text: str) -> State:
    return State.parse(text)


def test_turns_are_numbered_per_key_and_ordinals_over_all() -> None:
    journal = Journal()
    calls = [begin(journal, key) for key in ("a", "b", "a", None, None)]

    assert [(call.ordinal, call.turn) for call in calls] == [
        (1, 1),
        (2, 1),
        (3, 2),
        (4, 1),
        (5, 1),
    ]
    assert [call.ordinal for call in journal.calls("a")] == [1, 3]
    assert [call.ordinal for call in journal.calls()] == [1, 2, 3, 4, 5]
    assert journal.calls("unknown") == []


def test_forgetting_a_key_starts_its_turns_again_and_leaves_others_alone() -> None:
    journal = Journal()
    for key in ("a", "a", "b"):
        begin(journal, key)

    assert journal.forget("a") == 2
    assert journal.forget("a") == 0
    assert begin(journal, "a").turn == 1
    assert begin(journal, "b").turn == 2


def test_a_watch_on_a_state_reached_before_is_settled_at_once() -> None:
    journal, answers = Journal(), Answers()
    begin(journal)
    journal.watch(("k", 1), state("accepted"), answers)

    assert answers.given == [(True, 1)]


def test_a_watch_waits_for_a_call_still_to_come() -> None:
    journal, answers = Journal(), Answers()
    journal.watch(("k", 2), state("accepted"), answers)
    begin(journal)
    before = list(answers.given)
    begin(journal)

    assert before == []
    assert answers.given == [(True, 2)]


def test_a_watch_is_settled_by_the_nth_token_sent_not_generated() -> None:
    journal, answers = Journal(), Answers()
    call = begin(journal)
    journal.watch(("k", 1), state("token:2"), answers)
    call.token_generated(1.0)
    call.token_generated(1.0)
    before = list(answers.given)
    call.tokens_sent(2.0)

    assert before == []
    assert answers.given == [(True, 1)]


def test_a_watch_is_settled_as_not_reached_when_the_call_ends_without() -> None:
    journal, answers = Journal(), Answers()
    call = begin(journal)
    journal.watch(("k", 1), state("token"), answers)
    call.end(Outcome.FAULTED, 2.0, fault=Fault.FAIL)
    journal.watch(("k", 1), state("headers_sent"), answers)

    assert answers.given == [(False, 1), (False, 1)]


def test_a_watch_is_settled_once_and_a_cancelled_one_never() -> None:
    journal, answers = Journal(), Answers()
    cancelled = journal.watch(("k", 1), state("accepted"), answers)
    journal.watch(("k", 1), state("accepted"), answers)
    cancelled.cancel()
    call = begin(journal)
    call.note(Event.HEADERS_SENT, 2.0)

    assert answers.given == [(True, 1)]
    assert call.on_change is None


def test_a_watch_on_a_forgotten_call_is_settled_as_not_reached() -> None:
    journal, answers = Journal(), Answers()
    begin(journal)
    journal.watch(("k", 1), state("ended"), answers)
    journal.forget("k")

    assert answers.given == [(False, 1)]


def test_a_cancelled_watch_leaves_nothing_behind() -> None:
    journal = Journal()
    journal.watch(("k", 1), state("ended"), Answers()).cancel()

    assert journal._watches == {}


def test_the_oldest_ended_calls_leave_when_there_are_too_many() -> None:
    journal = Journal(max_calls=2)
    running = begin(journal, "a")
    for key in ("b", "c", "d"):
        begin(journal, key).end(Outcome.COMPLETED, 1.0)

    assert [call.key for call in journal.calls()] == ["a", "d"]
    assert running in journal.calls()
    assert journal.calls("b") == []


def test_running_calls_never_leave() -> None:
    journal = Journal(max_calls=1)
    calls = [begin(journal, "a"), begin(journal, "b")]

    assert journal.calls() == calls


def test_the_oldest_ended_calls_leave_when_their_events_are_too_many() -> None:
    journal = Journal(max_events=20)
    for _ in range(3):
        call = begin(journal)
        for _ in range(4):
            call.token_generated(1.0)
        call.tokens_sent(1.0)
        call.end(Outcome.COMPLETED, 1.0)

    assert [call.turn for call in journal.calls()] == [2, 3]


def test_a_call_forgotten_while_running_no_longer_counts() -> None:
    journal = Journal(max_events=3)
    forgotten = begin(journal, "a")
    journal.forget("a")
    for _ in range(9):
        forgotten.note(Event.HELD, 1.0)
    kept = begin(journal, "b")
    kept.end(Outcome.COMPLETED, 1.0)
    forgotten.end(Outcome.COMPLETED, 1.0)

    assert journal.calls() == [kept]


def test_a_forgotten_call_that_runs_on_is_not_its_successor() -> None:
    journal, answers = Journal(), Answers()
    forgotten = begin(journal)
    journal.forget("k")
    journal.watch(("k", 1), state("headers_sent"), answers)
    forgotten.note(Event.HEADERS_SENT, 2.0)
    before = list(answers.given)
    begin(journal).note(Event.HEADERS_SENT, 3.0)

    assert before == []
    assert answers.given == [(True, 2)]


def test_a_watch_may_be_for_the_nth_call_of_all() -> None:
    journal, answers = Journal(), Answers()
    journal.watch((None, 2), state("headers_sent"), answers)
    begin(journal)
    begin(journal, None).note(Event.HEADERS_SENT, 2.0)
    journal.watch((None, 1), state("accepted"), answers)

    assert answers.given == [(True, 2), (True, 1)]


def test_a_call_is_watched_by_its_key_and_by_its_number() -> None:
    journal, answers = Journal(), Answers()
    journal.watch(("k", 1), state("headers_sent"), answers)
    journal.watch((None, 1), state("headers_sent"), answers)
    call = begin(journal)
    call.note(Event.HEADERS_SENT, 2.0)

    assert answers.given == [(True, 1), (True, 1)]
    assert call.on_change is None


def test_a_watch_on_a_number_that_left_is_settled_at_once() -> None:
    journal, answers = Journal(), Answers()
    begin(journal)
    journal.forget("k")
    journal.watch((None, 1), state("ended"), answers)

    assert answers.given == [(False, None)]
    assert not journal._watches


def test_a_clear_journal_settles_every_watch_and_counts_again() -> None:
    journal, answers = Journal(), Answers()
    running = begin(journal)
    journal.watch(("k", 1), state("ended"), answers)
    journal.watch((None, 7), state("ended"), answers)

    assert journal.clear() == 1
    assert answers.given == [(False, 1), (False, None)]
    assert (len(journal), journal.ended_events) == (0, 0)
    again = begin(journal)
    journal.watch((None, 1), state("headers_sent"), answers)
    running.note(Event.HEADERS_SENT, 2.0)
    running.end(Outcome.COMPLETED, 2.0)
    assert (again.ordinal, again.turn) == (1, 1)
    assert len(answers.given) == 2


def test_a_journal_is_busy_while_calls_run_or_somebody_waits() -> None:
    journal, heard = Journal(), list[int]()

    def listener() -> None:
        heard.append(1)

    assert not journal.is_busy
    call = begin(journal)
    assert journal.is_busy
    journal.forget("k")
    assert journal.is_busy
    call.end(Outcome.COMPLETED, 2.0)
    assert not journal.is_busy
    watch = journal.watch(("k", 1), state("ended"), Answers())
    assert journal.is_busy
    watch.cancel()
    journal.listen(listener)
    assert journal.is_busy
    begin(journal).end(Outcome.COMPLETED, 2.0)
    journal.ignore(listener)
    journal.ignore(listener)
    begin(journal).end(Outcome.COMPLETED, 2.0)
    assert not journal.is_busy
    assert heard == [1]


def request(body: bytes) -> Request:
    return Request(
        method="POST",
        path="/",
        query={},
        headers={},
        body=body,
        http_version="1.1",
        keep_alive=True,
    )


def ask(journal: Journal, body: bytes) -> Call:
    return journal.begin(
        key="k",
        provider="p",
        model="m",
        stream=True,
        at=1.0,
        request=request(body),
    )


def test_a_request_is_kept_until_its_call_leaves() -> None:
    journal = Journal()
    call = ask(journal, b"body")
    kept = journal.request_bytes

    assert call.request is not None
    assert (call.request.body, call.request_left_out) == (b"body", 0)
    assert kept == HEAD_BYTES + 4
    journal.forget("k")
    assert journal.request_bytes == 0
    assert ask(journal, b"").request is not None


def test_a_body_that_is_too_long_is_left_out_and_counted() -> None:
    journal = Journal()
    call = ask(journal, b"x" * (MAX_BODY_KEPT + 1))

    assert call.request is not None
    assert (call.request.body, call.request_left_out) == (b"", MAX_BODY_KEPT + 1)
    assert journal.request_bytes == HEAD_BYTES


def test_the_oldest_requests_are_forgotten_and_their_calls_stay() -> None:
    journal = Journal(max_request_bytes=2 * HEAD_BYTES + 20)
    calls = [ask(journal, b"0123456789") for _ in range(4)]

    assert [call.request is not None for call in calls] == [False, False, True, True]
    assert journal.calls() == calls
    assert journal.request_bytes == 2 * HEAD_BYTES + 20
    journal.clear()
    assert journal.request_bytes == 0
