"""All runs of this process: start, find, keep for a while, stop.

Shell: creates the task of each run and the timers of retention. It must not write
responses; it refuses only what it alone can know, which is that a limit is reached.
"""

import asyncio
import logging
import math
from collections.abc import Callable, Iterator
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..metrics import Metrics
from ..models.fault import ModelError
from ..refusals import Refusal, RefusalCode
from .dialect import Dialect, JobT, RequestT
from .event_log import EventLog
from .failure import CancelCause, FailureError, OwnFault
from .keeper import Keeper
from .limits import Exhausted, StreamSlots
from .run import Job, Run, RunIdentity
from .starts import Starts

_log = logging.getLogger(__name__)

# When a slot comes free is not known; this keeps a polite client from hammering.
_RETRY_AFTER_S = 5
# The clients of a server that goes down come back between one and five seconds later,
# each at its own moment.
_FAREWELL_RETRY_MS = 1000
_FAREWELL_SPREAD_MS = 4000
# Once cancelled, a run's task is done within milliseconds.
_LAST_TASKS_S = 2.0
# What an ended run holds beside its blocks: itself, its names, entries of tables.
_ENDED_RUN_BYTES = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """Bounds and times that concern runs (see `settings`)."""

    streams_per_user: int
    max_streams: int
    log_max_events: int
    log_max_bytes: int
    retained_max_bytes: int
    retention_s: float
    drain_s: float


class Runs:
    """Registry of running and recently ended runs of all dialects.

    Args:
        limits: bounds and times.
        metrics: told about ends.
        clock: steady clock in seconds.
        new_id: returns an id that cannot be guessed.
        random: number from 0 to 1.
    """

    def __init__(
        self,
        limits: RunLimits,
        *,
        metrics: Metrics,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        random: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._metrics = metrics
        self._clock = clock
        self._new_id = new_id
        self._random = random
        self._slots = StreamSlots(
            per_user=limits.streams_per_user, total=limits.max_streams
        )
        self._runs: dict[str, Run] = {}
        # Ended runs in the order of their end, and when they will be forgotten; all are
        # kept for the same time, so that one timer, for the first of them, is enough.
        self._retained: dict[str, float] = {}
        self._retained_bytes = 0
        self._forgetting: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._keepers: dict[str, Keeper] = {}
        self._starts = Starts()
        self._hurry = asyncio.Event()
        self._is_draining = False
        metrics.watch_running(lambda: self._slots.taken_total)
        metrics.watch_retained(lambda: self._retained_bytes)

    @property
    def slots(self) -> StreamSlots:
        """Slots in use."""
        return self._slots

    @property
    def is_draining(self) -> bool:
        """Whether no new run is accepted any more."""
        return self._is_draining

    def __iter__(self) -> Iterator[Run]:
        """Iterate over running and retained runs, oldest first."""
        return iter(list(self._runs.values()))

    def start(
        self, dialect: Dialect[RequestT, JobT], request: RequestT, user: str
    ) -> Run:
        """Start a run; what its job opens with is in its log before its work begins.

        One synchronous step from taking the slot to the run that will release it.

        Raises:
            Refusal: TOO_MANY_STREAMS, SERVER_BUSY or SERVER_DRAINING.
        """
        self._take_slot(dialect, user)
        try:
            job = dialect.job(request, user)
            run = self._create(dialect, job, user)
            job.open(run)
        except BaseException:
            self._slots.release(user, dialect.name)
            raise
        self._runs[run.identity.id] = run
        if dialect.save is not None:
            self._keepers[run.identity.id] = Keeper(
                run,
                save=partial(dialect.save, job),
                interval_s=dialect.save_interval_s,
                on_kept=partial(self._on_kept, run, end_waits=dialect.end_waits),
            )
        # A task of its own, in no task group: it outlives the request, and an anyio
        # scope would cancel it again and again (failure-modes.md, finding 1).
        self._starts.note()
        task = asyncio.get_running_loop().create_task(self._execute(run, job))
        run.bind(task)
        if dialect.max_run_s is not None:
            run.limit(dialect.max_run_s)
        self._tasks.add(task)
        task.add_done_callback(partial(self._on_task_done, run))
        return run

    def find(self, dialect: str, stream: str, user: str) -> Run | None:
        """Return the user's stream of this dialect.

        None for one that is unknown, expired, another dialect's or another user's.
        """
        run = self._runs.get(stream)
        if run is None or (run.identity.dialect, run.identity.user) != (dialect, user):
            return None
        return run

    async def drain(self) -> None:
        """Accept no more runs, let the running ones finish for a while, then end them.

        Returns when every task of a run is done and everything is saved; readers get
        their farewell from the logs.
        """
        self._is_draining = True
        hurry = asyncio.ensure_future(self._hurry.wait())
        finished = asyncio.ensure_future(_wait_all(self._tasks))
        await asyncio.wait(
            {hurry, finished},
            timeout=self._limits.drain_s,
            return_when=asyncio.FIRST_COMPLETED,
        )
        hurry.cancel()
        finished.cancel()
        for run in self:
            spread_ms = round(self._random() * _FAREWELL_SPREAD_MS)
            run.cancel(CancelCause.SHUTDOWN, retry_ms=_FAREWELL_RETRY_MS + spread_ms)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_LAST_TASKS_S)
        await asyncio.gather(*(each.wait_kept() for each in self._keepers.values()))

    def hurry(self) -> None:
        """End a drain now."""
        self._hurry.set()

    def forget_all(self) -> None:
        """Drop all ended runs."""
        for stream in list(self._retained):
            self._forget(stream)
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None

    def _take_slot(self, dialect: Dialect[Any, Any], user: str) -> None:
        # The user's own limit is reported before the state of the server.
        kind, max_of_kind = dialect.name, dialect.max_streams
        match self._slots.take(user, kind, max_of_kind=max_of_kind):
            case Exhausted.USER:
                raise Refusal(
                    RefusalCode.TOO_MANY_STREAMS,
                    f"at most {self._limits.streams_per_user} streams may run at once",
                    headers={"Retry-After": str(_RETRY_AFTER_S)},
                )
            case Exhausted.KIND | Exhausted.SERVER:
                raise Refusal(
                    RefusalCode.SERVER_BUSY,
                    "the server runs as many streams as it can",
                    headers={"Retry-After": str(_RETRY_AFTER_S)},
                )
            case None:
                pass
        if self._is_draining:
            self._slots.release(user, kind)
            raise Refusal(
                RefusalCode.SERVER_DRAINING,
                "the server is shutting down",
                headers={"Retry-After": str(max(1, math.ceil(self._limits.drain_s)))},
            )

    def _create(self, dialect: Dialect[RequestT, JobT], job: JobT, user: str) -> Run:
        limits = self._limits
        return Run(
            RunIdentity(id=self._new_id(), user=user, dialect=dialect.name),
            job=job,
            codes=dialect.failure_codes,
            log=EventLog(
                max_events=limits.log_max_events, max_bytes=limits.log_max_bytes
            ),
            clock=self._clock,
            grace_s=dialect.grace_s,
            headers={name: tell(job) for name, tell in dialect.headers.items()},
            on_end=partial(
                self._on_end,
                end_waits=dialect.save is not None and dialect.end_waits,
            ),
        )

    async def _execute(self, run: Run, job: Job) -> None:
        await self._starts.wait_turn()
        await _work(run, job)

    def _on_task_done(self, run: Run, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        run.close()

    def _on_end(self, run: Run, *, end_waits: bool) -> None:
        # First of all, and whatever follows: the slot is the user's again.
        self._slots.release(run.identity.user, run.identity.dialect)
        if not end_waits:
            self._tell_end(run, is_saved=True)
        if keeper := self._keepers.get(run.identity.id):
            keeper.finish()

    def _on_kept(
        self,
        run: Run,
        is_saved: bool,  # noqa: FBT001 -- a callback
        *,
        end_waits: bool,
    ) -> None:
        del self._keepers[run.identity.id]
        if end_waits:
            self._tell_end(run, is_saved=is_saved)

    def _tell_end(self, run: Run, *, is_saved: bool) -> None:
        run.tell_end(is_saved=is_saved)
        self._metrics.count_end(run.state)
        if run.cancelled is not None:
            self._metrics.count_cancel(run.cancelled.cause)
        self._retain(run)

    def _retain(self, run: Run) -> None:
        now = asyncio.get_running_loop().time()
        self._retained[run.identity.id] = now + self._limits.retention_s
        self._retained_bytes += _size_of(run)
        while self._retained_bytes > self._limits.retained_max_bytes:
            self._forget(next(iter(self._retained)))
        self._schedule_forgetting()

    def _schedule_forgetting(self) -> None:
        if self._forgetting is None and self._retained:
            due = next(iter(self._retained.values()))
            # A timer holds the context that it was made in, and that of a run holds
            # the state of its graph.
            self._forgetting = asyncio.get_running_loop().call_at(
                due, self._forget_due, context=Context()
            )

    def _forget_due(self) -> None:
        self._forgetting = None
        now = asyncio.get_running_loop().time()
        while self._retained:
            stream, due = next(iter(self._retained.items()))
            if due > now:
                break
            self._forget(stream)
        self._schedule_forgetting()

    def _forget(self, stream: str) -> None:
        del self._retained[stream]
        self._retained_bytes -= _size_of(self._runs.pop(stream))


def _size_of(run: Run) -> int:
    return run.log.size_bytes + _ENDED_RUN_BYTES


async def _work(run: Run, job: Job) -> None:
    stream = run.identity.id
    try:
        await job.work(run)
    except ModelError as error:
        _log.warning("stream %s: model failed: %s", stream, error)
        run.fail(error.fault)
    except FailureError as error:
        _log.warning("stream %s: failed: %s", stream, error.failure.code)
        run.fail(error.failure)
    except Exception:  # noqa: BLE001 -- the one place for it, see below
        # Whatever went wrong in the work, the reader gets a terminal event and the
        # log gets the traceback.
        _log.exception("stream %s: run failed", stream)
        run.fail(OwnFault.INTERNAL)


async def _wait_all(tasks: set[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks)
