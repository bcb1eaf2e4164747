"""`calls.call`: the record of one call; time is what the test says."""

from __future__ import annotations

import pytest

from streamproof.fakes.calls import call as call_module
from streamproof.fakes.calls.call import Call, Event, Outcome, State
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.net.link import Peer


def begin() -> Call:
    call = Call(
        key="k",
        turn=1,
        ordinal=1,
        provider="p",
        model="m",
        stream=True,
        on_end=lambda _: None,
    )
    call.note(Event.ACCEPTED, 1.0)
    return call


def state(text: str) -> State:
    return State.parse(text)


def test_tokens_without_bytes_of_their_own_are_sent_with_later_ones() -> None:
    call = begin()
    for _ in range(3):
        call.token_generated(2.0)
    call.tokens_sent(3.0, unsaid=2)
    early = call.sent
    call.tokens_sent(4.0, unsaid=2)

    assert (early, call.sent) == (1, 1)
    call.tokens_sent(5.0)
    assert call.sent == 3


def test_a_call_is_rendered_as_the_contract_says() -> None:
    call = begin()
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
        "script": None,
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
    call = begin()
    call.token_generated(1.0)
    call.peer_left(Peer.RST, 2.0)
    call.token_generated(3.0)

    assert call.as_json()["tokens"] == {"generated": 2, "sent": 0, "after_peer_gone": 1}
    assert call.peer == "rst"


def test_the_phase_of_leaving_follows_what_was_sent() -> None:
    call = begin()
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


def test_token_events_past_the_bound_are_counted_but_not_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call_module, "MAX_TOKEN_EVENTS", 3)
    call = begin()
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
    call = begin()
    call.note(Event.HELD, 1.0)

    assert call.has_reached(state("held"))
    assert not call.has_reached(state("held:2"))


def test_who_asked_is_told_of_the_end_once() -> None:
    call, told = begin(), list[int]()
    call.when_ended(lambda: told.append(1))
    call.when_ended(lambda: told.append(2))
    assert told == []
    call.end(Outcome.COMPLETED, 1.0)

    assert told == [1, 2]


def test_the_time_of_a_state_is_that_of_its_nth_event() -> None:
    call = begin()
    for at in (2.0, 3.0):
        call.token_generated(at)
        call.tokens_sent(at)

    assert [call.time_of(State.parse(f"token:{n}")) for n in (1, 2, 3)] == [
        2.0,
        3.0,
        None,
    ]
    assert call.time_of(State.parse("ended")) is None


@pytest.mark.parametrize("text", ["accepted", "token", "token:3", "held:2", "ended"])
def test_a_state_is_spelled_as_it_is_read(text: str) -> None:
    assert str(State.parse(text)) == text
    assert str(State.parse("token:1")) == "token"
