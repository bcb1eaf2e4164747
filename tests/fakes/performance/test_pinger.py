"""`performance.pinger`, and the engine's pings: what is sent while nothing is said."""

from __future__ import annotations

from tests.fakes.stage import THREE, Stage
from tests.fakes.virtual import VirtualTimers

from streamproof.fakes.net.link import Peer
from streamproof.fakes.performance.pinger import Pinger
from streamproof.fakes.script import (
    Delay,
    Hold,
    KeepAlive,
    Linger,
    Say,
    Script,
    Stall,
    Tool,
    Wire,
)

EACH_50 = KeepAlive(each_ms=50, text="wait")
PING = b": wait\n\n"


def pings(stage: Stage) -> int:
    return stage.link.data.count(PING)


def test_a_pinger_pings_until_it_is_stopped() -> None:
    timers, times = VirtualTimers(), list[float]()
    pinger = Pinger(lambda: times.append(timers.now), each_ms=50, timers=timers)
    timers.advance(170)
    pinger.stop()
    timers.advance(1000)

    assert [round(1000 * (time - 1000)) for time in times] == [50, 100, 150]
    assert timers.pending == 0


def test_a_pinger_that_is_late_does_not_drift() -> None:
    timers, times = VirtualTimers(), list[float]()
    Pinger(lambda: times.append(timers.now), each_ms=50, timers=timers)
    timers.advance(170, late_ms=7)

    assert [round(1000 * (time - 1000)) for time in times] == [57, 107, 157]


def test_pings_come_before_the_first_token_and_between_slow_ones() -> None:
    delay = Delay(first_ms=120, each_ms=60)
    stage = Stage(Script(say=THREE, delay=delay, keepalive=EACH_50)).start()
    stage.timers.advance(100)
    assert (pings(stage), stage.call.generated) == (2, 0)
    stage.timers.advance(1000)

    assert pings(stage) == 4
    assert stage.record["tokens"]["sent"] == 3
    assert stage.record["outcome"] == "completed"


def test_a_stall_without_end_is_kept_alive_until_the_peer_leaves() -> None:
    script = Script(say=THREE, stall=(Stall(after=1),), keepalive=EACH_50)
    stage = Stage(script).start()
    stage.timers.advance(1000)
    stage.performance.peer_left(Peer.FIN)
    stage.timers.advance(1000)

    assert pings(stage) == 20
    assert stage.timers.pending == 0
    assert stage.record["outcome"] == "cancelled_midstream"


def test_a_held_stream_is_kept_alive_until_it_is_released() -> None:
    hold = (Hold(at="token", after=1),)
    script = Script(say=THREE, delay=Delay(each_ms=40), hold=hold, keepalive=EACH_50)
    stage = Stage(script).start()
    stage.timers.advance(170)
    assert pings(stage) == 3
    stage.gates.release(None)
    stage.timers.advance(1000)

    assert pings(stage) == 3
    assert stage.times_ms("token_sent") == [0, 210, 250]


def test_a_call_held_before_its_headers_sends_nothing() -> None:
    script = Script(say=THREE, hold=(Hold(at="headers"),), keepalive=EACH_50)
    stage = Stage(script).start()
    stage.timers.advance(1000)

    assert stage.link.data == b""


def test_a_whole_answer_is_not_kept_alive() -> None:
    script = Script(say=THREE, delay=Delay(first_ms=200), keepalive=EACH_50)
    stage = Stage(script, stream=False).start()
    stage.timers.advance(199)
    assert stage.link.writes == []
    assert stage.names == ["accepted"]
    stage.timers.advance(1)

    assert stage.record["outcome"] == "completed"


def test_pings_do_not_pile_up_before_a_client_that_does_not_read() -> None:
    script = Script(say=THREE, hold=(Hold(at="token", after=1),), keepalive=EACH_50)
    stage = Stage(script).start()
    stage.link.fills_on_write = True
    stage.timers.advance(1000)
    assert pings(stage) == 1
    stage.gates.release(None)
    stage.timers.advance(1000)
    assert stage.call.generated == 1

    stage.link.is_full = stage.link.fills_on_write = False
    stage.performance.writable()
    assert stage.record["tokens"]["sent"] == 3
    assert stage.record["outcome"] == "completed"
    assert stage.timers.pending == 0


def test_a_client_that_reads_again_at_a_gate_is_held_once() -> None:
    script = Script(say=THREE, hold=(Hold(at="token", after=1),), keepalive=EACH_50)
    stage = Stage(script).start()
    stage.link.fills_on_write = True
    stage.timers.advance(60)
    stage.link.is_full = stage.link.fills_on_write = False
    stage.performance.writable()
    stage.timers.advance(60)

    assert stage.names.count("held") == 1
    assert pings(stage) == 2
    assert stage.gates.release(None) == 1


def test_a_ping_brings_no_token_along() -> None:
    script = Script(
        say=THREE,
        delay=Delay(each_ms=60),
        wire=Wire(coalesce=3),
        keepalive=EACH_50,
    )
    stage = Stage(script).start()
    stage.timers.advance(110)
    assert (pings(stage), stage.call.generated, stage.call.sent) == (2, 2, 0)
    assert b'"content":"a "' not in stage.link.data
    stage.timers.advance(10)

    assert stage.call.sent == 3


def test_a_model_that_lingers_pings_nobody() -> None:
    script = Script(
        say=(Say(tokens=3), Tool(name="f")),
        delay=Delay(each_ms=100),
        hold=(Hold(at="token", after=2),),
        keepalive=EACH_50,
        linger=Linger(),
    )
    stage = Stage(script).start()
    stage.timers.advance(120)
    before = len(stage.link.writes)
    stage.performance.peer_left(Peer.FIN)
    stage.timers.advance(500)
    stage.gates.release(None)
    stage.timers.advance(500)

    assert len(stage.link.writes) == before
    assert stage.record["tokens"]["generated"] == 4
