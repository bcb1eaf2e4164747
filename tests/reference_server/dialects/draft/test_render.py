"""Frames of dialect `draft`, literally."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from streamproof.reference_server.dialects.draft import render
from streamproof.reference_server.dialects.draft.corpus import Document, Passage
from streamproof.reference_server.dialects.draft.library import Source
from streamproof.reference_server.dialects.draft.writing import Citation, Written
from streamproof.reference_server.models.retry import Retry
from streamproof.reference_server.streams.failure import Failure

ID = UUID(int=7)
PASSAGE = Passage("chunk", Document("doc", "Döc"), 3, "Part", "One. Two.")
SOURCE = Source(passage=PASSAGE, relevance=0.5, excerpt="Two.")
CITATION = Citation(number=2, source=SOURCE)
FAILURE = Failure(code="LLM_ERROR", message="it failed", retryable=True)


def test_sources() -> None:
    frame = render.show_sources([SOURCE])

    assert frame.event == "message"
    assert frame.data == (
        '{"event":"sources_retrieved","count":1,"sources":[{"document_id":"doc",'
        '"document_name":"Döc","page":3,"section":"Part","chunk_id":"chunk",'
        '"relevance":0.5}]}'
    )
    assert not frame.is_terminal


def test_no_sources() -> None:
    assert render.show_sources([]).data == (
        '{"event":"sources_retrieved","count":0,"sources":[]}'
    )


def test_the_start() -> None:
    assert render.start("rfp_response", ID).data == (
        f'{{"event":"generation_start","template":"rfp_response","draft_id":"{ID}"}}'
    )


def test_a_chunk() -> None:
    assert render.show_chunk('a "b"\n').data == (
        '{"event":"content_chunk","delta":"a \\"b\\"\\n"}'
    )


def test_a_citation() -> None:
    assert render.show_citation(CITATION).data == (
        '{"event":"citation","number":2,"document_id":"doc","document_name":"Döc",'
        '"page":3,"section":"Part","excerpt":"Two.","confidence":0.5}'
    )


def test_a_retry() -> None:
    frame = render.announce_retry(Retry(attempt=2, pause_s=0.6254))

    assert json.loads(frame.data) == {
        "event": "progress",
        "phase": "retrying",
        "message": "the language model is busy, it will be asked again",
        "attempt": 2,
        "retry_in_ms": 625,
    }


def test_the_last_phase() -> None:
    assert render.finalize().data == (
        '{"event":"progress","phase":"finalizing","message":"the draft is being saved"}'
    )


def test_the_end() -> None:
    written = Written(content="a b [2] [9]", citations=(CITATION,), unresolved=(9,))

    frame = render.complete(ID, written)

    assert frame.data == (
        f'{{"event":"generation_complete","draft_id":"{ID}","confidence":0.25,'
        '"citation_count":1,"word_count":4,"sources_used":1,'
        '"unresolved_markers":[9]}'
    )
    assert frame.is_terminal


@pytest.mark.parametrize(
    ("draft_id", "tail"), [(None, ""), (ID, f',"draft_id":"{ID}"')]
)
def test_a_failure(draft_id: UUID | None, tail: str) -> None:
    frame = render.fail(FAILURE, draft_id)

    assert frame.data == (
        '{"event":"error","code":"LLM_ERROR","message":"it failed","retryable":true'
        f"{tail}}}"
    )
    assert frame.is_terminal
