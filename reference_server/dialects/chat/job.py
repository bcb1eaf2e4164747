"""One message: what the nodes report becomes frames, and state that others ask for.

It must not know where frames go from there.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...streams.failure import CancelCause, Failure
from ...streams.frame import Frame
from ...streams.run import Run
from . import render
from .request import CancelReason
from .sessions import Exchange, Sessions
from .stages import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all messages are answered with.

    Attributes:
        sessions: where a turn is had.
        now: seconds since the epoch, never less than before.
    """

    sessions: Sessions
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class ChatJob:
    """A message on its way to an answer."""

    exchange: Exchange
    desk: Desk

    def open(self, run: Run) -> None:
        """Announce the turn; nothing is said before the supervisor has decided."""
        self.desk.sessions.begin(self.exchange, run)

    async def work(self, run: Run) -> None:
        """Answer the message and say that this is all."""
        exchange = self.exchange
        await self.desk.sessions.work(exchange, _Reporter(exchange, run, self.desk.now))
        run.publish(
            _tell_late(
                lambda: render.show_done(
                    exchange.session,
                    len(exchange.tokens),
                    exchange.finish_reason,
                    self.desk.now(),
                )
            )
        )

    def fail(self, failure: Failure) -> Frame:
        """Return the error frame; that of a cancel tells who wanted it."""
        reason = self.exchange.reason
        if failure.cause is CancelCause.DISCONNECT:
            reason = CancelReason.TIMEOUT
        return _tell_late(lambda: render.fail(failure, reason, self.desk.now()))


@dataclass(frozen=True, slots=True)
class _Reporter:
    """Takes the reports of the nodes; after the run's end they count no more."""

    exchange: Exchange
    run: Run
    now: Callable[[], float]

    def enter(self, stage: Stage) -> None:
        self.exchange.stage = stage
        if stage is Stage.RETRIEVAL:
            session = self.exchange.session
            self.run.publish(render.show_retrieval_start(session, self.now()))
        elif stage is Stage.RERANKING:
            self.run.publish(render.show_reranking_start(self.now()))

    def retrieve(self, documents: int) -> None:
        self.exchange.documents = documents
        self.run.publish(render.show_retrieval_complete(documents, self.now()))

    def rerank(self, kept: int) -> None:
        self.run.publish(render.show_reranking_complete(kept, self.now()))

    def say(self, text: str) -> None:
        if self.run.is_running:
            self.exchange.tokens.append(text)
            self.run.publish(render.show_token(text, self.now()))

    def finish(self, reason: str) -> None:
        self.exchange.finish_reason = reason


def _tell_late(make: Callable[[], Frame]) -> Frame:
    """Return a frame with the time at which it is told: no heartbeat is later."""
    return replace(make(), late=lambda: make().data)
