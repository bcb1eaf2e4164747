"""`calls.gates`: who is held, who is let go."""

from __future__ import annotations

from streamproof.fakes.calls.gates import MAX_TURNS, Gates, KeyTable
from streamproof.fakes.script import Say, Script


def test_a_release_lets_every_turn_go_now_and_later() -> None:
    gates, gone = Gates(), list[int]()
    gates.hold(1, lambda: gone.append(1))
    gates.hold(2, lambda: gone.append(2))

    assert gates.release(None) == 2
    assert gone == [1, 2]
    assert gates.is_open(3)
    assert gates.release(None) == 0


def test_a_release_of_one_turn_holds_the_others() -> None:
    gates, gone = Gates(), list[int]()
    gates.hold(1, lambda: gone.append(1))
    gates.hold(2, lambda: gone.append(2))

    assert gates.release(2) == 1
    assert gone == [2]
    assert gates.is_open(2)
    assert not gates.is_open(1)


def test_who_left_is_not_called() -> None:
    gates, gone = Gates(), list[int]()

    def resume() -> None:
        gone.append(1)

    gates.hold(1, resume)
    gates.leave(resume)

    assert gates.release(None) == 0
    assert gone == []


def test_a_key_keeps_its_gates_and_script() -> None:
    table = KeyTable()
    script = Script(say=(Say(text="a"),))
    table.put_scripts("k", (script,))

    assert table.gates("k") is table.gates("k")
    assert table.script("k", 1) == script
    assert table.script("other", 1) is None


def test_a_forgotten_key_lets_go_and_starts_closed_again() -> None:
    table, gone = KeyTable(), list[int]()
    table.put_scripts("k", (Script(),))
    table.gates("k").hold(1, lambda: gone.append(1))
    table.forget("k")
    table.forget("k")

    assert gone == [1]
    assert table.script("k", 1) is None
    assert not table.gates("k").is_open(1)


def test_the_least_recently_used_key_is_dropped() -> None:
    table = KeyTable(max_keys=2)
    kept = table.gates("a")
    dropped = table.gates("b")
    table.gates("a")
    table.gates("c")

    assert table.gates("a") is kept
    assert table.gates("b") is not dropped


def test_the_least_recently_used_script_is_dropped() -> None:
    table = KeyTable(max_scripts=2)
    for key in ("a", "b"):
        table.put_scripts(key, (Script(),))
    table.script("a", 1)
    table.put_scripts("c", (Script(),))

    assert [table.script(key, 1) is None for key in "abc"] == [False, True, False]


def test_of_many_turns_released_one_by_one_the_latest_stay_open() -> None:
    gates = Gates()
    for turn in range(1, MAX_TURNS + 2):
        gates.release(turn)

    assert not gates.is_open(1)
    assert gates.is_open(2)
    assert gates.is_open(MAX_TURNS + 1)


def test_a_key_that_holds_somebody_stays_while_another_can_go() -> None:
    table, gone = KeyTable(max_keys=2), list[int]()
    table.gates("held").hold(1, lambda: gone.append(1))
    table.gates("idle")
    table.gates("new")

    assert gone == []
    assert table.gates("held").is_holding


def test_who_is_held_goes_on_when_the_key_has_to_go() -> None:
    table, gone = KeyTable(max_keys=1), list[int]()
    table.gates("held").hold(1, lambda: gone.append(1))
    table.gates("new")

    assert gone == [1]


def test_scripts_of_a_key_come_turn_by_turn_and_the_last_one_stays() -> None:
    table = KeyTable()
    scripts = [Script(say=(Say(text=text),)) for text in "abc"]
    table.put_scripts("k", scripts)

    assert [table.script("k", turn) for turn in (1, 2, 3, 4)] == [*scripts, scripts[2]]


def test_a_clear_table_has_no_scripts_and_holds_nobody() -> None:
    table, gone = KeyTable(), list[int]()
    table.put_scripts("k", (Script(),))
    for key in "ab":
        table.gates(key).hold(1, lambda: gone.append(1))
    table.clear()

    assert gone == [1, 1]
    assert (table.script("k", 1), table.scripted_keys) == (None, 0)
    assert not table.gates("a").is_open(1)
