"""Probes run side by side; every requirement is judged as soon as it can be."""

import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping

import anyio

from streamproof.conformance.checks import Check
from streamproof.conformance.errors import ControlError
from streamproof.conformance.model import Evidence, Finding, Requirement, Verdict
from streamproof.conformance.profiles import Profile
from streamproof.conformance.runner.engine import MAX_ATTEMPTS, Bench, Execution
from streamproof.conformance.runner.events import Judged, ProbeFinished, RunEvent
from streamproof.conformance.runner.judge import LATE_S
from streamproof.conformance.runner.plan import Plan

from .sample import PROFILE, fails, finds_late, passes, requirement


async def gather(name: str) -> Evidence:
    return Evidence(probe=name)


def execution(
    *requirements: Requirement,
    checks: Mapping[str, Check] | None = None,
    probe: Callable[[str], Awaitable[Evidence]] = gather,
    undeclared: Mapping[str, str] | None = None,
    emit: Callable[[RunEvent], None] = lambda event: None,
    deadline_s: float = 60.0,
) -> Execution:
    missing = undeclared or {}
    needed = [r for r in requirements if r.id not in missing]
    plan = Plan(
        profile=PROFILE,
        selected=requirements,
        undeclared=missing,
        probes=tuple(dict.fromkeys(name for r in needed for name in r.probes)),
    )
    bench = Bench(
        probe=probe,
        deadline_s=lambda name: deadline_s,
        checks=checks or {each.id: passes for each in requirements},
        clock=iter(range(1000)).__next__,
        emit=emit,
    )
    return Execution(plan=plan, bench=bench)


async def test_judgements_come_in_the_order_of_the_plan() -> None:
    run = execution(
        requirement("a.b", "two"),
        requirement("a.c", "one"),
        checks={"a.b": passes, "a.c": fails},
    )

    judgements = await run.run()

    assert [(each.requirement.id, each.verdict) for each in judgements] == [
        ("a.b", Verdict.PASSED),
        ("a.c", Verdict.FAILED),
    ]


async def test_what_is_not_declared_is_inapplicable_and_names_the_capability() -> None:
    run = execution(requirement("a.b", "one"), undeclared={"a.b": "limits"})

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.INAPPLICABLE
    assert judgement.reason == "the profile does not declare 'limits'"
    assert run.evidence == {}


async def test_all_probes_are_under_way_at_once() -> None:
    arrived: set[str] = set()
    everyone = anyio.Event()

    async def meet(name: str) -> Evidence:
        arrived.add(name)
        if len(arrived) == 3:
            everyone.set()
        await everyone.wait()
        return Evidence(probe=name)

    run = execution(requirement("a.b", "one", "two", "three"), probe=meet)

    with anyio.fail_after(10):
        [judgement] = await run.run()

    assert judgement.verdict is Verdict.PASSED


async def test_a_requirement_is_judged_before_slower_probes_are_done() -> None:
    events: list[RunEvent] = []
    first_judged = anyio.Event()

    def emit(event: RunEvent) -> None:
        events.append(event)
        if isinstance(event, Judged):
            first_judged.set()

    async def wait_for_the_first(name: str) -> Evidence:
        if name == "slow":
            await first_judged.wait()
        return Evidence(probe=name)

    run = execution(
        requirement("a.slow", "quick", "slow"),
        requirement("a.quick", "quick"),
        probe=wait_for_the_first,
        emit=emit,
    )

    with anyio.fail_after(10):
        await run.run()

    assert [
        event.judgement.requirement.id if isinstance(event, Judged) else type(event)
        for event in events
    ] == [ProbeFinished, "a.quick", ProbeFinished, "a.slow"]


async def test_a_probe_that_does_not_end_is_given_up() -> None:
    async def hang(name: str) -> Evidence:
        await anyio.sleep_forever()
        raise AssertionError

    run = execution(requirement("a.b", "one"), probe=hang, deadline_s=0.0)

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.ERRORED
    assert judgement.reason == "expected an end within 0 s, got none"


async def test_a_probe_that_breaks_does_not_end_the_run() -> None:
    async def fall_over(name: str) -> Evidence:
        if name == "one":
            raise RuntimeError("oops")
        return Evidence(probe=name)

    run = execution(
        requirement("a.b", "one"), requirement("a.c", "two"), probe=fall_over
    )

    broken, fine = await run.run()

    assert broken.verdict is Verdict.ERRORED
    assert broken.reason == "the probe itself broke: RuntimeError('oops')"
    assert fine.verdict is Verdict.PASSED


async def test_without_the_fake_provider_a_probe_is_untestable() -> None:
    async def no_control(name: str) -> Evidence:
        raise ControlError("no answer")

    run = execution(requirement("a.b", "one"), probe=no_control)

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.UNTESTABLE
    assert judgement.reason == "no answer"


async def test_a_control_error_inside_a_probes_task_group_counts_as_one() -> None:
    async def no_control(name: str) -> Evidence:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
        raise AssertionError

    async def fail() -> None:
        raise ControlError("no answer")

    [judgement] = await execution(requirement("a.b", "one"), probe=no_control).run()

    assert judgement.verdict is Verdict.UNTESTABLE
    assert judgement.reason == "no answer"


async def test_a_defect_inside_a_probes_task_group_is_named_itself() -> None:
    async def break_inside(name: str) -> Evidence:
        async with anyio.create_task_group() as group:
            group.start_soon(fail)
        raise AssertionError

    async def fail() -> None:
        raise RuntimeError("oops")

    [judgement] = await execution(requirement("a.b", "one"), probe=break_inside).run()

    assert judgement.verdict is Verdict.ERRORED
    assert judgement.reason == "the probe itself broke: RuntimeError('oops')"


async def test_a_disturbed_probe_is_repeated_until_it_is_not() -> None:
    lateness = iter([LATE_S, LATE_S, 0.0])

    async def calm_down(name: str) -> Evidence:
        return Evidence(probe=name, late_s=next(lateness))

    events: list[RunEvent] = []
    run = execution(
        requirement("a.b", "one"),
        checks={"a.b": finds_late},
        probe=calm_down,
        emit=events.append,
    )

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.FAILED
    [finished] = [each for each in events if isinstance(each, ProbeFinished)]
    assert finished.attempts == 3


async def test_a_probe_that_was_given_up_is_not_repeated() -> None:
    attempts: list[str] = []

    async def take_for_ever(name: str) -> Evidence:
        attempts.append(name)
        return Evidence(probe=name, late_s=LATE_S, is_cut=True)

    run = execution(
        requirement("a.b", "one"), checks={"a.b": finds_late}, probe=take_for_ever
    )

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.ERRORED
    assert attempts == ["one"]


async def test_a_suite_that_stays_late_gives_up_and_says_errored() -> None:
    attempts: list[str] = []

    async def stay_late(name: str) -> Evidence:
        attempts.append(name)
        return Evidence(probe=name, late_s=LATE_S)

    run = execution(
        requirement("a.b", "one"), checks={"a.b": finds_late}, probe=stay_late
    )

    [judgement] = await run.run()

    assert judgement.verdict is Verdict.ERRORED
    assert len(attempts) == MAX_ATTEMPTS


def slow_check(started: threading.Event, go_on: threading.Event) -> Check:
    def check(evidence: Evidence, profile: Profile) -> Iterable[Finding]:
        started.set()
        assert go_on.wait(10)
        return ()

    return check


async def test_a_slow_check_does_not_hold_up_the_probes() -> None:
    started, go_on = threading.Event(), threading.Event()

    async def let_it_go_on(name: str) -> Evidence:
        if name == "two":
            await anyio.to_thread.run_sync(started.wait)
            go_on.set()
        return Evidence(probe=name)

    run = execution(
        requirement("a.b", "one"),
        requirement("a.c", "two"),
        checks={"a.b": slow_check(started, go_on), "a.c": passes},
        probe=let_it_go_on,
    )

    judgements = await run.run()

    assert [each.verdict for each in judgements] == [Verdict.PASSED] * 2


async def test_an_interrupted_run_does_not_wait_for_a_check() -> None:
    started, go_on = threading.Event(), threading.Event()
    run = execution(
        requirement("a.b", "one"), checks={"a.b": slow_check(started, go_on)}
    )

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(run.run)
            await anyio.to_thread.run_sync(started.wait)
            group.cancel_scope.cancel()
    go_on.set()

    assert run.judged == {}


async def test_what_is_judged_on_two_probes_is_judged_once() -> None:
    events: list[RunEvent] = []
    both = requirement("a.both", "one", "two")
    others = [requirement(f"a.{n}", "one", "two") for n in range(9)]

    await execution(both, *others, emit=events.append).run()

    judged = [e.judgement.requirement.id for e in events if isinstance(e, Judged)]
    assert sorted(judged) == sorted({each.id for each in (both, *others)})


async def test_evidence_and_seconds_of_each_probe_are_kept() -> None:
    run = execution(requirement("a.b", "one"))

    await run.run()

    assert run.evidence == {"one": Evidence(probe="one")}
    assert run.probe_seconds == {"one": 1}
