"""Wires one run together: plan, preflight, rig, execution, result.

Must not know who listens, nor how target and fake provider came to be.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import anyio

from ..model import Evidence
from ..probes import Credentials, Surroundings, Target, rigged
from .engine import Bench, Execution
from .events import RunEvent, RunFinished, RunStarted
from .plan import Plan
from .preflight import why_control_is_unreachable, why_target_is_unreachable
from .result import RunResult
from .suite import Suite
from .ticking import ticking


@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """What is to be run.

    Attributes:
        suite: that the plan was made from.
        plan: what of it is to be run.
        target: base URL of the target.
        control: base URL of the fake provider behind it; None if there is none.
        credentials: None where none are to be had.
        settings: overrides that are in the plan's profile already, for the report.
        seed: makes the users and keys of the probes; new for every run.
        strict: a violated SHOULD fails.
    """

    suite: Suite
    plan: Plan
    target: str
    control: str | None
    credentials: Credentials | None
    settings: tuple[str, ...]
    seed: int
    strict: bool


@dataclass(frozen=True, slots=True)
class _Sum:
    """Makes the result of a run that has a beginning."""

    config: RunConfig
    started: datetime
    began: float

    def __call__(
        self, execution: Execution, *, is_interrupted: bool = False
    ) -> RunResult:
        plan, known = self.config.plan, self.config.suite.requirements
        return RunResult(
            profile=plan.profile.name,
            target=self.config.target,
            seed=self.config.seed,
            settings=self.config.settings,
            started=self.started.isoformat(timespec="seconds"),
            seconds=time.monotonic() - self.began,
            probe_seconds=execution.probe_seconds,
            judgements=execution.judged_so_far("the run was interrupted"),
            evidence=execution.evidence,
            is_selection=len(plan.selected) < sum(not r.excluded for r in known),
            is_interrupted=is_interrupted,
        )


async def run_suite(
    config: RunConfig,
    *,
    emit: Callable[[RunEvent], None],
    warn: Callable[[str], None],
) -> RunResult:
    """Run a plan to its end and return what came of it.

    `emit` hears of everything that happens; `warn` of what keeps the run from being
    complete, one line each. Raises nothing for what a target or a probe does. A run
    that is cancelled emits what it has come to before it ends.
    """
    result = _Sum(config, started=datetime.now(UTC), began=time.monotonic())
    emit(RunStarted(plan=config.plan, target=config.target))
    execution = _without("no probe was started", config, emit)
    try:
        if problem := await why_target_is_unreachable(config.target):
            warn(f"{problem}; start it, or correct the URL")
            execution = _without(problem, config, emit)
            await execution.run()
        else:
            async with _surrounded(config, emit, warn) as execution:
                await execution.run()
    except anyio.get_cancelled_exc_class():
        emit(RunFinished(result=result(execution, is_interrupted=True)))
        raise
    finished = result(execution)
    emit(RunFinished(result=finished))
    return finished


@asynccontextmanager
async def _surrounded(
    config: RunConfig,
    emit: Callable[[RunEvent], None],
    warn: Callable[[str], None],
) -> AsyncIterator[Execution]:
    """Prepare an execution, with the fake provider if it is there."""
    control, problem = await _find_control(config, warn)
    _warn_without_credentials(config, warn)
    surroundings = Surroundings(
        profile=config.plan.profile,
        target=Target.parse(config.target),
        control=None,
        credentials=config.credentials,
        clock=time.monotonic,
        wall_clock=time.time,
    )
    async with rigged(
        surroundings,
        probes=config.suite.probes,
        control_url=control,
        seed=config.seed,
    ) as rig:
        probe = _unless_steered(config.suite, rig.run, problem) if problem else rig.run
        async with ticking(emit, clock=time.monotonic, sleep=anyio.sleep):
            yield _execution(config, probe, rig.deadline_s, emit)


_RunProbe = Callable[[str], Awaitable[Evidence]]


def _execution(
    config: RunConfig,
    probe: _RunProbe,
    deadline_s: Callable[[str], float],
    emit: Callable[[RunEvent], None],
) -> Execution:
    bench = Bench(
        probe=probe,
        deadline_s=deadline_s,
        checks=config.suite.checks,
        clock=time.monotonic,
        emit=emit,
        strict=config.strict,
    )
    return Execution(plan=config.plan, bench=bench)


def _without(
    problem: str, config: RunConfig, emit: Callable[[RunEvent], None]
) -> Execution:
    """Return an execution in which every probe lacks the same thing."""

    async def lack(name: str) -> Evidence:
        return Evidence(probe=name, missing=problem)

    return _execution(config, lack, lambda _: 1.0, emit)


def _unless_steered(suite: Suite, probe: _RunProbe, problem: str) -> _RunProbe:
    """Return a way to run probes that spares those which need the fake provider."""

    async def run(name: str) -> Evidence:
        if "steering" in suite.probes[name].needs:
            return Evidence(probe=name, missing=problem)
        return await probe(name)

    return run


async def _find_control(
    config: RunConfig, warn: Callable[[str], None]
) -> tuple[str | None, str]:
    """Return the control URL if the fake provider answers there, or why there is none.

    Nothing is said where none was named and no planned probe needs one.
    """
    if config.control is not None:
        problem = await why_control_is_unreachable(config.control)
    elif _needs_steering(config):
        problem = "no fake provider was named, so the model cannot be steered"
    else:
        problem = ""
    if problem:
        warn(
            f"{problem}; start streamproof-fakes, make it the target's model, and "
            "give its base URL with --control"
        )
        return None, problem
    return config.control, ""


def _needs_steering(config: RunConfig) -> bool:
    probes = (config.suite.probes[name] for name in config.plan.probes)
    return any("steering" in probe.needs for probe in probes)


def _warn_without_credentials(config: RunConfig, warn: Callable[[str], None]) -> None:
    auth = config.plan.profile.auth
    if config.credentials is None and auth is not None and auth.forms != ("none",):
        warn(
            f"profile {config.plan.profile.name} asks for a credential and none can "
            "be made; give --token-secret-env, --token-secret-file, --token-env, "
            "--token-file or --token-command"
        )
