"""One run: from its first event to its terminal one, exactly once.

A run is written to by its job, read by at most one reader, and ended by what comes
first: its last frame, a failure, a cancel. It must not touch a connection, start a task
or know what its frames say; all of its methods are synchronous, so nothing can get
between a decision and its consequences.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from . import sse
from .event_log import EventLog
from .failure import CancelCause, Cause, Failure, OwnFault, describe
from .frame import Frame
from .reader import Leaving, Reader
from .resume import format_event_id


class RunState(StrEnum):
    """Where a run is in its life."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


_STATE_OF_CAUSE: Mapping[Cause | None, RunState] = {
    CancelCause.EXPLICIT: RunState.CANCELLED,
    CancelCause.DISCONNECT: RunState.CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """The decision to stop a run, in seconds of the server's steady clock."""

    cause: CancelCause
    decided_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What a run is called and whose it is."""

    id: str
    user: str
    dialect: str


@dataclass(frozen=True, slots=True)
class _Last:
    """The terminal frame, which waits until the run is saved."""

    frame: Frame
    retry_ms: int | None = None


class Job(Protocol):
    """What a dialect does in one run, and how it tells of a failure.

    It publishes frames to the run, which takes none after its end.
    """

    def open(self, run: "Run") -> None:
        """Publish what is known before any work; must not end the run."""

    async def work(self, run: "Run") -> None:
        """Do the work; the last frame that it publishes is a terminal one.

        Awaited in a task of its own, which is cancelled once when the run is.
        """

    def fail(self, failure: Failure) -> Frame:
        """Return the frame that ends the run with this failure."""


class Run:
    """State of one run; after its end no more than its log and how it ended.

    Args:
        identity: id, owner and dialect.
        job: what is done.
        codes: the dialect's names of failures.
        log: where its blocks go.
        clock: steady clock in seconds.
        grace_s: how long the run goes on without a reader; 0 ends it at once.
        headers: fields of all its answers, by name.
        on_end: called once, when the run has ended for whatever reason; has to see to
            it that `tell_end` is called.
    """

    # Ended runs are kept for minutes, thousands of them.
    __slots__ = (
        "_clock",
        "_codes",
        "_grace",
        "_grace_s",
        "_job",
        "_last",
        "_limit",
        "_on_end",
        "_reader",
        "_task",
        "cancelled",
        "ended_at",
        "failure",
        "headers",
        "identity",
        "log",
        "started_at",
        "state",
    )

    def __init__(  # noqa: PLR0913 -- the collaborators of the one stateful object
        self,
        identity: RunIdentity,
        *,
        job: Job,
        codes: Mapping[Cause, str],
        log: EventLog,
        clock: Callable[[], float],
        grace_s: float,
        headers: Mapping[str, str],
        on_end: Callable[["Run"], None],
    ) -> None:
        self.identity = identity
        self.headers = headers
        self.log = log
        self.state = RunState.RUNNING
        self.started_at = clock()
        self.ended_at: float | None = None
        self.cancelled: Cancel | None = None
        self.failure: Failure | None = None
        # All that the work holds, a prompt, a graph, a traceback, goes with the end.
        self._job: Job | None = job
        self._last: _Last | None = None
        self._on_end: Callable[[Run], None] | None = on_end
        self._codes = codes
        self._clock = clock
        self._grace_s = grace_s
        self._task: asyncio.Task[None] | None = None
        self._reader: Reader | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None

    @property
    def is_running(self) -> bool:
        """Whether the run may still produce events."""
        return self.state is RunState.RUNNING

    @property
    def has_reader(self) -> bool:
        """Whether a response is being served from this run."""
        return self._reader is not None

    def publish(self, frame: Frame) -> None:
        """Publish a frame; a terminal one completes the run.

        After the end frames count no more: a job may be in the middle of a step when
        its run is cancelled.
        """
        if not self.is_running:
            return
        if frame.is_terminal:
            self._end(RunState.COMPLETED, _Last(frame))
        else:
            self._append(frame)

    # How a run ends.

    def bind(self, task: "asyncio.Task[None]") -> None:
        """Name the task that does the work, to be cancelled with the run."""
        self._task = task

    def limit(self, max_s: float) -> None:
        """Stop the run if it is not over after so many seconds."""
        loop = asyncio.get_running_loop()
        self._limit = loop.call_later(max_s, self.cancel, CancelCause.OVERTIME)

    def fail(self, reason: Cause | Failure, *, retry_ms: int | None = None) -> None:
        """End the run with an error event; without effect after its end.

        Args:
            reason: a cause, or a failure of the dialect's own.
            retry_ms: how long a client should wait before it returns, where the server
                has a wish.
        """
        if not self.is_running:
            return
        failure = (
            reason if isinstance(reason, Failure) else describe(reason, self._codes)
        )
        state = _STATE_OF_CAUSE.get(failure.cause, RunState.FAILED)
        self._end(state, self._fail(failure, retry_ms=retry_ms))

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
        self.fail(cause, retry_ms=retry_ms)
        return True

    def close(self) -> None:
        """Make sure the run has ended, when its task has; called for every task."""
        try:
            self.fail(OwnFault.INTERNAL)
        finally:
            self._end(RunState.FAILED, None)

    def tell_end(self, *, is_saved: bool = True) -> None:
        """Let the terminal event be read; without effect the second time.

        Args:
            is_saved: whether what was to be kept is kept. A run that completed and is
                not kept has failed.
        """
        job, last = self._job, self._last
        if job is None or self.is_running:
            return
        if not is_saved and self.state is RunState.COMPLETED:
            self.state = RunState.FAILED
            last = self._fail(describe(OwnFault.INTERNAL, self._codes))
        self._job = self._last = None
        if last is not None:
            self._append(last.frame, is_terminal=True, retry_ms=last.retry_ms)

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
        if self._grace_s <= 0:
            self.cancel(CancelCause.DISCONNECT)
            return
        loop = asyncio.get_running_loop()
        self._grace = loop.call_later(
            self._grace_s, self.cancel, CancelCause.DISCONNECT
        )

    def _fail(self, failure: Failure, *, retry_ms: int | None = None) -> "_Last":
        if self._job is None:
            raise RuntimeError("expected a run whose end is not told, got an older one")
        self.failure = failure
        return _Last(self._job.fail(failure), retry_ms)

    def _append(
        self, frame: Frame, *, is_terminal: bool = False, retry_ms: int | None = None
    ) -> None:
        block = sse.encode(
            frame.data if frame.late is None else frame.late(),
            event=frame.event,
            id=format_event_id(self.identity.id, self.log.last + 1),
            retry_ms=retry_ms,
        )
        self.log.append(block, is_terminal=is_terminal)
        if self._reader is not None:
            self._reader.wake()

    def _end(self, state: RunState, last: "_Last | None") -> None:
        on_end = self._on_end
        if on_end is None:
            return
        self.state = state
        self.ended_at = self._clock()
        self._last = last
        self._stop_grace()
        if self._limit is not None:
            self._limit.cancel()
        self._on_end = self._task = self._limit = None
        on_end(self)

    def _stop_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
