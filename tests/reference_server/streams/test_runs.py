"""The registry of runs, with work that a test makes up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from streamproof.reference_server.dialects.pipeline import render as pipeline
from streamproof.reference_server.dialects.pipeline.graph import Sink
from streamproof.reference_server.metrics import Metrics
from streamproof.reference_server.streams.events import RunEvent, RunFailed
from streamproof.reference_server.streams.frame import DialectFrame
from streamproof.reference_server.streams.run import CancelCause, Run, RunState
from streamproof.reference_server.streams.runs import RunLimits, Runs

Work = Callable[[str, Sink], Awaitable[None]]


def make_runs(work: Work) -> Runs:
    ids = count(1)
    limits = RunLimits(
        streams_per_user=3,
        max_streams=5,
        log_max_events=100,
        log_max_bytes=100_000,
        retained_max_bytes=100_000,
        retention_s=300,
        resume_grace_s=5,
        drain_s=5,
    )
    return Runs(
        limits,
        work,
        metrics=Metrics(),
        clock=asyncio.get_running_loop().time,
        new_id=lambda: f"run{next(ids)}",
        random=lambda: 0.25,
    )


def last_block(run: Run) -> bytes:
    return run.log.get(run.log.last) or b""


async def test_work_that_returns_too_early_is_an_internal_error() -> None:
    async def nothing(_prompt: str, _sink: Sink) -> None:
        await asyncio.sleep(1)

    runs = make_runs(nothing)
    run = runs.start("ada", "hello")
    await asyncio.sleep(2)

    assert run.state is RunState.FAILED
    assert b'"INTERNAL_ERROR"' in last_block(run)
    assert runs.slots.taken_total == 0
    runs.forget_all()


async def test_work_that_ignores_its_cancellation_frees_the_slot_and_says_no_more() -> (
    None
):
    async def stubborn(_prompt: str, sink: Sink) -> None:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            sink.say("still here")
            sink.complete_node("still here")
            await asyncio.sleep(1)

    runs = make_runs(stubborn)
    run = runs.start("ada", "hello")
    await asyncio.sleep(1)
    run.cancel(CancelCause.EXPLICIT)

    assert runs.slots.taken_total == 0
    await asyncio.sleep(10)
    assert run.log.last == 2
    assert run.state is RunState.CANCELLED
    runs.forget_all()


async def test_a_run_is_cancelled_once_however_often_it_is_asked() -> None:
    cancellations = []

    async def record(_prompt: str, _sink: Sink) -> None:
        for _ in range(3):
            try:
                await asyncio.sleep(10)
            except asyncio.CancelledError:
                cancellations.append(asyncio.get_running_loop().time())

    runs = make_runs(record)
    run = runs.start("ada", "hello")
    await asyncio.sleep(1)

    answers = [run.cancel(CancelCause.EXPLICIT) for _ in range(3)]
    await asyncio.sleep(100)

    assert answers == [True, False, False]
    assert cancellations == [1.0]
    runs.forget_all()


async def test_a_dialect_that_fails_leaves_no_slot_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_prompt: str, _sink: Sink) -> None:
        await asyncio.sleep(1)

    render = pipeline.render

    def broken(event: RunEvent) -> DialectFrame:
        if isinstance(event, RunFailed):
            raise ZeroDivisionError
        return render(event)

    monkeypatch.setattr(pipeline, "render", broken)
    runs = make_runs(nothing)
    problems: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: problems.append(context)
    )
    run = runs.start("ada", "hello")
    await asyncio.sleep(2)

    assert run.state is RunState.FAILED
    assert runs.slots.taken_total == 0
    assert isinstance(problems[0]["exception"], ZeroDivisionError)
    runs.forget_all()


async def test_a_start_that_fails_leaves_no_slot_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(_prompt: str, _sink: Sink) -> None:
        pytest.fail("nothing to do")

    def broken(_event: RunEvent) -> DialectFrame:
        raise ZeroDivisionError

    monkeypatch.setattr(pipeline, "render", broken)
    runs = make_runs(nothing)
    with pytest.raises(ZeroDivisionError):
        runs.start("ada", "hello")

    assert runs.slots.taken_total == 0
    assert list(runs) == []


async def test_a_drain_can_be_cut_short() -> None:
    async def endless(_prompt: str, _sink: Sink) -> None:
        await asyncio.sleep(1000)

    runs = make_runs(endless)
    run = runs.start("ada", "hello")
    loop = asyncio.get_running_loop()
    loop.call_later(1, runs.hurry)

    await runs.drain()

    assert loop.time() == 1
    assert last_block(run).startswith(b"retry: 2000\n")
    assert run.state is RunState.FAILED
    runs.forget_all()
