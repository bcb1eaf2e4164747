"""Sessions: what is had now, in memory, and what was had, in the store.

A session is whose it was first. One turn is had at a time; what others ask in between
is answered from memory, so that the store is not asked while tokens come.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast
from uuid import UUID

from ...refusals import Refusal
from ...store.conversations import Conversation, Conversations
from ...streams.failure import CancelCause
from ...streams.run import Run, RunState
from .conversation import Said, make_turn, merge
from .graph import Sink, Talk, Turn, said_in
from .request import CancelReason, ChatRequest
from .stages import Stage
from .threads import Saved, Threads, values_in


class SessionStatus(StrEnum):
    """How the last turn of a session went, or that it is had now."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    ERROR = "error"


_STATUS: Final = {
    RunState.RUNNING: SessionStatus.ACTIVE,
    RunState.COMPLETED: SessionStatus.COMPLETED,
    RunState.CANCELLED: SessionStatus.CANCELLED,
    RunState.FAILED: SessionStatus.ERROR,
}


@dataclass(slots=True, kw_only=True)
class Exchange:
    """A turn that is being had.

    Attributes:
        tokens: pieces of the answer so far.
        documents: how many were retrieved.
        finish_reason: why the model said no more, in its service's word.
        reason: of a cancel, if there will be one.
        run: what has it, once it has begun.
        kept: the session as it was before.
        is_idle: set while no graph is at work for it.
    """

    session: UUID
    user: str
    turn: Turn
    stage: Stage = Stage.SUPERVISOR
    tokens: list[str] = field(default_factory=list)
    documents: int = 0
    finish_reason: str = ""
    reason: CancelReason = CancelReason.USER_INITIATED
    run: Run | None = None
    kept: Conversation | None = None
    is_idle: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.is_idle.set()

    @property
    def answer(self) -> str:
        """The answer so far."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """What a user may see of a session."""

    id: UUID
    status: SessionStatus
    tokens: Sequence[str]
    stage: Stage | None
    messages: Sequence[Said]


class Sessions:
    """All sessions of all users.

    Args:
        talk: has the turns.
        threads: what was said in the sessions in which one is had.
        conversations: what is kept of all of them.
        wall_clock: seconds since the epoch.
    """

    def __init__(
        self,
        talk: Talk,
        threads: Threads,
        conversations: Conversations,
        *,
        wall_clock: Callable[[], float],
    ) -> None:
        self._talk = talk
        self._threads = threads
        self._conversations = conversations
        self._wall_clock = wall_clock
        self._running: dict[UUID, Exchange] = {}
        # As it was found for the turn that is admitted and has not begun.
        self._found: Conversation | None = None

    async def admit(self, request: ChatRequest, user: str) -> None:
        """Let a user say something in a session that is new, or theirs and idle.

        Raises:
            Refusal: SESSION_NOT_FOUND, SESSION_BUSY.
            StoreError: it is not known whose it is.
        """
        session = request.session_id
        found = None
        if session is not None and session not in self._running:
            found = await self._conversations.find(session)
            if found is not None and found.user != user:
                raise session_not_found()
        # Nothing is awaited from here to `begin`.
        if session is not None and self._find_running(session, user) is not None:
            raise Refusal(
                "SESSION_BUSY", "the session is answering another message", status=409
            )
        self._found = found

    def begin(self, exchange: Exchange, run: Run) -> None:
        """Take note of a turn that was admitted."""
        exchange.run = run
        exchange.kept, self._found = self._found, None
        self._running[exchange.session] = exchange

    async def work(self, exchange: Exchange, sink: Sink) -> None:
        """Have a turn, in what its session has said so far.

        Raises:
            ModelError: the model failed.
            FailureError: the documents could not be searched.
        """
        exchange.is_idle.clear()
        try:
            await self._open(exchange)
            await self._talk.run(exchange.session, exchange.turn, sink)
        finally:
            exchange.is_idle.set()

    async def save(self, exchange: Exchange, state: RunState) -> None:
        """Keep a turn as it stands; one that has ended leaves its session idle.

        Raises:
            StoreError: it is not kept.
        """
        if state is RunState.RUNNING:
            await self._put(exchange, state)
            return
        session = exchange.session
        try:
            if state is not RunState.COMPLETED:
                # A graph that is cancelled writes at its end, too.
                await exchange.is_idle.wait()
                await self._open(exchange)
                said = said_in(self._threads.values(str(session)))
                await self._talk.add(session, said, exchange.turn, exchange.answer)
            await self._put(exchange, state, self._threads.close(str(session)))
        finally:
            self._threads.close(str(session))
            if self._running.get(session) is exchange:
                del self._running[session]

    async def show(self, session: UUID, user: str) -> Session:
        """Return a session as it stands.

        Raises:
            Refusal: SESSION_NOT_FOUND.
            StoreError: it cannot be read.
        """
        exchange = self._find_running(session, user)
        if exchange is None:
            return _show_kept(await self._find_kept(session, user))
        if str(session) in self._threads:
            said = said_in(self._threads.values(str(session)))
        else:  # its turn has not come to that yet
            said = _said_in_all(exchange.kept)
        return Session(
            id=session,
            status=SessionStatus.ACTIVE,
            tokens=exchange.tokens,
            stage=exchange.stage,
            messages=_continue(said, exchange.turn, exchange.answer),
        )

    async def cancel(self, session: UUID, user: str, reason: CancelReason) -> Run:
        """Stop what runs in a session; return the run that this ended.

        Raises:
            Refusal: SESSION_NOT_FOUND, NOT_RUNNING.
            StoreError: it is not known whose it is.
        """
        exchange = self._find_running(session, user)
        if exchange is None:
            await self._find_kept(session, user)
        elif exchange.run is not None and exchange.run.is_running:
            exchange.reason = reason
            exchange.run.cancel(CancelCause.EXPLICIT)
            return exchange.run
        raise Refusal("NOT_RUNNING", "nothing runs in the session", status=409)

    def _find_running(self, session: UUID, user: str) -> Exchange | None:
        exchange = self._running.get(session)
        if exchange is not None and exchange.user != user:
            raise session_not_found()
        return exchange

    async def _find_kept(self, session: UUID, user: str) -> Conversation:
        kept = await self._conversations.find(session)
        if kept is None or kept.user != user:
            raise session_not_found()
        return kept

    async def _open(self, exchange: Exchange) -> None:
        """Have what was said before at hand, an interrupted turn included."""
        session, kept = exchange.session, exchange.kept
        if str(session) in self._threads:
            return
        saved = _saved_in(kept)
        self._threads.open(str(session), saved)
        if kept is not None and _is_interrupted(kept):
            said = said_in(values_in(saved))
            await self._talk.add(session, said, _turn_of(kept), "".join(kept.tokens))

    async def _put(
        self, exchange: Exchange, state: RunState, saved: Saved | None = None
    ) -> None:
        await self._conversations.put(
            Conversation(
                id=exchange.session,
                user=exchange.user,
                status=_STATUS[state],
                turn=exchange.turn.id,
                message=exchange.turn.message,
                tokens=tuple(exchange.tokens),
                state=cast("Mapping[str, Any] | None", saved),
                saved_at=datetime.fromtimestamp(self._wall_clock(), UTC),
            )
        )


def session_not_found() -> Refusal:
    """Return the one answer for sessions that are unknown and for those of others."""
    return Refusal("SESSION_NOT_FOUND", "no such session", status=404)


def _show_kept(kept: Conversation) -> Session:
    # No client stopped an interrupted turn, and it has no end: its server failed.
    status = (
        SessionStatus.ERROR if _is_interrupted(kept) else SessionStatus(kept.status)
    )
    return Session(
        id=kept.id,
        status=status,
        tokens=kept.tokens,
        stage=None,
        messages=_said_in_all(kept),
    )


def _said_in_all(kept: Conversation | None) -> list[Said]:
    said = said_in(values_in(_saved_in(kept)))
    if kept is None or not _is_interrupted(kept):
        return said
    return _continue(said, _turn_of(kept), "".join(kept.tokens))


def _saved_in(kept: Conversation | None) -> Saved | None:
    return None if kept is None else cast("Saved | None", kept.state)


def _is_interrupted(kept: Conversation) -> bool:
    """Whether the last turn, which does not run any more, never ended.

    It was had by a server that was killed, or could not be saved at its end.
    """
    return kept.status == SessionStatus.ACTIVE


def _turn_of(kept: Conversation) -> Turn:
    return Turn(id=kept.turn, message=kept.message)


def _continue(said: Sequence[Said], turn: Turn, answer: str) -> list[Said]:
    return merge(said, make_turn(turn.id, turn.message, answer, is_partial=True))
