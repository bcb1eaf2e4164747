"""Dialect `draft`: every event is a `message` whose data say what it is.

Pure. It must not know when an event is sent.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ...models.retry import Retry
from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.json_text import to_json
from .corpus import Passage
from .library import Source
from .writing import Citation, Written


def show_sources(sources: Sequence[Source]) -> Frame:
    """Return the frame of what a draft can cite."""
    shown = [
        {
            **_place(source.passage),
            "chunk_id": source.passage.id,
            "relevance": source.relevance,
        }
        for source in sources
    ]
    return _frame("sources_retrieved", count=len(shown), sources=shown)


def start(template: str, draft_id: UUID) -> Frame:
    """Return the frame from which on the draft exists."""
    return _frame("generation_start", template=template, draft_id=str(draft_id))


def show_chunk(delta: str) -> Frame:
    """Return the frame of one more chunk of the text."""
    return _frame("content_chunk", delta=delta)


def show_citation(citation: Citation) -> Frame:
    """Return the frame of a marker that has a source."""
    return _frame("citation", **citation_document(citation))


def citation_document(citation: Citation) -> dict[str, Any]:
    """Return a citation as it is told, in a frame and with a draft."""
    return {
        "number": citation.number,
        **_place(citation.source.passage),
        "excerpt": citation.source.excerpt,
        "confidence": citation.confidence,
    }


def announce_retry(retry: Retry) -> Frame:
    """Return the frame of a call to the model that will be made again."""
    return _frame(
        "progress",
        phase="retrying",
        message="the language model is busy, it will be asked again",
        attempt=retry.attempt,
        retry_in_ms=round(retry.pause_s * 1000),
    )


def finalize() -> Frame:
    """Return the frame of a text that is whole."""
    return _frame("progress", phase="finalizing", message="the draft is being saved")


def complete(draft_id: UUID, written: Written) -> Frame:
    """Return the frame of the end; it is terminal."""
    return _frame(
        "generation_complete",
        is_terminal=True,
        draft_id=str(draft_id),
        confidence=written.confidence,
        citation_count=len(written.citations),
        word_count=written.word_count,
        sources_used=written.sources_used,
        unresolved_markers=written.unresolved,
    )


def fail(failure: Failure, draft_id: UUID | None) -> Frame:
    """Return the frame of the end before the end; it is terminal.

    Args:
        failure: what happened.
        draft_id: None while there is no draft.
    """
    return _frame(
        "error",
        is_terminal=True,
        code=failure.code,
        message=failure.message,
        retryable=failure.retryable,
        **({} if draft_id is None else {"draft_id": str(draft_id)}),
    )


def _place(passage: Passage) -> dict[str, Any]:
    return {
        "document_id": passage.document.id,
        "document_name": passage.document.name,
        "page": passage.page,
        "section": passage.section,
    }


def _frame(kind: str, *, is_terminal: bool = False, **members: object) -> Frame:
    document = {"event": kind, **members}
    return Frame(event="message", data=to_json(document), is_terminal=is_terminal)
