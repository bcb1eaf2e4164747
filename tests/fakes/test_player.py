"""`fakes.player`: script and seed to a plan of steps, without a clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.answer import split_tokens
from fakes.call import Fault
from fakes.content import Answer, Kind, Part, RefusalDetails, StopReason, Usage
from fakes.errors import ScriptError
from fakes.player import make_plan
from fakes.script import (
    Cost,
    Delay,
    Drop,
    Fail,
    Hold,
    InStreamError,
    Refuse,
    Said,
    Say,
    Script,
    Stall,
    Stop,
    Think,
    Tool,
    Truncate,
)
from fakes.steps import (
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
)

TWO = (Say(text="a b"),)


AB = Part(index=0, kind=Kind.TEXT, pieces=("a ", "b"))
A1 = Emit(n=1, part=AB, text="a ")
B2 = Emit(n=2, part=AB, text="b")
B = (AB, "b")


def answer_to(script: Script, max_tokens: int | None = None) -> Answer:
    plan = make_plan(
        script, seed=0, fingerprint="f", prompt_tokens=7, max_tokens=max_tokens
    )
    return plan.answer


def said(*parts: Said) -> tuple[Part, ...]:
    return answer_to(Script(say=parts)).parts


def steps_of(script: Script) -> list[Step]:
    return list(make_plan(script, seed=0, fingerprint="f").steps())


def test_an_answer_opens_speaks_closes_and_ends() -> None:
    assert steps_of(Script(say=TWO)) == [
        Open(),
        A1,
        B2,
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

    assert steps_of(script) == [Open(), A1, Silence()]


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
        A1,
        B2,
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
        Failure(fail=fail, fault=Fault.FAIL),
    ]


@pytest.mark.parametrize(
    ("script", "last"),
    [
        (Script(say=TWO, drop=Drop(after=1, how="rst")), Cut(how="rst", upcoming=B)),
        (Script(say=TWO, truncate=Truncate(after=1)), TruncateBody(upcoming=B)),
        (
            Script(say=TWO, error=InStreamError(after=1)),
            StreamError(error=InStreamError(after=1)),
        ),
    ],
)
def test_an_ending_comes_after_its_token_and_nothing_after_it(
    script: Script, last: Step
) -> None:
    assert steps_of(script) == [Open(), A1, last]


def test_gate_then_stall_then_ending_at_the_same_place() -> None:
    script = Script(
        say=TWO,
        drop=Drop(after=1),
        stall=(Stall(after=1, ms=5),),
        hold=(Hold(at="token", after=1),),
    )

    assert steps_of(script)[2:] == [
        Gate(at="token"),
        Cut(how="fin", upcoming=B, due_ms=5),
    ]


def test_an_empty_script_says_eight_words() -> None:
    (part,) = answer_to(Script()).parts

    assert len(part.pieces) == 8
    assert part.text.split() == [text.strip() for text in part.pieces]


def test_texts_that_follow_each_other_are_one_part() -> None:
    assert said(Say(text="a b "), Say(text="c")) == (
        Part(index=0, kind=Kind.TEXT, pieces=("a ", "b ", "c")),
    )


def test_every_kind_of_part_is_said_in_its_place() -> None:
    parts = said(
        Think(text="hm, "),
        Think(text="yes"),
        Say(text="look"),
        Tool(name="f", arguments='{"city":"Rom"}'),
        Tool(name="g"),
        Think(text="so"),
        Refuse(text="no"),
    )

    assert parts == (
        Part(index=0, kind=Kind.THINKING, pieces=("hm, ", "yes")),
        Part(index=1, kind=Kind.TEXT, pieces=("look",)),
        Part(index=2, kind=Kind.TOOL, name="f", pieces=('{"ci', 'ty":"', 'Rom"}')),
        Part(index=3, kind=Kind.TOOL, name="g", pieces=("{}",)),
        Part(index=4, kind=Kind.THINKING, pieces=("so",)),
        Part(index=5, kind=Kind.REFUSAL, pieces=("no",)),
    )


def test_pieces_are_numbered_over_all_parts() -> None:
    script = Script(say=(Think(text="a b"), Tool(name="f", pieces=2)))
    emits = [step for step in steps_of(script) if isinstance(step, Emit)]

    assert [(emit.n, emit.text) for emit in emits] == [
        (1, "a "),
        (2, "b"),
        (3, "{"),
        (4, "}"),
    ]


@pytest.mark.parametrize(
    ("pieces", "fragments"),
    [
        (1, ('{"city":1}',)),
        (3, ('{"c', "ity", '":1}')),
        (10, tuple('{"city":1}')),
        (99, tuple('{"city":1}')),
    ],
)
def test_arguments_are_cut_into_as_many_pieces_as_they_have(
    pieces: int, fragments: tuple[str, ...]
) -> None:
    (part,) = said(Tool(name="f", arguments='{"city":1}', pieces=pieces))

    assert part.pieces == fragments


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((Say(text="a"),), "stop"),
        ((Say(text="a"), Tool(name="f")), "tool_calls"),
        ((Say(text="a"), Refuse()), "refusal"),
    ],
)
def test_an_answer_stops_for_the_reason_its_content_suggests(
    parts: tuple[Said, ...], reason: str
) -> None:
    assert answer_to(Script(say=parts)).stop == reason


def test_an_answer_stops_for_the_reason_it_is_told_to() -> None:
    stop = Stop(reason=StopReason.CONTENT_FILTER)

    assert answer_to(Script(say=TWO, stop=stop), 1).stop == "content_filter"


def test_an_answer_that_is_longer_than_the_request_allows_stops_for_length() -> None:
    script = Script(say=(Think(text="a b"), Say(text="c d"), Tool(name="f")))
    answer = answer_to(script, 3)

    assert answer.parts == (
        Part(index=0, kind=Kind.THINKING, pieces=("a ", "b")),
        Part(index=1, kind=Kind.TEXT, pieces=("c ",)),
    )
    assert (answer.stop, answer.usage.output_tokens) == ("length", 3)
    assert answer_to(script, 5).stop == "tool_calls"


def test_a_place_that_the_request_does_not_allow_is_refused() -> None:
    script = Script(say=TWO, drop=Drop(after=2))

    with pytest.raises(ScriptError, match=r"got 2 \(the request allows 1\)"):
        answer_to(script, 1)


def test_the_usage_is_what_was_read_and_made() -> None:
    answer = answer_to(Script(say=(Think(text="a b"), Say(text="c"))))

    assert answer.usage == Usage(input_tokens=7, output_tokens=3, thinking_tokens=2)


def test_the_usage_is_what_the_script_says_it_is() -> None:
    answer = answer_to(Script(say=TWO, usage=Cost(input_tokens=90, cached_tokens=60)))

    assert answer.usage == Usage(input_tokens=90, cached_tokens=60, output_tokens=2)


def test_the_details_of_a_refusal_are_kept() -> None:
    answer = answer_to(Script(say=(Refuse(category="cyber", explanation="policy"),)))

    assert answer.refusal == RefusalDetails(category="cyber", explanation="policy")


def test_the_same_seed_and_request_give_the_same_words() -> None:
    script = Script(say=(Say(tokens=20),))
    plans = [make_plan(script, seed=7, fingerprint="f") for _ in range(2)]

    assert plans[0] == plans[1]


@pytest.mark.parametrize(("seed", "fingerprint"), [(8, "f"), (7, "g")])
def test_another_seed_or_request_gives_other_words(seed: int, fingerprint: str) -> None:
    script = Script(say=(Say(tokens=20),))
    here = make_plan(script, seed=7, fingerprint="f").answer

    assert make_plan(script, seed=seed, fingerprint=fingerprint).answer != here


def test_the_words_of_a_seed_never_change() -> None:
    (part,) = said(Say(tokens=4))

    assert part.text == "delta lagoon prairie jasper"


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


def test_more_words_than_the_longest_answer_are_refused_before_any_is_made() -> None:
    script = Script(say=(Say(tokens=100_000),) * 3000)

    with pytest.raises(ScriptError, match="got 300000000"):
        make_plan(script, seed=0, fingerprint="f")


def test_more_than_the_longest_answer_is_refused() -> None:
    with pytest.raises(ScriptError, match="at most 100000 tokens to be said"):
        make_plan(Script(say=(Say(text="a " * 100_001),)), seed=0, fingerprint="f")
