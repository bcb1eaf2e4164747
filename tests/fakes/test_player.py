"""`fakes.player`: script and seed to a plan of steps, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.errors import ScriptError
from fakes.player import (
    Close,
    Cut,
    Emit,
    End,
    Failure,
    Gate,
    Open,
    Silence,
    Step,
    StreamError,
    Terminate,
    TruncateBody,
    make_plan,
    split_tokens,
)
from fakes.script import (
    Delay,
    Drop,
    Fail,
    Hold,
    InStreamError,
    Say,
    Script,
    Stall,
    Truncate,
)

TWO = (Say(text="a b"),)


def steps_of(script: Script) -> list[Step]:
    return list(make_plan(script, seed=0, fingerprint="f").steps())


def test_an_answer_opens_speaks_closes_and_ends() -> None:
    assert steps_of(Script(say=TWO)) == [
        Open(),
        Emit(n=1, text="a "),
        Emit(n=2, text="b"),
        Close(),
        Terminate(),
        End(),
    ]


def test_delays_add_up_to_moments_since_the_headers() -> None:
    script = Script(say=TWO, delay=Delay(first_ms=100, each_ms=20))

    assert [(type(step), step.due_ms) for step in steps_of(script)] == [
        (Open, 0),
        (Emit, 100),
        (Emit, 120),
        (Close, 120),
        (Terminate, 120),
        (End, 120),
    ]


def test_a_stall_moves_everything_behind_it() -> None:
    script = Script(
        say=TWO, delay=Delay(first_ms=100, each_ms=20), stall=(Stall(after=1, ms=400),)
    )

    assert [step.due_ms for step in steps_of(script)] == [0, 100, 520, 520, 520, 520]


def test_a_stall_after_0_comes_before_the_first_token() -> None:
    script = Script(say=TWO, stall=(Stall(after=0, ms=400),))

    assert [step.due_ms for step in steps_of(script)] == [0, 400, 400, 400, 400, 400]


def test_a_stall_without_end_is_the_last_step() -> None:
    script = Script(say=TWO, stall=(Stall(after=1),))

    assert steps_of(script) == [Open(), Emit(n=1, text="a "), Silence()]


def test_gates_stand_at_their_place() -> None:
    script = Script(
        say=TWO,
        hold=(
            Hold(at="headers"),
            Hold(at="token", after=0),
            Hold(at="token", after=2),
            Hold(at="end"),
            Hold(at="body_end"),
        ),
    )

    assert steps_of(script) == [
        Gate(at="headers"),
        Open(),
        Gate(at="token"),
        Emit(n=1, text="a "),
        Emit(n=2, text="b"),
        Gate(at="token"),
        Close(),
        Gate(at="end"),
        Terminate(),
        Gate(at="body_end"),
        End(),
    ]


def test_a_failure_replaces_the_answer_but_not_the_gate_before_it() -> None:
    fail = Fail(status=500)

    assert steps_of(Script(fail=fail, hold=(Hold(at="headers"),))) == [
        Gate(at="headers"),
        Failure(fail=fail),
    ]


@pytest.mark.parametrize(
    ("script", "last"),
    [
        (Script(say=TWO, drop=Drop(after=1, how="rst")), Cut(how="rst")),
        (Script(say=TWO, truncate=Truncate(after=1)), TruncateBody()),
        (
            Script(say=TWO, error=InStreamError(after=1)),
            StreamError(error=InStreamError(after=1)),
        ),
    ],
)
def test_an_ending_comes_after_its_token_and_nothing_after_it(
    script: Script, last: Step
) -> None:
    assert steps_of(script) == [Open(), Emit(n=1, text="a "), last]


def test_gate_then_stall_then_ending_at_the_same_place() -> None:
    script = Script(
        say=TWO,
        drop=Drop(after=1),
        stall=(Stall(after=1, ms=5),),
        hold=(Hold(at="token", after=1),),
    )

    assert steps_of(script)[2:] == [Gate(at="token"), Cut(how="fin", due_ms=5)]


def test_an_empty_script_says_eight_words() -> None:
    plan = make_plan(Script(), seed=0, fingerprint="f")

    assert len(plan.texts) == 8
    assert "".join(plan.texts).split() == [text.strip() for text in plan.texts]


def test_several_parts_are_said_one_after_the_other() -> None:
    plan = make_plan(
        Script(say=(Say(text="a b "), Say(text="c"))), seed=0, fingerprint="f"
    )

    assert plan.texts == ("a ", "b ", "c")


def test_the_same_seed_and_request_give_the_same_words() -> None:
    script = Script(say=(Say(tokens=20),))
    plans = [make_plan(script, seed=7, fingerprint="f") for _ in range(2)]

    assert plans[0] == plans[1]


@pytest.mark.parametrize(("seed", "fingerprint"), [(8, "f"), (7, "g")])
def test_another_seed_or_request_gives_other_words(seed: int, fingerprint: str) -> None:
    script = Script(say=(Say(tokens=20),))
    here = make_plan(script, seed=7, fingerprint="f")

    assert make_plan(script, seed=seed, fingerprint=fingerprint).texts != here.texts


def test_the_words_of_a_seed_never_change() -> None:
    plan = make_plan(Script(say=(Say(tokens=4),)), seed=0, fingerprint="f")

    assert "".join(plan.texts) == "delta lagoon prairie jasper"


@pytest.mark.parametrize(
    "script",
    [
        Script(say=TWO, drop=Drop(after=3)),
        Script(say=TWO, stall=(Stall(after=3),)),
        Script(say=TWO, hold=(Hold(at="token", after=3),)),
    ],
)
def test_a_place_behind_the_last_token_is_refused(script: Script) -> None:
    with pytest.raises(
        ScriptError, match="at most 2, the number of tokens said, got 3"
    ):
        make_plan(script, seed=0, fingerprint="f")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("one", ["one"]),
        ("one two  three\n", ["one ", "two  ", "three\n"]),
        ("  one two", ["  ", "one ", "two"]),
        ("\u2028a\u2028b", ["\u2028", "a\u2028", "b"]),
        (" ", [" "]),
    ],
)
def test_text_is_split_into_words_with_the_space_behind_them(
    text: str, tokens: list[str]
) -> None:
    assert split_tokens(text) == tokens


@given(st.text())
def test_splitting_loses_nothing(text: str) -> None:
    assert "".join(split_tokens(text)) == text


def test_more_than_the_longest_answer_is_refused() -> None:
    with pytest.raises(ScriptError, match="at most 100000 tokens to be said"):
        make_plan(Script(say=(Say(text="a " * 100_001),)), seed=0, fingerprint="f")
