"""Runs: a log of events, one model call, and a reader that may come back to it."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.mutants.bases.toy.drafts import Draft, Drafts
from tests.mutants.bases.toy.model import Model, ModelError
from tests.mutants.bases.toy.refusal import Refusal

SOURCES = 9
_ROOM = 1_000_000
_PER_USER = 3
_MARKER = re.compile(r"\[([1-9][0-9]{0,3})\]")
_LONGEST_MARKER = len("[9999]")


def stamp(at: float) -> str:
    """Return an instant, in seconds since the epoch, as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Run:
    """One note being written. `on_end` is told before anybody reads of the end.

    `event_fields` are what the `event:` field of some types is.
    """

    def __init__(
        self,
        owner: str,
        session: str,
        *,
        draft: Draft,
        event_fields: Mapping[str, str],
        on_end: Callable[[Run], None],
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.owner = owner
        self.session = session
        self.draft = draft
        self.status = "active"
        self.code = ""
        self.blocks: list[bytes] = []
        self.times: list[float] = []
        self.pieces: list[str] = []
        self.cited: list[int] = []
        self.unresolved: list[int] = []
        self.tail: list[str] = []
        self.started_at = time.monotonic()
        self.reader: object | None = None
        self.changed = asyncio.Event()
        self.task: asyncio.Task[None] | None = None
        self._event_fields = event_fields
        self._on_end = on_end
        self._grace: asyncio.TimerHandle | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether the last event is in the log."""
        return self.status != "active"

    @property
    def text(self) -> str:
        """All that the model said so far."""
        return "".join(self.pieces)

    def result(self) -> dict[str, Any]:
        """Return what came of it: the end of the stream, or the classic answer."""
        return {
            "session_id": self.session,
            "draft_id": self.draft.id,
            "language": "en",
            "text": self.text,
            "tail": "".join(self.tail),
            "tokens": len(self.pieces),
            "words": len(self.text.split()),
            "size": len(self.text),
            "citations": len(self.cited),
            "unresolved": self.unresolved,
        }

    # The log

    def publish(self, **event: object) -> None:
        """Append an event."""
        at = max([time.time(), *self.times[-1:]])
        self.times.append(at)
        data = json.dumps({**event, "timestamp": stamp(at)}, ensure_ascii=False)
        field = self._event_fields.get(str(event.get("stage", event.get("type"))))
        name = "" if field is None else f"event: {field}\n"
        id_ = f"{self.id}-{len(self.times)}"
        self.blocks.append(f"id: {id_}\n{name}data: {data}\n\n".encode())
        self.tell()

    def tell(self) -> None:
        """Wake up who waits for something new."""
        self.changed.set()
        self.changed = asyncio.Event()

    # The work

    async def work(self, model: Model, prompt: str) -> None:
        """Write the note."""
        self.publish(
            stage="started",
            progress=5,
            session_id=self.session,
            draft_id=self.draft.id,
            language="en",
            count=SOURCES,
            sources=[{"source": f"source {n}"} for n in range(1, SOURCES + 1)],
        )
        try:
            await model.answer(prompt, self._on_text, self._on_retry)
        except ModelError as failed:
            self._end("error", failed.code, is_retryable=True)
        else:
            self._end("completed")

    def _on_retry(self, attempt: int) -> None:
        if not self.is_over:
            self.publish(stage="retrying", progress=5, attempt=attempt)

    def _on_text(self, piece: str) -> None:
        if self.is_over:
            return
        start = len(self.text)
        self.pieces.append(piece)
        self.tail.append(piece)
        self.publish(
            type="token",
            progress=min(99, 5 + len(self.pieces)),
            text=piece,
            size=len(piece),
            n=len(self.pieces),
            room=_ROOM - len(self.text),
            written_at=stamp(max(time.time(), self.times[-1])),
        )
        # A marker may be split over any number of pieces.
        for found in _MARKER.finditer(self.text, max(0, start - _LONGEST_MARKER)):
            number = int(found[1])
            if found.end() <= start or number in self.cited + self.unresolved:
                continue
            if number > SOURCES:
                self.unresolved.append(number)
                continue
            self.cited.append(number)
            self._cite(number)

    def _cite(self, number: int) -> None:
        if self.is_over:
            return
        self.tail.clear()
        # The sources are as old as their numbers, and each is the first of its own.
        self.publish(
            type="citation",
            number=number,
            source=f"source {number}",
            n=1,
            written_at=f"200{number}-01-01T00:00:00Z",
        )

    def cancel(self, reason: str) -> None:
        """End it early, at once, unless it is over."""
        if not self.is_over:
            if self.task is not None:
                self.task.cancel()
            self._end("cancelled", "CANCELLED", reason=reason)

    def _end(
        self, status: str, code: str = "", *, is_retryable: bool = False, **also: object
    ) -> None:
        self.status, self.code = status, code
        self.draft.end("complete" if status == "completed" else "partial", self.text)
        self._on_end(self)
        if code:
            self.publish(
                type="error",
                code=code,
                message="the note was not finished",
                retryable=is_retryable,
                **also,
            )
        else:
            self.publish(stage="saved", progress=100)
            self.publish(type="done", progress=100, **self.result())

    # Its reader

    def attach(self, reader: object) -> None:
        """Take a reader in the place of an older one."""
        self.reader = reader
        if self._grace is not None:
            self._grace.cancel()
        self.tell()

    def detach(self, reader: object, grace_s: float) -> None:
        """Let a reader go; one that does not come back ends the run."""
        if self.reader is reader:
            self.reader = None
            loop = asyncio.get_running_loop()
            self._grace = loop.call_later(grace_s, self.cancel, "timeout")


@dataclass(slots=True)
class _Figures:
    count: int = 0
    total_s: float = 0.0


class Runs:
    """All runs, and how many of each user are running."""

    def __init__(
        self, model: Model, drafts: Drafts, event_fields: Mapping[str, str]
    ) -> None:
        self._model = model
        self._drafts = drafts
        self._event_fields = event_fields
        self._runs: dict[str, Run] = {}
        self._sessions: dict[str, Run] = {}
        self._running: Counter[str] = Counter()
        self._figures = _Figures()

    def start(self, owner: str, session: str, prompt: str) -> Run:
        """Start a run; raise `Refusal` where the session or the user has too many."""
        before = self._sessions.get(session)
        if before is not None and before.owner != owner:
            raise Refusal(404, "SESSION_NOT_FOUND")
        if before is not None and not before.is_over:
            raise Refusal(409, "SESSION_BUSY")
        if self._running[owner] >= _PER_USER:
            raise Refusal(429, "TOO_MANY_STREAMS", retry_after="1")
        self._running[owner] += 1
        draft = self._drafts.create(owner, "streaming")
        run = Run(
            owner,
            session,
            draft=draft,
            event_fields=self._event_fields,
            on_end=self._on_end,
        )
        self._runs[run.id] = self._sessions[session] = run
        run.task = asyncio.create_task(run.work(self._model, prompt))
        return run

    def _on_end(self, run: Run) -> None:
        self._running[run.owner] -= 1
        if run.status == "completed":
            self._figures.count += 1
            self._figures.total_s += time.monotonic() - run.started_at

    def figures(self) -> dict[str, float]:
        """Return how many runs were completed and how long they took on average."""
        count = self._figures.count
        mean_s = self._figures.total_s / count if count else 1.0
        return {"count": count, "mean_ms": round(mean_s * 1000)}

    def get(self, owner: str, id_: str) -> Run:
        """Return a stream of this user; raise `Refusal` where there is none."""
        run = self._runs.get(id_)
        if run is None or run.owner != owner:
            raise Refusal(404, "STREAM_NOT_FOUND")
        return run

    def of_session(self, owner: str, session: str) -> Run:
        """Return the last run of a session; raise `Refusal` where there is none."""
        run = self._sessions.get(session)
        if run is None or run.owner != owner:
            raise Refusal(404, "SESSION_NOT_FOUND")
        return run

    async def close(self) -> None:
        """End everything."""
        for run in self._runs.values():
            run.cancel("timeout")
        await self._model.close()
