"""One generation: what its nodes report becomes frames, and its timings are kept.

It must not know where frames go from there. The time is read here, so that `progress`
and `render` need no clock.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ...store.database import StoreError
from ...store.durations import Duration, Durations
from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.run import Run
from . import render
from .estimates import Estimates
from .graph import Generation
from .progress import RunProgress
from .stages import COMPLETE, STARTED, Stage

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """What all generations are made with.

    Attributes:
        generation: the graph.
        durations: where timings are kept.
        estimates: what a stage usually takes.
        clock: steady clock in seconds.
        wall_clock: seconds since the epoch.
        new_uuid: returns one that was never used.
    """

    generation: Generation
    durations: Durations
    estimates: Estimates
    clock: Callable[[], float]
    wall_clock: Callable[[], float]
    new_uuid: Callable[[], UUID]


@dataclass(slots=True, kw_only=True)
class ExerciseJob:
    """A prompt on its way to a programme."""

    id: UUID
    prompt: str
    user: str
    workshop: Workshop
    progress: RunProgress
    # The programme with its id, once it is whole.
    result: dict[str, Any] = field(default_factory=dict)

    def open(self, run: Run) -> None:
        """Say that it has started."""
        _Reporter(self, run).enter(STARTED)

    async def work(self, run: Run) -> None:
        """Make the programme and tell it."""
        await self.workshop.estimates.refresh()
        await self.workshop.generation.run(self.prompt, _Reporter(self, run))
        run.publish(render.show_result(self.result))
        at = self.progress.enter(COMPLETE, self.workshop.clock())
        run.publish(render.show_progress(at, is_terminal=True))

    def fail(self, failure: Failure) -> Frame:
        """Return the error frame, which tells where the run was."""
        return render.fail(self.progress.locate(self.workshop.clock()), failure)

    async def record_finished(self) -> None:
        """Keep how long the stages took that were finished since the last call."""
        at = datetime.fromtimestamp(self.workshop.wall_clock(), UTC)
        durations = [
            Duration(
                id=self.workshop.new_uuid(),
                stage=finished.stage.name,
                duration_ms=finished.duration_ms,
                user_id=self.user,
                created_at=at,
                metadata={"generation_id": str(self.id)},
            )
            for finished in self.progress.take_finished()
        ]
        try:
            await self.workshop.durations.record(durations)
        except StoreError as error:
            # A programme is worth more than its timings.
            _log.warning("timings: %s", error)


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Takes the reports of the nodes; after the run's end they count no more."""

    job: ExerciseJob
    run: Run

    def enter(self, stage: Stage) -> None:
        if self.run.is_running:
            at = self.job.progress.enter(stage, self.job.workshop.clock())
            self.run.publish(render.show_progress(at))

    def say(self, text: str) -> None:
        if self.run.is_running:
            at = self.job.progress.say(text, self.job.workshop.clock())
            if at is not None:
                self.run.publish(render.show_progress(at))

    async def store(self, programme: dict[str, Any]) -> None:
        self.job.result = {**programme, "generation_id": str(self.job.id)}
        await self.job.record_finished()
