"""One run: from its first event to its terminal one, exactly once.

A run is written to by its pipeline, read by at most one reader, and ended by whoever
comes first: its last node, a failure, a cancel. It must not touch a connection or start
a task; all of its methods are synchronous, so nothing can get between a decision and
its consequences.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ..dialects.pipeline.progress import RunProgress
from . import sse
from .event_log import EventLog
from .events import FailureCode, RunEvent, RunFailed, failure
from .frame import DialectFrame
from .reader import Leaving, Reader
from .resume import format_event_id


class RunState(StrEnum):
    """Where a run is in its life."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class CancelCause(StrEnum):
    """Who wanted a run to stop."""

    EXPLICIT = "explicit"
    DISCONNECT = "disconnect"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The decision to stop a run, in seconds of the server's steady clock."""

    cause: CancelCause
    decided_at: float


_CODE_OF_CAUSE = {
    CancelCause.EXPLICIT: FailureCode.CANCELLED,
    CancelCause.DISCONNECT: FailureCode.CANCELLED,
    CancelCause.SHUTDOWN: FailureCode.SERVER_SHUTDOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What a run is called and whose it is."""

    id: str
    user: str
    dialect: str


class Run:
    """State of one run; also the sink that its pipeline reports to.

    Args:
        identity: id, owner and dialect.
        log: where its blocks go.
        progress: turns reports of the pipeline into events.
        render: the dialect.
        clock: steady clock in seconds.
        resume_grace_s: how long the run goes on without a reader; 0 ends it at once.
        on_end: called once, when the run has ended for whatever reason.
    """

    def __init__(  # noqa: PLR0913 -- the collaborators of the one stateful object
        self,
        identity: RunIdentity,
        *,
        log: EventLog,
        progress: RunProgress,
        render: Callable[[RunEvent], DialectFrame],
        clock: Callable[[], float],
        resume_grace_s: float,
        on_end: Callable[["Run"], None],
    ) -> None:
        self.identity = identity
        self.log = log
        self.state = RunState.RUNNING
        self.started_at = clock()
        self.ended_at: float | None = None
        self.cancelled: Cancel | None = None
        self._progress = progress
        self._render = render
        self._clock = clock
        self._resume_grace_s = resume_grace_s
        self._on_end = on_end
        self._task: asyncio.Task[None] | None = None
        self._reader: Reader | None = None
        self._grace: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether the run may still produce events."""
        return self.state is RunState.RUNNING

    @property
    def has_reader(self) -> bool:
        """Whether a response is being served from this run."""
        return self._reader is not None

    # What the pipeline reports. After the end its reports count no more: a node may be
    # in the middle of a step when the run is cancelled.

    def enter_node(self) -> None:
        """Go on to the next node."""
        if self.is_running:
            self._publish(self._progress.enter(self._clock()))

    def say(self, text: str) -> None:
        """Publish a piece of the model's answer."""
        if self.is_running:
            self._publish(self._progress.say(text, self._clock()))

    def complete_node(self, output: str) -> None:
        """Publish a node's output; that of the last node completes the run."""
        if self.is_running:
            self._publish(self._progress.complete(output, self._clock()))

    # How a run ends.

    def bind(self, task: "asyncio.Task[None]") -> None:
        """Name the task that does the work, to be cancelled with the run."""
        self._task = task

    def fail(self, code: FailureCode) -> None:
        """End the run with an error event; without effect after its end."""
        if self.is_running:
            self._publish(self._progress.fail(failure(code), self._clock()))

    def cancel(self, cause: CancelCause, *, retry_ms: int | None = None) -> bool:
        """Stop the run now; return whether it was still running.

        The task is cancelled here and nowhere else, and only once: LangGraph's clean-up
        does not survive a second cancellation.
        """
        if not self.is_running:
            return False
        self.cancelled = Cancel(cause=cause, decided_at=self._clock())
        if self._task is not None:
            self._task.cancel()
        reason = failure(_CODE_OF_CAUSE[cause], retry_ms=retry_ms)
        self._publish(self._progress.fail(reason, self._clock()))
        return True

    def close(self) -> None:
        """Make sure the run has ended, when its task has; called for every task."""
        try:
            self.fail(FailureCode.INTERNAL_ERROR)
        finally:
            self._end(RunState.FAILED)

    # Who reads.

    def attach(self, reader: Reader) -> None:
        """Make this the reader; an older one is closed."""
        self._stop_grace()
        if self._reader is not None:
            self._reader.leave(Leaving.TAKEN_OVER)
        self._reader = reader

    def detach(self, reader: Reader) -> None:
        """Forget a reader that has left; a newer one is not concerned."""
        if self._reader is not reader:
            return
        self._reader = None
        if not self.is_running:
            return
        if self._resume_grace_s <= 0:
            self.cancel(CancelCause.DISCONNECT)
            return
        loop = asyncio.get_running_loop()
        self._grace = loop.call_later(
            self._resume_grace_s, self.cancel, CancelCause.DISCONNECT
        )

    def _publish(self, event: RunEvent) -> None:
        frame = self._render(event)
        block = sse.encode(
            frame.data,
            event=frame.event,
            id=format_event_id(self.identity.id, self.log.last + 1),
            retry_ms=frame.retry_ms,
        )
        self.log.append(block, is_terminal=frame.is_terminal)
        if frame.is_terminal:
            self._end(_end_state(event))
        if self._reader is not None:
            self._reader.wake()

    def _end(self, state: RunState) -> None:
        if not self.is_running:
            return
        self.state = state
        self.ended_at = self._clock()
        self._stop_grace()
        self._on_end(self)

    def _stop_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None


def _end_state(event: RunEvent) -> RunState:
    if not isinstance(event, RunFailed):
        return RunState.COMPLETED
    if event.failure.code is FailureCode.CANCELLED:
        return RunState.CANCELLED
    return RunState.FAILED
