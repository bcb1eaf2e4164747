"""`performance.lingering`, and the engine's models that go on without a peer."""

from __future__ import annotations

import pytest
from tests.fakes.stage import THREE, Stage

from streamproof.fakes.calls.call import State
from streamproof.fakes.net.link import Peer
from streamproof.fakes.performance.lingering import Lingering
from streamproof.fakes.script import (
    Delay,
    Drop,
    Fail,
    Hold,
    InStreamError,
    Linger,
    Queue,
    Say,
    Script,
    Stall,
    Truncate,
)

TEN = (Say(tokens=10),)
EACH_10 = Delay(each_ms=10)


class Stopped:
    """Counts how often it was told to stop."""

    is_held = False

    def __init__(self, lingering: Lingering) -> None:
        self.lingering = lingering
        self.times = 0

    def writable(self) -> None: ...

    def peer_left(self, peer: Peer) -> None: ...

    def shut_down(self) -> None:
        self.times += 1
        self.lingering.leave(self)


def test_those_who_left_are_not_stopped() -> None:
    lingering = Lingering()
    stays, leaves = Stopped(lingering), Stopped(lingering)
    for one in (stays, leaves):
        lingering.join(one)
    lingering.leave(leaves)
    lingering.shut_down()

    assert (stays.times, leaves.times) == (1, 0)
    assert len(lingering) == 0


def test_of_too_many_the_oldest_is_stopped() -> None:
    lingering = Lingering(most=2)
    exchanges = [Stopped(lingering) for _ in range(3)]
    for one in exchanges:
        lingering.join(one)

    assert [one.times for one in exchanges] == [1, 0, 0]
    assert len(lingering) == 2


def left_after(script: Script, ms: float, *, stream: bool = True) -> Stage:
    """Play for so long, then let the peer leave."""
    stage = Stage(script, stream=stream).start()
    stage.timers.advance(ms)
    stage.performance.peer_left(Peer.RST)
    return stage


def test_a_model_goes_on_for_so_long() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger(ms=35)), 25)
    assert stage.names[-1] == "peer_gone"
    stage.timers.advance(1000)

    assert stage.record["tokens"] == {
        "generated": 7,
        "sent": 3,
        "after_peer_gone": 4,
    }
    assert stage.times_ms("token_generated") == pytest.approx(range(0, 70, 10))
    assert stage.times_ms("peer_gone") == [25]
    assert stage.times_ms("ended") == [60]
    assert (stage.record["outcome"], stage.record["peer"]) == (
        "cancelled_midstream",
        "rst",
    )
    assert stage.timers.pending == 0
    assert len(stage.lingering) == 0


def test_a_model_goes_on_to_its_end() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger()), 25)
    written = len(stage.link.writes)
    stage.timers.advance(1000)

    assert stage.record["tokens"]["after_peer_gone"] == 7
    assert stage.times_ms("ended") == [90]
    assert len(stage.link.writes) == written
    assert stage.link.finished is None


def test_without_lingering_a_model_stops_at_once() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger(ms=0)), 25)

    assert stage.names[-2:] == ["peer_gone", "ended"]
    assert stage.record["tokens"]["after_peer_gone"] == 0


def test_the_phase_is_the_one_in_which_the_peer_left() -> None:
    delay = Delay(first_ms=100, each_ms=10)
    stage = left_after(Script(say=TEN, delay=delay, linger=Linger()), 50)
    stage.timers.advance(1000)

    assert stage.record["outcome"] == "cancelled_before_first_token"
    assert stage.record["tokens"]["after_peer_gone"] == 10


def test_a_whole_answer_is_made_to_its_end() -> None:
    script = Script(say=TEN, delay=EACH_10, linger=Linger())
    stage = left_after(script, 25, stream=False)
    stage.timers.advance(1000)

    assert stage.record["outcome"] == "cancelled_before_headers"
    assert stage.record["tokens"] == {
        "generated": 10,
        "sent": 0,
        "after_peer_gone": 7,
    }
    assert stage.link.writes == []


def test_nothing_is_made_after_the_end_however_late_a_timer_is() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger(ms=35)), 25)
    stage.timers.advance(1000, late_ms=500)

    assert stage.record["tokens"]["after_peer_gone"] == 4
    assert stage.times_ms("ended") == [560]


def test_long_answers_let_the_event_loop_have_its_turn() -> None:
    delay = Delay(first_ms=100)
    script = Script(say=(Say(tokens=1000),), delay=delay, linger=Linger())
    stage = left_after(script, 50)
    stage.timers.advance(1000)

    assert stage.record["tokens"]["after_peer_gone"] == 1000


def test_a_stall_is_as_long_as_with_a_peer() -> None:
    script = Script(
        say=THREE, delay=EACH_10, stall=(Stall(after=2, ms=500),), linger=Linger()
    )
    stage = left_after(script, 5)
    stage.timers.advance(1000)

    assert stage.times_ms("token_generated") == [0, 10, 520]


@pytest.mark.parametrize("leave_ms", [5, 50])
def test_a_stall_without_end_is_the_end(leave_ms: float) -> None:
    script = Script(say=THREE, delay=EACH_10, stall=(Stall(after=2),), linger=Linger())
    stage = left_after(script, leave_ms)
    stage.timers.advance(1000)

    assert stage.record["tokens"]["generated"] == 2
    assert stage.times_ms("ended") == [max(leave_ms, 10)]


@pytest.mark.parametrize("leave_ms", [5, 50])
def test_a_gate_holds_a_model_without_a_peer(leave_ms: float) -> None:
    hold = (Hold(at="token", after=2),)
    script = Script(say=THREE, delay=EACH_10, hold=hold, linger=Linger())
    stage = left_after(script, leave_ms)
    stage.timers.advance(200 - leave_ms)
    assert stage.record["outcome"] is None
    assert stage.gates.release(None) == 1
    stage.timers.advance(1000)

    assert stage.names.count("held") == stage.names.count("released") == 1
    assert stage.times_ms("token_generated") == pytest.approx([0, 10, 210])
    assert stage.times_ms("ended") == pytest.approx([210])


def test_a_gate_does_not_hold_longer_than_the_model_lingers() -> None:
    hold = (Hold(at="token", after=2),)
    script = Script(say=THREE, hold=hold, linger=Linger(ms=100))
    stage = left_after(script, 50)
    stage.timers.advance(1000)

    assert stage.times_ms("ended") == pytest.approx([150])
    assert stage.gates.release(None) == 0


@pytest.mark.parametrize("at", ["end", "body_end"])
def test_a_model_that_has_said_all_does_not_linger(at: str) -> None:
    script = Script.model_validate(
        {"say": THREE, "hold": ({"at": at},), "linger": Linger()}
    )
    stage = left_after(script, 50)

    assert stage.names[-2:] == ["peer_gone", "ended"]


@pytest.mark.parametrize(
    "ending",
    [
        {"drop": Drop(after=2)},
        {"truncate": Truncate(after=2)},
        {"error": InStreamError(after=2)},
    ],
    ids=lambda ending: next(iter(ending)),
)
def test_a_fault_after_the_peer_left_is_only_an_end(ending: dict[str, object]) -> None:
    script = Script.model_validate(
        {"say": TEN, "delay": EACH_10, "linger": Linger(), **ending}
    )
    stage = left_after(script, 5)
    stage.timers.advance(1000)

    assert stage.record["tokens"]["generated"] == 2
    assert stage.record["outcome"] == "cancelled_midstream"
    assert stage.record["fault"] is None
    assert stage.link.how is None


def test_a_failure_after_the_peer_left_is_nothing() -> None:
    script = Script(fail=Fail(status=500), hold=(Hold(at="headers"),), linger=Linger())
    stage = left_after(script, 5)
    stage.gates.release(None)
    stage.timers.advance(5)

    assert stage.record["outcome"] == "cancelled_before_headers"
    assert stage.link.writes == []


def test_a_model_whose_client_did_not_read_goes_on() -> None:
    stage = Stage(Script(say=TEN, delay=EACH_10, linger=Linger())).start()
    stage.link.fills_on_write = True
    stage.timers.advance(25)
    assert stage.call.generated == 2
    stage.performance.peer_left(Peer.RST)
    stage.performance.writable()
    stage.timers.advance(1000)

    assert stage.record["tokens"] == {
        "generated": 10,
        "sent": 1,
        "after_peer_gone": 8,
    }


def test_a_model_lingers_after_a_write_that_broke_the_link() -> None:
    delay = Delay(first_ms=10, each_ms=10)
    stage = Stage(Script(say=TEN, delay=delay, linger=Linger())).start()
    stage.link.breaks_on_write = True
    stage.timers.advance(15)
    stage.performance.peer_left(Peer.WRITE_ERROR)
    stage.timers.advance(1000)

    assert stage.record["tokens"]["after_peer_gone"] == 9


def test_who_waits_in_line_does_not_linger() -> None:
    script = Script(say=TEN, delay=EACH_10, queue=Queue(slots=1), linger=Linger())
    first = Stage(script).start()
    second = Stage(script, beside=first).start()
    second.performance.peer_left(Peer.FIN)

    assert second.names == ["accepted", "queued", "peer_gone", "ended"]


def test_a_model_that_lingers_keeps_its_slot() -> None:
    script = Script(say=TEN, delay=EACH_10, queue=Queue(slots=1), linger=Linger(ms=35))
    first = left_after(script, 25)
    second = Stage(script, beside=first).start()
    second.timers.advance(1000)

    assert first.times_ms("ended") == [60]
    assert second.times_ms("admitted") == [60]


def test_a_server_that_closes_stops_models_that_linger() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger()), 25)
    stage.lingering.shut_down()
    stage.timers.advance(1000)

    assert stage.record["outcome"] == "cancelled_midstream"
    assert stage.record["tokens"]["after_peer_gone"] == 0
    assert stage.timers.pending == 0


def test_the_peer_is_gone_at_once_and_the_call_ended_later() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger()), 25)
    assert stage.call.has_reached(State.parse("peer_gone"))
    assert not stage.call.has_reached(State.parse("ended"))
    stage.timers.advance(1000)

    assert stage.call.has_reached(State.parse("ended"))


def test_a_peer_leaves_once() -> None:
    stage = left_after(Script(say=TEN, delay=EACH_10, linger=Linger()), 25)
    stage.performance.peer_left(Peer.FIN)
    stage.timers.advance(1000)

    assert stage.names.count("peer_gone") == 1
    assert stage.record["peer"] == "rst"
