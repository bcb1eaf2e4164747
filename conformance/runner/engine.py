"""Executes a plan: all probes side by side, every requirement judged once it can be.

Knows neither how a probe works nor who listens. Judging is done in a thread, so that
neither a probe nor a Ctrl-C waits for a check; one at a time, because more would only
take turns on one processor and make the event loop late.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import anyio

from ..checks import Check
from ..errors import ControlError
from ..model import Evidence, Judgement, Requirement, Verdict
from .causes import cause_of
from .events import Judged, ProbeFinished, RunEvent
from .judge import is_disturbed, judge
from .plan import Plan

ResultT = TypeVar("ResultT")

MAX_ATTEMPTS = 3
"""How often a probe runs at most when the suite itself disturbed its measurement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What an execution needs from its surroundings.

    Attributes:
        probe: runs the probe of that name and returns its evidence.
        deadline_s: after how many seconds the probe of that name is given up.
        checks: the check of every requirement id.
        clock: monotonic seconds.
        emit: told of everything that happens, at once.
    """

    probe: Callable[[str], Awaitable[Evidence]]
    deadline_s: Callable[[str], float]
    checks: Mapping[str, Check]
    clock: Callable[[], float]
    emit: Callable[[RunEvent], None]
    strict: bool = False


@dataclass(slots=True)
class Execution:
    """The state of one execution: what came back and what was judged so far."""

    plan: Plan
    bench: Bench
    evidence: dict[str, Evidence] = field(default_factory=dict)
    probe_seconds: dict[str, float] = field(default_factory=dict)
    judged: dict[str, Judgement] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)
    _judges: anyio.CapacityLimiter = field(
        default_factory=partial(anyio.CapacityLimiter, 1)
    )

    async def run(self) -> tuple[Judgement, ...]:
        """Run every probe of the plan and judge everything selected, in its order."""
        for requirement in self.plan.selected:
            if capability := self.plan.undeclared.get(requirement.id):
                self._settle(
                    Judgement(
                        requirement=requirement,
                        verdict=Verdict.INAPPLICABLE,
                        reason=f"the profile does not declare {capability!r}",
                    )
                )
        async with anyio.create_task_group() as group:
            for name in self.plan.probes:
                group.start_soon(self._run_probe, name)
        return tuple(self.judged[r.id] for r in self.plan.selected)

    def judged_so_far(self, why_no_more: str) -> tuple[Judgement, ...]:
        """Return everything selected, in its order; untestable where no verdict is."""
        return tuple(
            self.judged.get(requirement.id)
            or Judgement(
                requirement=requirement,
                verdict=Verdict.UNTESTABLE,
                reason=why_no_more,
            )
            for requirement in self.plan.selected
        )

    async def _run_probe(self, name: str) -> None:
        started = self.bench.clock()
        checks = [self.bench.checks[r.id] for r in self._judged_on(name)]
        attempts = 1
        evidence = await self._attempt(name)
        # One that was given up would take as long again.
        while (
            attempts < MAX_ATTEMPTS
            and not evidence.is_cut
            and await self._aside(
                partial(is_disturbed, checks, evidence, self.plan.profile)
            )
        ):
            attempts += 1
            evidence = await self._attempt(name)
        seconds = self.bench.clock() - started
        self.evidence[name] = evidence
        self.probe_seconds[name] = seconds
        self.bench.emit(ProbeFinished(name=name, seconds=seconds, attempts=attempts))
        for requirement in self._judged_on(name):
            await self._judge_when_complete(requirement)

    async def _attempt(self, name: str) -> Evidence:
        """Run a probe once; whatever goes wrong in it becomes evidence too."""
        limit = self.bench.deadline_s(name)
        evidence = Evidence(
            probe=name, error=f"expected an end within {math.ceil(limit)} s, got none"
        )
        try:
            with anyio.move_on_after(limit):
                evidence = await self.bench.probe(name)
        except Exception as problem:  # noqa: BLE001 -- one broken probe must not end the run
            return _evidence_of_failure(name, cause_of(problem))
        return evidence

    def _judged_on(self, probe: str) -> list[Requirement]:
        return [
            requirement
            for requirement in self.plan.selected
            if probe in requirement.probes
            and requirement.id not in self.plan.undeclared
        ]

    async def _judge_when_complete(self, requirement: Requirement) -> None:
        awaited = set(requirement.probes) & set(self.plan.probes)
        if requirement.id in self._taken or not awaited <= self.evidence.keys():
            return
        self._taken.add(requirement.id)
        work = partial(
            judge,
            requirement,
            self.bench.checks[requirement.id],
            {probe: self.evidence[probe] for probe in awaited},
            self.plan.profile,
            strict=self.bench.strict,
        )
        self._settle(await self._aside(work))

    async def _aside(self, work: Callable[[], ResultT]) -> ResultT:
        """Do pure work beside the event loop; a cancelled run leaves it to itself."""
        return await anyio.to_thread.run_sync(
            work, abandon_on_cancel=True, limiter=self._judges
        )

    def _settle(self, judgement: Judgement) -> None:
        self.judged[judgement.requirement.id] = judgement
        self.bench.emit(Judged(judgement=judgement))


def _evidence_of_failure(name: str, problem: Exception) -> Evidence:
    if isinstance(problem, ControlError):
        return Evidence(probe=name, missing=str(problem))
    return Evidence(probe=name, error=f"the probe itself broke: {problem!r}")
