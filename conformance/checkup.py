"""One run of the suite, from options to a result without secrets.

The command line calls this, and so can a test or anything else. Must not print, parse
words, write files, or exit.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from . import profiles
from .launch import Command, launched
from .options import Options, find_credentials, find_ends
from .probes import expect_one_request
from .report.redaction import without_secrets
from .runner.events import RunEvent, RunFinished
from .runner.plan import make_plan
from .runner.result import RunResult
from .runner.run import RunConfig, run_suite
from .runner.suite import Suite


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """A run that is planned.

    Attributes:
        config: what is run against what.
        commands: what is started before it and stopped after it.
    """

    config: RunConfig
    commands: tuple[Command, ...]

    @property
    def secrets(self) -> frozenset[str]:
        """Every credential used so far; none of them is in the result."""
        credentials = self.config.credentials
        return frozenset() if credentials is None else credentials.issued

    async def run(
        self,
        *,
        emit: Callable[[RunEvent], None] = lambda _: None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> RunResult:
        """Start what is to be started, run the suite, stop everything.

        `emit` hears of everything that happens, also of the result of a run that is
        cancelled; `warn` of what keeps the run from being complete, one line each.

        Raises:
            UsageError: a command does not start what it should.
            HarnessError: the fake provider does not answer as agreed.
        """

        def emit_safe(event: RunEvent) -> None:
            if isinstance(event, RunFinished):
                event = RunFinished(result=without_secrets(event.result, self.secrets))
            emit(event)

        async with launched(*self.commands) as running:
            result = await run_suite(self.config, emit=emit_safe, warn=warn)
            for each in running:
                if end := each.early_end():
                    warn(f"{end} during the run:\n{each.last_lines()}")
        return without_secrets(result, self.secrets)


def plan_checkup(suite: Suite, options: Options) -> Checkup:
    """Make of options what is to be run; start and connect nothing.

    Raises:
        UsageError: options do not fit together, or the profile cannot be read.
    """
    profile = profiles.load(options.profile, options.settings)
    plan = make_plan(suite, profile, options.filters)
    expect_one_request(plan.profile)
    ends = find_ends(
        options.url, options.start, options.start_upstream, options.control
    )
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    return Checkup(
        config=RunConfig(
            suite=suite,
            plan=plan,
            target=ends.target,
            control=ends.control,
            credentials=find_credentials(options.tokens),
            settings=options.settings,
            seed=seed,
            strict=options.strict,
        ),
        commands=ends.commands,
    )
