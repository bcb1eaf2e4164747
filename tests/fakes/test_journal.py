"""`fakes.journal`: records, watches, bounds; time is what the test says."""

from __future__ import annotations

import pytest

from fakes import journal as journal_module
from fakes.errors import ScriptError
from fakes.journal import Call, Event, Fault, Journal, Outcome, Peer, State, Watch


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


def test_a_call_is_rendered_as_the_contract_says() -> None:
    call = begin(Journal())
    call.status = 200
    call.note(Event.HEADERS_SENT, 2.0)
    call.token_generated(3.0)
    call.token_generated(3.5)
    call.tokens_sent(4.0)
    call.note(Event.TERMINATOR_SENT, 5.0)
    call.end(Outcome.COMPLETED, 6.0)

    assert call.as_json() == {
        "key": "k",
        "turn": 1,
        "ordinal": 1,
        "provider": "p",
        "model": "m",
        "stream": True,
        "status": 200,
        "outcome": "completed",
        "fault": None,
        "refusal": None,
        "peer": None,
        "tokens": {"generated": 2, "sent": 2, "after_peer_gone": 0},
        "events": [
            {"at": 1.0, "name": "accepted"},
            {"at": 2.0, "name": "headers_sent"},
            {"at": 3.0, "name": "token_generated", "n": 1},
            {"at": 3.5, "name": "token_generated", "n": 2},
            {"at": 4.0, "name": "token_sent", "n": 1},
            {"at": 4.0, "name": "token_sent", "n": 2},
            {"at": 5.0, "name": "terminator_sent"},
            {"at": 6.0, "name": "ended"},
        ],
        "events_left_out": 0,
    }


def test_tokens_made_after_the_peer_left_are_counted() -> None:
    call = begin(Journal())
    call.token_generated(1.0)
    call.peer_left(Peer.RST, 2.0)
    call.token_generated(3.0)

    assert call.as_json()["tokens"] == {"generated": 2, "sent": 0, "after_peer_gone": 1}
    assert call.peer == "rst"


def test_the_phase_of_leaving_follows_what_was_sent() -> None:
    call = begin(Journal())
    phases = [call.phase_of_leaving()]
    call.note(Event.HEADERS_SENT, 1.0)
    call.token_generated(1.0)
    phases.append(call.phase_of_leaving())
    call.tokens_sent(1.0)
    phases.append(call.phase_of_leaving())
    call.note(Event.TERMINATOR_SENT, 1.0)
    phases.append(call.phase_of_leaving())

    assert phases == [
        Outcome.CANCELLED_BEFORE_HEADERS,
        Outcome.CANCELLED_BEFORE_FIRST_TOKEN,
        Outcome.CANCELLED_MIDSTREAM,
        Outcome.CLOSED_AFTER_TERMINAL,
    ]


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
    journal.watch("k", 1, state("accepted"), answers)

    assert answers.given == [(True, 1)]


def test_a_watch_waits_for_a_call_still_to_come() -> None:
    journal, answers = Journal(), Answers()
    journal.watch("k", 2, state("accepted"), answers)
    begin(journal)
    before = list(answers.given)
    begin(journal)

    assert before == []
    assert answers.given == [(True, 2)]


def test_a_watch_is_settled_by_the_nth_token_sent_not_generated() -> None:
    journal, answers = Journal(), Answers()
    call = begin(journal)
    journal.watch("k", 1, state("token:2"), answers)
    call.token_generated(1.0)
    call.token_generated(1.0)
    before = list(answers.given)
    call.tokens_sent(2.0)

    assert before == []
    assert answers.given == [(True, 1)]


def test_a_watch_is_settled_as_not_reached_when_the_call_ends_without() -> None:
    journal, answers = Journal(), Answers()
    call = begin(journal)
    journal.watch("k", 1, state("token"), answers)
    call.end(Outcome.FAULTED, 2.0, fault=Fault.FAIL)
    journal.watch("k", 1, state("headers_sent"), answers)

    assert answers.given == [(False, 1), (False, 1)]


def test_a_watch_is_settled_once_and_a_cancelled_one_never() -> None:
    journal, answers = Journal(), Answers()
    cancelled = journal.watch("k", 1, state("accepted"), answers)
    journal.watch("k", 1, state("accepted"), answers)
    cancelled.cancel()
    call = begin(journal)
    call.note(Event.HEADERS_SENT, 2.0)

    assert answers.given == [(True, 1)]
    assert call.watches == []


def test_a_watch_on_a_forgotten_call_is_settled_as_not_reached() -> None:
    journal, answers = Journal(), Answers()
    begin(journal)
    journal.watch("k", 1, state("ended"), answers)
    journal.forget("k")

    assert answers.given == [(False, 1)]


def test_a_cancelled_watch_leaves_nothing_behind() -> None:
    journal = Journal()
    journal.watch("k", 1, state("ended"), Answers()).cancel()

    assert journal._early == {}


def test_the_oldest_ended_calls_leave_when_there_are_too_many() -> None:
    journal = Journal(max_calls=2)
    running = begin(journal, "a")
    for key in ("b", "c", "d"):
        begin(journal, key).end(Outcome.COMPLETED, 1.0)

    assert [call.key for call in journal.calls()] == ["a", "d"]
    assert journal.running() == [running]
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


def test_token_events_past_the_bound_are_counted_but_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "MAX_TOKEN_EVENTS", 3)
    call = begin(Journal())
    for _ in range(4):
        call.token_generated(1.0)
        call.tokens_sent(1.0)
    call.end(Outcome.COMPLETED, 2.0)
    record = call.as_json()

    assert record["events_left_out"] == 5
    assert record["tokens"] == {"generated": 4, "sent": 4, "after_peer_gone": 0}
    assert call.has_reached(state("token:4"))
    assert call.events == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tokens",
        "token:0",
        "token:x",
        "token:",
        "ended:2",
        "token:9999999999",
        "a b",
    ],
)
def test_an_unknown_state_is_refused_with_the_known_ones(text: str) -> None:
    with pytest.raises(ScriptError, match="expected state to be one of accepted, "):
        State.parse(text)


def test_the_second_hold_can_be_waited_for() -> None:
    call = begin(Journal())
    call.note(Event.HELD, 1.0)

    assert call.has_reached(state("held"))
    assert not call.has_reached(state("held:2"))
