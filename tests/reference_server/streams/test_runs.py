"""The registry of runs, with work that a test makes up."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
from pydantic import BaseModel

from streamproof.reference_server.metrics import Metrics
from streamproof.reference_server.streams.dialect import Dialect, Heartbeat
from streamproof.reference_server.streams.failure import (
    CAUSES,
    CancelCause,
    Failure,
    FailureError,
)
from streamproof.reference_server.streams.frame import Frame
from streamproof.reference_server.streams.reader import Reader
from streamproof.reference_server.streams.run import Run, RunState
from streamproof.reference_server.streams.runs import RunLimits, Runs

Work = Callable[[Run], Awaitable[None]]


class Nothing(BaseModel):
    """A request without parameters."""


@dataclass
class MadeUp:
    """A job that says hello and does what the test says."""

    do: Work

    def open(self, run: Run) -> None:
        run.publish(Frame(data="hello"))

    async def work(self, run: Run) -> None:
        await self.do(run)

    def fail(self, failure: Failure) -> Frame:
        return Frame(data=failure.code)


def make_dialect(work: Work, job: type[MadeUp] = MadeUp) -> Dialect[Any, Any]:
    return Dialect(
        name="made-up",
        method="POST",
        path="/made-up",
        request=Nothing,
        example={"theme": "spring"},
        job=lambda _request, _user: job(work),
        failure_codes={cause: cause.upper() for cause in CAUSES},
        heartbeat=Heartbeat(interval_s=15, render=lambda _now: b""),
    )


def make_runs(retained_max_bytes: int = 100_000) -> Runs:
    ids = count(1)
    limits = RunLimits(
        streams_per_user=3,
        max_streams=5,
        log_max_events=100,
        log_max_bytes=100_000,
        retained_max_bytes=retained_max_bytes,
        retention_s=300,
        drain_s=5,
    )
    return Runs(
        limits,
        metrics=Metrics(),
        clock=asyncio.get_running_loop().time,
        new_id=lambda: f"run{next(ids)}",
        random=lambda: 0.25,
    )


def start(runs: Runs, work: Work, job: type[MadeUp] = MadeUp, user: str = "ada") -> Run:
    return runs.start(make_dialect(work, job), Nothing(), user)


def last_block(run: Run) -> bytes:
    return run.log.get(run.log.last) or b""


async def test_work_that_returns_too_early_is_an_internal_error() -> None:
    async def nothing(_run: Run) -> None:
        await asyncio.sleep(1)

    runs = make_runs()
    run = start(runs, nothing)
    await asyncio.sleep(2)

    assert run.state is RunState.FAILED
    assert b"INTERNAL" in last_block(run)
    assert runs.slots.taken_total == 0
    runs.forget_all()


async def test_work_that_ignores_its_cancellation_frees_the_slot_and_says_no_more() -> (
    None
):
    async def stubborn(run: Run) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            run.publish(Frame(data="still here"))
            run.publish(Frame(data="still here", is_terminal=True))
            await asyncio.sleep(1)

    runs = make_runs()
    run = start(runs, stubborn)
    await asyncio.sleep(1)
    run.cancel(CancelCause.EXPLICIT)

    assert runs.slots.taken_total == 0
    await asyncio.sleep(10)
    assert run.log.last == 2
    assert run.state is RunState.CANCELLED
    runs.forget_all()


async def test_a_run_is_cancelled_once_however_often_it_is_asked() -> None:
    cancellations = []

    async def record(_run: Run) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                cancellations.append(asyncio.get_running_loop().time())

    runs = make_runs()
    run = start(runs, record)
    await asyncio.sleep(1)

    answers = [run.cancel(CancelCause.EXPLICIT) for _ in range(3)]
    await asyncio.sleep(100)

    assert answers == [True, False, False]
    assert cancellations == [1.0]
    runs.forget_all()


async def test_a_run_that_takes_too_long_is_stopped_and_has_failed() -> None:
    cancellations = []

    async def dawdle(_run: Run) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            cancellations.append(asyncio.get_running_loop().time())
            raise

    runs = make_runs()
    dialect = replace(make_dialect(dawdle), max_run_s=30)
    run = runs.start(dialect, Nothing(), "ada")
    await asyncio.sleep(29)
    assert run.is_running
    await asyncio.sleep(60)

    assert (run.state, run.ended_at) == (RunState.FAILED, 30)
    assert b"OVERTIME" in last_block(run)
    assert cancellations == [30]
    assert runs.slots.taken_total == 0
    runs.forget_all()


async def test_a_run_that_ends_in_time_is_not_stopped() -> None:
    async def hurry(run: Run) -> None:
        await asyncio.sleep(29)
        run.publish(Frame(data="done", is_terminal=True))

    runs = make_runs()
    dialect = replace(make_dialect(hurry), max_run_s=30)
    run = runs.start(dialect, Nothing(), "ada")
    await asyncio.sleep(60)

    assert (run.state, run.ended_at) == (RunState.COMPLETED, 29)
    assert run.cancelled is None
    runs.forget_all()


async def test_a_dialect_that_fails_leaves_no_slot_taken() -> None:
    async def nothing(_run: Run) -> None:
        await asyncio.sleep(1)

    class Speechless(MadeUp):
        def fail(self, failure: Failure) -> Frame:
            raise ZeroDivisionError

    runs = make_runs()
    problems: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: problems.append(context)
    )
    run = start(runs, nothing, Speechless)
    await asyncio.sleep(2)

    assert run.state is RunState.FAILED
    assert runs.slots.taken_total == 0
    assert isinstance(problems[0]["exception"], ZeroDivisionError)
    runs.forget_all()


async def test_a_start_that_fails_leaves_no_slot_taken() -> None:
    async def nothing(_run: Run) -> None:
        pytest.fail("nothing to do")

    class Broken(MadeUp):
        def open(self, run: Run) -> None:
            raise ZeroDivisionError

    runs = make_runs()
    with pytest.raises(ZeroDivisionError):
        start(runs, nothing, Broken)

    assert runs.slots.taken_total == 0
    assert list(runs) == []


async def test_the_slot_is_free_before_the_end_can_be_read() -> None:
    seen: list[tuple[int, int]] = []

    async def speak(run: Run) -> None:
        await asyncio.sleep(1)
        run.publish(Frame(data="bye", is_terminal=True))

    runs = make_runs()
    run = start(runs, speak)

    class Watching(Reader):
        def wake(self) -> None:
            seen.append((run.log.last, runs.slots.taken_total))

    run.attach(Watching())
    await asyncio.sleep(2)

    assert seen == [(2, 0)]
    runs.forget_all()


async def test_a_run_that_nothing_reads_gets_its_farewell_in_its_log() -> None:
    async def endless(_run: Run) -> None:
        await asyncio.sleep(1000)

    runs = make_runs()
    run = start(runs, endless)

    await runs.drain()

    assert last_block(run) == b"retry: 2000\nid: run1-2\ndata: SHUTDOWN\n\n"
    runs.forget_all()


@pytest.mark.parametrize(("random", "retry_ms"), [(0.0, 1000), (1.0, 5000)])
async def test_a_farewell_asks_for_one_to_five_seconds(
    random: float, retry_ms: int
) -> None:
    async def endless(_run: Run) -> None:
        await asyncio.sleep(1000)

    runs = make_runs()
    runs._random = lambda: random
    run = start(runs, endless)

    await runs.drain()

    assert last_block(run).startswith(b"retry: %d\n" % retry_ms)
    runs.forget_all()


async def test_a_drain_ends_as_soon_as_nothing_runs() -> None:
    async def short(run: Run) -> None:
        await asyncio.sleep(1)
        run.publish(Frame(data="bye", is_terminal=True))

    runs = make_runs()
    start(runs, short)

    await runs.drain()

    assert asyncio.get_running_loop().time() == 1
    runs.forget_all()


async def test_a_drain_can_be_cut_short() -> None:
    async def endless(_run: Run) -> None:
        await asyncio.sleep(1000)

    runs = make_runs()
    run = start(runs, endless)
    loop = asyncio.get_running_loop()
    loop.call_later(1, runs.hurry)

    await runs.drain()

    assert loop.time() == 1
    assert last_block(run).startswith(b"retry: 2000\n")
    assert run.state is RunState.FAILED
    runs.forget_all()


class Held:
    """Something that a run holds."""


_held: ContextVar[Held] = ContextVar("held")


@pytest.mark.parametrize("end", ["complete", "fail", "cancel"])
async def test_an_ended_run_lets_go_of_all_but_its_log(end: str) -> None:
    held: list[weakref.ref[Held]] = []

    async def work(run: Run) -> None:
        local, context = Held(), Held()
        held.extend([weakref.ref(local), weakref.ref(context)])
        _held.set(context)
        if end == "complete":
            run.publish(Frame(data="bye", is_terminal=True))
        elif end == "fail":
            raise FailureError(Failure(code="OWN", message="", retryable=False))
        else:
            await asyncio.sleep(100)

    @dataclass
    class Weighty(MadeUp):
        def __post_init__(self) -> None:
            self.held = Held()
            held.append(weakref.ref(self.held))

    runs = make_runs()
    run = start(runs, work, Weighty)
    await asyncio.sleep(1)
    run.cancel(CancelCause.EXPLICIT)
    await asyncio.sleep(1)
    gc.collect()

    assert [each() for each in held] == [None] * 3
    assert run.log.last == 2
    assert not run.is_running
    runs.forget_all()


async def test_what_an_ended_run_holds_beside_its_log_is_counted() -> None:
    async def work(run: Run) -> None:
        run.publish(Frame(data="bye", is_terminal=True))

    runs = make_runs(retained_max_bytes=10_000)
    for number in range(20):
        start(runs, work, user=f"user {number}")
        await asyncio.sleep(1)

    # Of logs alone there would be room for a hundred.
    assert [run.identity.id for run in runs] == [f"run{n}" for n in range(12, 21)]
    runs.forget_all()


async def test_ended_runs_are_forgotten_each_in_its_time() -> None:
    async def work(run: Run) -> None:
        run.publish(Frame(data="bye", is_terminal=True))

    runs = make_runs()
    for number in range(3):
        start(runs, work, user=f"user {number}")
        await asyncio.sleep(100)

    async def kept_after(seconds: float) -> list[str]:
        await asyncio.sleep(seconds)
        return [run.identity.id for run in runs]

    assert await kept_after(0) == ["run2", "run3"]
    assert await kept_after(99) == ["run2", "run3"]
    assert await kept_after(2) == ["run3"]
    assert await kept_after(100) == []
