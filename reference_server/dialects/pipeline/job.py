"""One run of the pipeline: what its nodes report becomes frames of the run.

It must not know where frames go from there. The time is read here, so that `progress`
and `render` need no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.run import Run
from . import render
from .graph import Pipeline
from .progress import RunProgress


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineJob:
    """A prompt on its way through the nodes."""

    prompt: str
    pipeline: Pipeline
    progress: RunProgress
    clock: Callable[[], float]

    def open(self, run: Run) -> None:
        """Enter the first node, before the graph is touched."""
        _Reporter(self, run).enter_node()

    async def work(self, run: Run) -> None:
        """Go through all nodes."""
        await self.pipeline.run(self.prompt, _Reporter(self, run))

    def fail(self, failure: Failure) -> Frame:
        """Return the error event, which tells where the run was."""
        return render.fail(self.progress.locate(self.clock()), failure)


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Takes the reports of the nodes; after the run's end they count no more."""

    job: PipelineJob
    run: Run

    def enter_node(self) -> None:
        if self.run.is_running:
            at = self.job.progress.enter(self.job.clock())
            self.run.publish(render.enter_node(at))

    def say(self, text: str) -> None:
        if self.run.is_running:
            at = self.job.progress.locate(self.job.clock())
            self.run.publish(render.say(at, text))

    def complete_node(self, output: str) -> None:
        if self.run.is_running:
            at = self.job.progress.complete(self.job.clock())
            self.run.publish(render.complete_node(at, output))
