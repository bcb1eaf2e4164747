"""`plan.player`: script and seed to a plan of steps, without a clock."""

from __future__ import annotations

from math import inf

import pytest

from streamproof.fakes.content import Kind, Limits, Omission, Part
from streamproof.fakes.errors import ScriptError
from streamproof.fakes.plan.player import make_plan
from streamproof.fakes.plan.steps import (
    Close,
    Cut,
    Emit,
    End,
    Failure,
    Gate,
    Line,
    Open,
    Rest,
    Silence,
    StandIn,
    Step,
    StreamError,
    Terminate,
    TruncateBody,
)
from streamproof.fakes.script import (
    Delay,
    Drop,
    Fail,
    Fault,
    Garble,
    Garbling,
    Hold,
    InStreamError,
    Linger,
    Omit,
    Page,
    Queue,
    Say,
    Script,
    Stall,
    Think,
    Tool,
    Truncate,
    parse_script,
)

TWO = (Say(text="a b"),)


AB = Part(index=0, kind=Kind.TEXT, pieces=("a ", "b"))
A1 = Emit(part=AB, text="a ")
B2 = Emit(part=AB, text="b")
B = (AB, "b")


def steps_of(script: Script, *, stream: bool = True) -> list[Step]:
    plan = make_plan(script, seed=0, fingerprint="f", stream=stream)
    return list(plan.steps())


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

    assert [step.due_ms for step in steps_of(script)] == [
        0,
        100,
        100,
        520,
        520,
        520,
        520,
    ]
    assert steps_of(script)[2] == Rest(due_ms=100)


def test_a_stall_after_0_comes_before_the_first_token() -> None:
    script = Script(say=TWO, stall=(Stall(after=0, ms=400),))

    assert [step.due_ms for step in steps_of(script)] == [
        *(0, 0),
        *(400, 400, 400, 400, 400),
    ]


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
        Rest(),
        Cut(how="fin", upcoming=B, due_ms=5),
    ]


@pytest.mark.parametrize("ending", ["drop", "truncate"])
def test_a_cut_behind_the_last_token_knows_of_a_terminator_left_out(
    ending: str,
) -> None:
    given = f'{{"say": [{{"text": "a"}}], "{ending}": {{"after": 1, "bytes": 9}}}}'
    script = parse_script(given, where="script")
    omitted = script.model_copy(update={"omit": (Omit(what=Omission.TERMINATOR),)})

    for one, terminates in ((script, True), (omitted, False)):
        cut = steps_of(one)[-1]
        assert isinstance(cut, Cut | TruncateBody)
        assert cut.terminates is terminates


def test_two_garbles_at_one_token_are_refused() -> None:
    garbles = (
        Garble(at=2, how=Garbling.EMPTY),
        Garble(at=1, how=Garbling.EMPTY),
        Garble(at=2, how=Garbling.DUPLICATE),
    )
    with pytest.raises(ScriptError, match="expected one garble at token 2, got more"):
        steps_of(Script(say=TWO, garble=garbles))


def test_pieces_come_part_by_part() -> None:
    script = Script(say=(Think(text="a b"), Tool(name="f", pieces=2)))
    emits = [step for step in steps_of(script) if isinstance(step, Emit)]

    assert [(emit.part.index, emit.text) for emit in emits] == [
        (0, "a "),
        (0, "b"),
        (1, "{"),
        (1, "}"),
    ]


def test_a_place_that_the_request_does_not_allow_is_refused() -> None:
    script = Script(say=TWO, drop=Drop(after=2))

    with pytest.raises(ScriptError, match=r"got 2 \(the request allows 1\)"):
        make_plan(script, seed=0, fingerprint="f", max_tokens=1)


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


@pytest.mark.parametrize("at", [3, 100_000])
def test_a_wrong_frame_behind_the_last_token_is_refused(at: int) -> None:
    script = Script(say=TWO, garble=(Garble(at=at, how=Garbling.EMPTY),))

    with pytest.raises(ScriptError, match=f"at to be at most 2, .* got {at}"):
        make_plan(script, seed=0, fingerprint="f")


def test_a_token_carries_what_is_wrong_with_its_frame() -> None:
    garble = (Garble(at=2, how=Garbling.BAD_JSON),)

    assert steps_of(Script(say=TWO, garble=garble)) == [
        Open(),
        A1,
        Emit(part=AB, text="b", garble=Garbling.BAD_JSON),
        Close(),
        Terminate(),
        End(fault=Fault.GARBLE),
    ]


@pytest.mark.parametrize("what", [Omission.FINISH, Omission.USAGE])
def test_an_answer_that_lacks_something_is_faulted_at_its_end(what: Omission) -> None:
    steps = steps_of(Script(say=TWO, omit=(Omit(what=what),)))

    assert steps[3:] == [Close(), Terminate(), End(fault=Fault.OMIT)]


def test_a_terminator_that_is_left_out_is_no_step() -> None:
    script = Script(
        say=TWO,
        omit=(Omit(what=Omission.TERMINATOR),),
        hold=(Hold(at="end"), Hold(at="body_end")),
    )

    assert steps_of(script)[3:] == [
        Close(),
        Gate(at="end"),
        Gate(at="body_end"),
        End(fault=Fault.OMIT),
    ]


def test_an_answer_in_one_piece_has_no_terminator_to_leave_out() -> None:
    script = Script(say=TWO, omit=(Omit(what=Omission.TERMINATOR),))

    assert steps_of(script, stream=False)[-2:] == [Terminate(), End()]


def test_a_cut_knows_what_would_have_come_next() -> None:
    drop = Script(say=TWO, drop=Drop(after=1, bytes=9, how="half_close"))
    truncate = Script(say=TWO, truncate=Truncate(after=2, bytes=9))

    assert steps_of(drop)[-1] == Cut(how="half_close", bytes=9, upcoming=B)
    assert steps_of(truncate)[-1] == TruncateBody(bytes=9, upcoming=None)


def test_a_place_without_an_ending_takes_no_token_away() -> None:
    script = Script(say=TWO, stall=(Stall(after=0, ms=5), Stall(after=1, ms=5)))
    emits = [step for step in steps_of(script) if isinstance(step, Emit)]

    assert [emit.text for emit in emits] == ["a ", "b"]


def test_a_page_replaces_the_answer_but_not_the_gate_before_it() -> None:
    page = Page(text="no")

    assert steps_of(Script(page=page, hold=(Hold(at="headers"),))) == [
        Gate(at="headers"),
        StandIn(page=page),
    ]


def test_a_call_stands_in_line_before_everything_else() -> None:
    script = Script(queue=Queue(slots=3), hold=(Hold(at="headers"),))

    assert steps_of(script)[:3] == [Line(slots=3), Gate(at="headers"), Open()]


def test_a_refusal_replaces_everything() -> None:
    script = Script(queue=Queue(slots=3), hold=(Hold(at="headers"),))
    plan = make_plan(script, seed=0, fingerprint="f")
    limits, refusal = Limits(requests=1, requests_left=0), Fail(status=429)
    limited = plan.limited(limits, refusal)

    assert list(limited.steps()) == [Failure(fail=refusal, fault=Fault.QUOTA)]
    assert limited.answer.limits == limits
    assert list(plan.limited(limits, None).steps()) == list(plan.steps())


@pytest.mark.parametrize(
    ("linger", "ms"), [(None, 0), (Linger(ms=5), 5), (Linger(), inf)]
)
def test_a_model_lingers_as_long_as_it_is_told(
    linger: Linger | None, ms: float
) -> None:
    plan = make_plan(Script(linger=linger), seed=0, fingerprint="f")

    assert plan.linger_ms == ms


def test_prompt_and_dice_set_the_pace() -> None:
    delay = Delay(prefill_ms=2, jitter_ms=1)
    plan = make_plan(
        Script(say=TWO, delay=delay), seed=0, fingerprint="f", prompt_tokens=50
    )
    first = next(step for step in plan.steps() if isinstance(step, Emit))

    assert first.due_ms == pytest.approx(100, abs=1)
    assert first.due_ms != 100
