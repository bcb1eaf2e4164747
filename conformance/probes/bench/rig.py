"""Runs probes: opens what they share, bounds each in time, and always cleans up.

Must not know what any probe does; a probe that could not run is evidence too.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

import anyio

from ...model import Evidence
from .context import Context
from .control import Control
from .lag import LoopLag
from .missing import MissingError
from .probe import Probe
from .surroundings import Surroundings

CLEAN_UP_S = 5.0
"""What closing, reading the journal and opening gates may take; about 0.1 s if all is
well."""

_PATIENCES = 2
"""A probe is given up once a broken target has used up its patience twice."""


@dataclass(slots=True, kw_only=True)
class Rig:
    """Runs the probes of one run, side by side where that is possible.

    Attributes:
        probes: by name.
        seed: with the name and the attempt it makes the users and keys of a probe.
    """

    surroundings: Surroundings
    probes: Mapping[str, Probe]
    seed: int
    lag: LoopLag
    _attempts: Counter[str] = field(default_factory=Counter)
    _turn: anyio.Lock = field(default_factory=anyio.Lock)

    @property
    def runs_side_by_side(self) -> bool:
        """Tell whether probes can run at once: not if all are one user with a limit."""
        credentials = self.surroundings.credentials
        has_users = credentials is not None and credentials.has_users
        return has_users or self.surroundings.profile.limits is None

    def deadline_s(self, name: str) -> float:
        """Return after how many seconds a caller should no longer wait for `run`."""
        if self.runs_side_by_side:
            return self._bound_s(name) + CLEAN_UP_S
        return sum(self._bound_s(each) + CLEAN_UP_S for each in self.probes)

    def _bound_s(self, name: str) -> float:
        seconds = self.probes[name].seconds(self.surroundings.profile)
        late_s = self.surroundings.patience_s + self.surroundings.model_s
        return seconds + _PATIENCES * late_s

    async def run(self, name: str) -> Evidence:
        """Run a probe once and return what it brings back.

        Raises:
            ControlError: the fake provider does not answer as agreed.
        """
        if self.runs_side_by_side:
            return await self._run(name)
        async with self._turn:
            return await self._run(name)

    async def _run(self, name: str) -> Evidence:
        probe = self.probes[name]
        if "steering" in probe.needs and self.surroundings.control is None:
            missing = "no control URL of a fake provider was given"
            return Evidence(probe=name, missing=missing)
        started = self.surroundings.clock()
        evidence = await self._execute(probe)
        late_s = self.lag.worst(started, self.surroundings.clock())
        return replace(evidence, late_s=late_s)

    async def _execute(self, probe: Probe) -> Evidence:
        problem: Exception | None = None
        evidence = Evidence(probe=probe.name)
        async with anyio.create_task_group() as group:
            context = Context(
                name=probe.name,
                nonce=self._nonce(probe.name),
                surroundings=self.surroundings,
                group=group,
            )
            # What is raised here must not reach the group, which would wrap it.
            try:
                with anyio.move_on_after(self._bound_s(probe.name)) as scope:
                    await probe.run(context)
                evidence = replace(
                    await context.evidence(), is_cut=scope.cancelled_caught
                )
            except MissingError as missing:
                evidence = Evidence(probe=probe.name, missing=str(missing))
            except Exception as broken:  # noqa: BLE001 -- raised again below
                problem = broken
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(CLEAN_UP_S):
                    await context.clean_up()
                group.cancel_scope.cancel()
        if problem is not None:
            raise problem
        return evidence

    def _nonce(self, name: str) -> str:
        self._attempts[name] += 1
        text = f"{self.seed} {name} {self._attempts[name]}"
        return hashlib.sha256(text.encode()).hexdigest()[:8]


@asynccontextmanager
async def rigged(
    surroundings: Surroundings,
    *,
    probes: Mapping[str, Probe],
    control_url: str | None,
    seed: int,
) -> AsyncIterator[Rig]:
    """Prepare for a run: reach the fake provider, set its clock against ours.

    Args:
        surroundings: with no `control`; the one at `control_url` is put in.
        probes: that may be run.
        control_url: base URL of the fake provider; None if there is none.
        seed: see `Rig`. Two runs at once against one fake provider need different
            ones, for it counts the turns of each key.

    Raises:
        ControlError: the fake provider does not answer as agreed.
    """
    clock = surroundings.clock
    async with AsyncExitStack() as stack:
        if control_url is not None:
            control = await stack.enter_async_context(Control.at(control_url, clock))
            await control.calibrate()
            surroundings = replace(surroundings, control=control)
        lag = LoopLag(clock=clock, sleep=anyio.sleep)
        rig = Rig(surroundings=surroundings, probes=probes, seed=seed, lag=lag)
        problem: Exception | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(lag.run)
            # What the caller raises must reach him as it is: the group would wrap it.
            try:
                yield rig
            except Exception as raised:  # noqa: BLE001 -- raised again below
                problem = raised
            group.cancel_scope.cancel()
        if problem is not None:
            raise problem
