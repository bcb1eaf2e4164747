"""One draft: what its nodes report becomes frames, and what is written is kept.

It must not know where frames go from there. How long a half-filled chunk may wait is
counted here, so that `writing` needs no clock.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ...models.retry import Retry
from ...store.database import StoreError
from ...store.draft_status import DraftStatus
from ...store.drafts import Drafts, NewDraft, Text
from ...streams.failure import Failure, FailureError
from ...streams.frame import Frame
from ...streams.run import Run, RunState
from . import render
from .graph import Generation
from .library import Source
from .request import DraftRequest
from .writing import Citation, Writing, Written

_log = logging.getLogger(__name__)

# Longest wait of a token for the rest of its chunk.
_CHUNK_WAIT_S: Final = 0.1

NOT_KEPT: Final = Failure(
    code="SERVICE_UNAVAILABLE",
    message="drafts cannot be saved now, try again shortly",
    retryable=True,
)

_STATUS: Final[Mapping[RunState, DraftStatus]] = {
    RunState.RUNNING: DraftStatus.STREAMING,
    RunState.COMPLETED: DraftStatus.COMPLETE,
    RunState.FAILED: DraftStatus.PARTIAL,
    RunState.CANCELLED: DraftStatus.PARTIAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all drafts are written with.

    Attributes:
        generation: the graph.
        drafts: where they are kept.
        chunk_tokens: tokens of the model in one chunk.
    """

    generation: Generation
    drafts: Drafts
    chunk_tokens: int


class DraftJob:
    """A request on its way to a draft.

    Args:
        id_: of the draft.
        request: what is asked for.
        user: who asks, and owns it.
        desk: what all drafts are written with.
    """

    def __init__(
        self, id_: UUID, request: DraftRequest, *, user: str, desk: Desk
    ) -> None:
        self._id = id_
        self._request = request
        self._user = user
        self._desk = desk
        self._run: Run  # from `open` on
        self._writing = Writing((), chunk_tokens=desk.chunk_tokens)
        # The draft exists, and its client was told.
        self._is_begun = False
        self._flushing: asyncio.TimerHandle | None = None

    # What a run asks of its job.

    def open(self, run: Run) -> None:
        """Say nothing: the sources come first."""
        self._run = run

    async def work(self, _run: Run) -> None:
        """Write the draft."""
        await self._desk.generation.run(self._request, self)

    def fail(self, failure: Failure) -> Frame:
        """Tell what waits to be told; return the error frame."""
        self._flush()
        return render.fail(failure, self._id if self._is_begun else None)

    async def save(self, state: RunState) -> None:
        """Keep the draft as it is now.

        Raises:
            StoreError: it is not kept.
            RuntimeError: its owner has edited it, which is free once its server has not
                saved it for long.
        """
        if not self._is_begun:
            return
        text = _to_text(self._writing.written())
        if not await self._desk.drafts.save(self._id, text, _STATUS[state]):
            raise RuntimeError(f"expected draft {self._id} to be streaming")

    # What the nodes report.

    def retrieve(self, sources: Sequence[Source]) -> None:
        """Tell what the draft can cite."""
        self._writing = Writing(sources, chunk_tokens=self._desk.chunk_tokens)
        self._publish(render.show_sources(sources))

    async def begin(self) -> None:
        """Keep the draft, empty as it is, and tell that it exists.

        Raises:
            FailureError: it is not kept.
        """
        template = self._request.document_type
        new = NewDraft(
            id=self._id,
            owner=self._user,
            kb_id=self._request.kb_id,
            document_type=template,
            template_id=template,
            context=self._request.context,
            status=DraftStatus.STREAMING,
            text=_to_text(self._writing.written()),
        )
        try:
            await self._desk.drafts.add(new)
        except StoreError as error:
            _log.warning("draft %s: not begun: %s", self._id, error)
            raise FailureError(NOT_KEPT) from error
        self._is_begun = True
        self._publish(render.start(template, self._id))

    def say(self, text: str) -> None:
        """Tell the chunks and citations that this piece completes."""
        self._tell(self._writing.add(text))
        if not self._writing.is_waiting:
            self._stop_flushing()
        elif self._flushing is None:
            loop = asyncio.get_running_loop()
            self._flushing = loop.call_later(_CHUNK_WAIT_S, self._flush)

    def retry(self, retry: Retry) -> None:
        """Tell that the model will be called again."""
        self._publish(render.announce_retry(retry))

    def finish(self) -> None:
        """Tell the end."""
        self._flush()
        self._publish(render.finalize())
        self._publish(render.complete(self._id, self._writing.written()))

    def _flush(self) -> None:
        self._stop_flushing()
        self._tell(self._writing.flush())

    def _stop_flushing(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None

    def _tell(self, said: Iterable[str | Citation]) -> None:
        for each in said:
            if isinstance(each, Citation):
                self._publish(render.show_citation(each))
            else:
                self._publish(render.show_chunk(each))

    def _publish(self, frame: Frame) -> None:
        self._run.publish(frame)


def _to_text(written: Written) -> Text:
    return Text(
        content=written.content,
        citations=[render.citation_document(each) for each in written.citations],
        confidence=written.confidence,
        sources_used=written.sources_used,
    )
