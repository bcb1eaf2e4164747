"""`plan.keepalive`: pings in the waits of a plan."""

from __future__ import annotations

from itertools import islice

from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.plan.steps import Gate, Line, Ping, Silence, Step
from streamproof.fakes.script import (
    Delay,
    Drop,
    Fail,
    Hold,
    KeepAlive,
    Queue,
    Say,
    Script,
    Stall,
)

TWO = (Say(text="a b"),)
EACH_50 = KeepAlive(each_ms=50)


def steps_of(script: Script, *, stream: bool = True) -> list[Step]:
    plan = make_plan(script, seed=0, fingerprint="f", stream=stream)
    return list(islice(plan.steps(), 100))


def timeline(script: Script) -> list[tuple[str, float]]:
    return [(type(step).__name__, step.due_ms) for step in steps_of(script)]


def test_pings_come_at_fixed_times_until_something_is_said() -> None:
    script = Script(say=TWO, delay=Delay(first_ms=120, each_ms=60), keepalive=EACH_50)

    assert timeline(script) == [
        ("Open", 0),
        ("Ping", 50),
        ("Ping", 100),
        ("Emit", 120),
        ("Ping", 170),
        ("Emit", 180),
        ("Close", 180),
        ("Terminate", 180),
        ("End", 180),
    ]


def test_what_is_due_at_the_time_of_a_ping_comes_instead_of_it() -> None:
    script = Script(say=TWO, delay=Delay(first_ms=100), keepalive=EACH_50)

    assert timeline(script)[:3] == [("Open", 0), ("Ping", 50), ("Emit", 100)]


def test_fast_tokens_leave_no_room_for_a_ping() -> None:
    script = Script(say=(Say(tokens=50),), delay=Delay(each_ms=20), keepalive=EACH_50)

    assert not any(isinstance(step, Ping) for step in steps_of(script))


def test_a_stall_is_full_of_pings() -> None:
    stall = (Stall(after=1, ms=120),)
    script = Script(say=TWO, stall=stall, drop=Drop(after=1), keepalive=EACH_50)

    assert timeline(script)[2:] == [
        ("Rest", 0),
        ("Ping", 50),
        ("Ping", 100),
        ("Cut", 120),
    ]


def test_waits_without_a_known_end_are_told_to_ping() -> None:
    hold = (Hold(at="token", after=1),)
    script = Script(say=TWO, hold=hold, stall=(Stall(after=1),), keepalive=EACH_50)

    assert steps_of(script)[2:] == [
        Gate(at="token", keepalive=EACH_50),
        Silence(keepalive=EACH_50),
    ]


def test_nothing_is_pinged_before_the_headers() -> None:
    script = Script(
        queue=Queue(slots=1),
        hold=(Hold(at="headers"),),
        fail=Fail(status=500),
        keepalive=EACH_50,
    )

    assert steps_of(script)[:2] == [Line(slots=1), Gate(at="headers")]


def test_a_whole_answer_is_not_kept_alive() -> None:
    script = Script(
        say=TWO, delay=Delay(first_ms=120), stall=(Stall(after=1),), keepalive=EACH_50
    )

    assert steps_of(script, stream=False)[-1] == Silence(due_ms=120)
    assert not any(isinstance(step, Ping) for step in steps_of(script, stream=False))
    assert steps_of(script)[1:3] == [Ping(due_ms=50), Ping(due_ms=100)]


def test_a_ping_says_its_text() -> None:
    keepalive = KeepAlive(each_ms=50, text="wait")
    script = Script(say=TWO, delay=Delay(first_ms=60), keepalive=keepalive)

    assert steps_of(script)[1] == Ping(due_ms=50, text="wait")
