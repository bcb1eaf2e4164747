"""One chapter: what the nodes report becomes frames, and what was sent is kept.

It must not know where frames go from there, nor where the chapter is kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from ...models.retry import Retry
from ...store.chapters import Chapter, ChapterStatus
from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.run import Run, RunState
from . import render
from .chunks import Chunker
from .graph import Storytelling
from .measures import Measures
from .nodes import GENERATE, WORKFLOW, Node
from .progress import RunProgress
from .request import StoryRequest
from .safety import Verdict


@dataclass(slots=True, kw_only=True)
class StoryJob:
    """A theme on its way to a chapter.

    Attributes:
        id: of the chapter.
        request: what was asked for.
        user: who asked.
        storytelling: the graph.
        chunker: cuts the chapter into chunks.
        wall_clock: seconds since the epoch.
        sent: the chunks of the chapter that were sent, of its last version alone.
    """

    id: UUID
    request: StoryRequest
    user: str
    storytelling: Storytelling
    chunker: Chunker
    wall_clock: Callable[[], float]
    sent: list[str] = field(default_factory=list)
    _score: float | None = None
    _progress: RunProgress = field(default_factory=RunProgress)
    _started_at: datetime = field(init=False)
    _run: Run = field(init=False)

    def open(self, run: Run) -> None:
        """Say that the workflow has started."""
        self._run = run
        self._started_at = self._now()
        run.publish(render.start_workflow(str(self.id)))

    async def work(self, run: Run) -> None:
        """Tell the story."""
        story = await self.storytelling.run(self.request, self)
        run.publish(render.complete_node(WORKFLOW))
        run.publish(render.show_progress(self._progress.reach(WORKFLOW)))
        run.publish(
            render.complete(
                story.text, story.verdict, story.measures, story_id=str(self.id)
            )
        )

    def fail(self, failure: Failure) -> Frame:
        """Send what was held back; return the error frame."""
        self._send(self.chunker.flush())
        return render.fail(failure)

    def chapter(self, state: RunState) -> Chapter:
        """Return what is to be kept of a run in this state: what its reader got."""
        is_whole = state is RunState.COMPLETED
        return Chapter(
            id=self.id,
            user_id=self.user,
            child_id=self.request.child_id,
            chapter_number=self.request.chapter_number,
            title=self.request.title,
            theme=self.request.theme,
            text="".join(self.sent),
            status=ChapterStatus.COMPLETE if is_whole else ChapterStatus.PARTIAL,
            safety_score=self._score,
            created_at=self._started_at,
            updated_at=self._now(),
        )

    # The sink of the graph's nodes. What is told after the run's end counts no more.

    def enter(self, node: Node) -> None:
        """Go on to a node."""
        if not self._run.is_running:
            return
        if node is GENERATE:
            self.sent.clear()
            self._score = None
        self._run.publish(render.start_node(node))
        self._run.publish(render.show_progress(self._progress.reach(node)))

    def say(self, text: str) -> None:
        """Take a piece of the chapter; send what is a chunk with it."""
        if not self._run.is_running:
            return
        for chunk in self.chunker.feed(text):
            self._send(chunk)
        at = self._progress.write(text)
        if at is not None:
            self._run.publish(render.show_progress(at))

    def wait(self, _retry: Retry) -> None:
        """Tell that the model will be asked again."""
        self._run.publish(render.show_progress(self._progress.wait()))

    def judge(self, verdict: Verdict) -> None:
        """Tell what the safety check came to."""
        if self._run.is_running:
            self._score = verdict.score
            self._run.publish(render.show_verdict(verdict))

    def measure(self, measures: Measures) -> None:
        """Tell what is told beside the text."""
        self._run.publish(render.show_measures(measures))

    def complete(self, node: Node) -> None:
        """Leave a node, with all that was held back in it."""
        if node is GENERATE:
            self._send(self.chunker.flush())
        self._run.publish(render.complete_node(node))

    def _send(self, chunk: str) -> None:
        if chunk and self._run.is_running:
            self.sent.append(chunk)
            self._run.publish(render.say(chunk))

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.wall_clock(), UTC)
