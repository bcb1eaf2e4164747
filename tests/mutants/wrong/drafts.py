"""Servers that are wrong about drafts: sources, chunks, citations, and what is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from starlette.types import ASGIApp
from tests.mutants.asgi import Answer, Mutation, OnRequest, Request, Wrap
from tests.mutants.bases.draft import DRAFT, event_of
from tests.mutants.frames import document, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

from streamproof.reference_server.dialects.draft.graph import Generation
from streamproof.reference_server.dialects.draft.job import DraftJob
from streamproof.reference_server.dialects.draft.writing import Citation, Writing
from streamproof.reference_server.streams.frame import Frame

DRAFTS = "/api/v1/drafts"
MARKED_TEXT = ("marked-text",)
FAILED = ("upstream-error-event",)

Change = Callable[[dict[str, Any]], object]


def _in(event: str, change: Change) -> Wrap:
    """Change the JSON of every event of one kind."""

    def frame(frame: bytes) -> bytes:
        if event_of(frame) != event:
            return frame
        found = document(frame)
        change(found)
        return with_document(frame, found)

    return Mutation(frame=lambda each, _reply: frame(each))


def _with(**values: object) -> Change:
    return lambda found: found.update(values)


def _plus(name: str) -> Change:
    return lambda found: found.update({name: found[name] + 1})


def _cancelled_for_now(found: dict[str, Any]) -> None:
    found["retryable"] = found["retryable"] or found["code"] == "CANCELLED"


def _second_attempt(found: dict[str, Any]) -> None:
    if found["phase"] == "retrying":
        found["attempt"] = 2


def _answered(status: int, change: Callable[[Answer], None], *, method: str) -> Wrap:
    """Change what requests about drafts are answered with that status."""

    def answer(answer: Answer, request: Request) -> None:
        is_there = request.path.startswith(DRAFTS) and request.method == method
        if is_there and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _document(change: Change) -> Callable[[Answer], None]:
    def changed(answer: Answer) -> None:
        found = answer.document
        change(found)
        answer.document = found

    return changed


def _as_edited(answer: Answer) -> None:
    answer.status = 200
    answer.document = {"id": "any", "status": "editing", "content": "mine"}


def _as_page_of_its_own(answer: Answer) -> None:
    answer.status = 403


def _on_body(change: Change, path: str = DRAFTS) -> Wrap:
    """Change the JSON of every request there, as a server does that overlooks it."""

    async def request(request: Request, _site: Site) -> Answer | None:
        try:
            body = json.loads(request.body)
        except ValueError:
            return None
        if request.path.startswith(path) and isinstance(body, dict):
            change(body)
            request.body = json.dumps(body).encode()
        return None

    return _on_request(request)


def _on_request(on_request: OnRequest) -> Wrap:
    return Mutation(request=on_request)


def _known_template(body: dict[str, Any]) -> None:
    if isinstance(body.get("document_type"), str):
        body["document_type"] = "rfp_response"


def _known_sources(body: dict[str, Any]) -> None:
    body.pop("selected_sources", None)


def _readable(body: dict[str, Any]) -> None:
    if str(body.get("kb_id")).endswith("2"):
        body["kb_id"] = "00000000-0000-4000-8000-000000000001"


def _any_version(body: dict[str, Any]) -> None:
    if len(body) > 1:
        body.pop("version", None)


def _of_everybody(app: ASGIApp, site: Site) -> ASGIApp:
    """Return a server that shows a draft to everybody who knows its id."""
    owners: dict[str, str] = {}

    async def request(request: Request, _site: Site) -> Answer | None:
        draft = request.path.removeprefix(f"{DRAFTS}/")
        is_look = request.method == "GET" and request.credential is not None
        if draft in owners and is_look:
            request.credential = owners[draft]
        return None

    def answer(answer: Answer, request: Request) -> None:
        if answer.status == 201:
            owners.setdefault(answer.document["id"], request.credential or "")

    return Mutation(request=request, answer=answer)(app, site)


async def _without_cursor(request: Request, _site: Site) -> Answer | None:
    if request.path == DRAFTS:
        request.query = request.query.partition("&cursor=")[0]
    return None


def _frames(change: Callable[[Frame], Iterator[Frame]]) -> Callable[..., None]:
    """Return a patch: other frames are published instead of each."""

    def patched(patch: pytest.MonkeyPatch) -> None:
        publish = DraftJob._publish

        def changed(job: DraftJob, frame: Frame) -> None:
            for each in change(frame):
                publish(job, each)

        patch.setattr(DraftJob, "_publish", changed)

    return patched


def _twice(word: str) -> Callable[[Frame], Iterator[Frame]]:
    def change(frame: Frame) -> Iterator[Frame]:
        yield frame
        if word in frame.data:
            yield frame

    return change


def _never(word: str) -> Callable[[Frame], Iterator[Frame]]:
    def change(frame: Frame) -> Iterator[Frame]:
        if word not in frame.data:
            yield frame

    return change


def _cites_late(patch: pytest.MonkeyPatch) -> None:
    """Cite long after the marker, as a server does that asks a database first."""
    tell = DraftJob._tell

    def later(job: DraftJob, said: Iterator[str | Citation]) -> None:
        for each in said:
            is_late = isinstance(each, Citation)
            loop = asyncio.get_running_loop()
            loop.call_later(0.8 if is_late else 0, partial(tell, job, [each]))

    finish = Generation._finish

    # It leaves time for what comes late.
    async def end(generation: Generation, state: Any, *, runtime: Any) -> Any:  # noqa: ANN401 -- of the graph
        await asyncio.sleep(1)
        return await finish(generation, state, runtime=runtime)

    patch.setattr(DraftJob, "_tell", later)
    patch.setattr(Generation, "_finish", end)


def _slow(node: str, seconds: float) -> Callable[[pytest.MonkeyPatch], None]:
    """Return a patch: a node of the graph looks something up first."""

    def patched(patch: pytest.MonkeyPatch) -> None:
        work = getattr(Generation, node)

        async def later(generation: Generation, state: Any, *, runtime: Any) -> Any:  # noqa: ANN401 -- of the graph
            await asyncio.sleep(seconds)
            return await work(generation, state, runtime=runtime)

        patch.setattr(Generation, node, later)

    return patched


def _half_a_chunk_is_not_told(patch: pytest.MonkeyPatch) -> None:
    """Keep what waits for the rest of its chunk when the run ends, and not tell it."""
    finish = DraftJob.finish

    def changed(job: DraftJob) -> None:
        _ = list(job._writing.flush())
        finish(job)

    patch.setattr(DraftJob, "finish", changed)


def _large_chunks(patch: pytest.MonkeyPatch) -> None:
    """Gather a sentence before it is told."""
    init = Writing.__init__

    def larger(writing: Writing, sources: Any, *, chunk_tokens: int) -> None:  # noqa: ANN401 -- passed on
        init(writing, sources, chunk_tokens=chunk_tokens * 8)

    patch.setattr(Writing, "__init__", larger)
    patch.setattr("streamproof.reference_server.dialects.draft.job._CHUNK_WAIT_S", 10.0)


MUTANTS: tuple[Mutant, ...] = (
    Mutant(
        name="draft-sources-are-miscounted",
        defect="a count from before the reranking",
        trips={"vocabulary.invariants": "count is the number of sources"},
        base=DRAFT,
        wrap=_in("sources_retrieved", _plus("count")),
    ),
    Mutant(
        name="draft-cites-another-number",
        defect="citations numbered from nought",
        trips={
            "vocabulary.invariants": "each marker yields one citation, in the order of "
            "first appearance: citation for"
        },
        probes=MARKED_TEXT,
        also={"vocabulary.payload-schema": "a number that no citation may have"},
        base=DRAFT,
        wrap=_in("citation", lambda found: found.update(number=found["number"] + 1)),
    ),
    Mutant(
        name="draft-is-mute-about-unresolved-markers",
        defect="a marker without a source is dropped in silence",
        trips={"vocabulary.invariants": "at /unresolved_markers"},
        probes=MARKED_TEXT,
        base=DRAFT,
        wrap=_in("generation_complete", _with(unresolved_markers=[])),
    ),
    Mutant(
        name="draft-cites-the-page-before",
        defect="pages counted from nought",
        trips={
            "vocabulary.invariants": "a citation's number is the place of its source"
        },
        probes=MARKED_TEXT,
        base=DRAFT,
        wrap=_in("citation", lambda found: found.update(page=found["page"] - 1)),
    ),
    Mutant(
        name="draft-counts-markers-as-citations",
        defect="markers are counted, not citations",
        trips={
            "vocabulary.invariants": "citation_count is the number of distinct "
            "citations"
        },
        probes=MARKED_TEXT,
        base=DRAFT,
        wrap=_in("generation_complete", _plus("citation_count")),
    ),
    Mutant(
        name="draft-counts-passages-as-documents",
        defect="two passages of a document are two sources",
        trips={
            "vocabulary.invariants": "sources_used is the number of distinct documents "
            "cited"
        },
        probes=MARKED_TEXT,
        base=DRAFT,
        wrap=_in("generation_complete", _plus("sources_used")),
    ),
    Mutant(
        name="draft-miscounts-its-words",
        defect="words counted by chunk",
        trips={"vocabulary.invariants": "word_count is the words of the joined deltas"},
        base=DRAFT,
        wrap=_in("generation_complete", _plus("word_count")),
    ),
    Mutant(
        name="draft-has-another-id-at-its-end",
        defect="an id that is made twice",
        trips={"vocabulary.invariants": "the draft of the start is that of the end"},
        base=DRAFT,
        wrap=_in("generation_complete", _with(draft_id="another")),
    ),
    Mutant(
        name="draft-has-another-id-in-its-error",
        defect="an id that is made twice",
        trips={"vocabulary.invariants": "the draft of the start is that of an error"},
        probes=FAILED,
        base=DRAFT,
        wrap=_in("error", _with(draft_id="another")),
    ),
    Mutant(
        name="draft-cancelled-for-now",
        defect="a client tries again what its user has just cancelled",
        trips={"vocabulary.payload-schema": "the payload of error"},
        probes=("cancel-midstream",),
        base=DRAFT,
        wrap=_in("error", _cancelled_for_now),
    ),
    Mutant(
        name="draft-more-than-sure",
        defect="a confidence in percent",
        trips={"vocabulary.payload-schema": "the payload of generation_complete"},
        base=DRAFT,
        wrap=_in("generation_complete", _with(confidence=87)),
    ),
    Mutant(
        name="draft-of-any-template",
        defect="an unknown template is the default one",
        trips={"errors.invalid-requests-refused": "document_type is no template"},
        also={"errors.invalid-reach-no-model": "a draft is written"},
        base=DRAFT,
        wrap=_on_body(_known_template, DRAFT.endpoint),
    ),
    Mutant(
        name="draft-from-sources-that-do-not-exist",
        defect="what is not found is left out",
        trips={"errors.invalid-requests-refused": "a selected source does not exist"},
        also={"errors.invalid-reach-no-model": "a draft is written"},
        base=DRAFT,
        wrap=_on_body(_known_sources, DRAFT.endpoint),
    ),
    Mutant(
        name="draft-from-a-foreign-knowledge-base",
        defect="READ is checked where documents are shown, and not here",
        trips={"errors.invalid-requests-refused": "knowledge base without READ"},
        also={"errors.invalid-reach-no-model": "a draft is written"},
        base=DRAFT,
        wrap=_on_body(_readable, DRAFT.endpoint),
    ),
    Mutant(
        name="draft-edited-while-it-is-written",
        defect="an edit in the middle of a run, which the run overwrites",
        trips={"endpoints.status": "'an edit while the draft is written'"},
        probes=("sides-during",),
        base=DRAFT,
        wrap=_answered(409, _as_edited, method="PATCH"),
    ),
    Mutant(
        name="draft-edited-in-an-old-version",
        defect="the last one to write wins",
        trips={"endpoints.status": "'an edit of an old version'"},
        also={"endpoints.payload": "a version more than there should be"},
        base=DRAFT,
        wrap=_on_body(_any_version),
    ),
    Mutant(
        name="draft-keeps-its-count-of-words",
        defect="words are counted when a draft is made",
        trips={"endpoints.payload": "4 was expected"},
        base=DRAFT,
        wrap=_answered(
            200, _document(lambda found: found.update(word_count=3)), method="PATCH"
        ),
    ),
    Mutant(
        name="draft-of-everybody",
        defect="looked up by id alone",
        trips={"endpoints.foreign-refused": "by another user to be refused with 404"},
        base=DRAFT,
        wrap=_of_everybody,
    ),
    Mutant(
        name="drafts-have-one-page",
        defect="a cursor that is given out and not read",
        trips={"endpoints.same": "'the page after it'"},
        base=DRAFT,
        wrap=_on_request(_without_cursor),
    ),
    Mutant(
        name="draft-lacks-its-last-words",
        defect="saved before the last chunk was",
        trips={"endpoints.same": "at /content of drafts-cancelled"},
        probes=("sides-after-cancel",),
        base=DRAFT,
        wrap=_answered(
            200, _document(lambda found: found.update(content="")), method="GET"
        ),
    ),
    Mutant(
        name="draft-that-failed-is-complete",
        defect="any end of a run counts as success",
        trips={"endpoints.payload": "'partial' was expected"},
        probes=("sides-after-error",),
        base=DRAFT,
        wrap=_answered(
            200, _document(lambda found: found.update(status="complete")), method="GET"
        ),
    ),
    Mutant(
        name="draft-streams-for-ever",
        defect="the end is told before it is saved",
        trips={"endpoints.payload": "'complete' was expected"},
        probes=("sides-after-complete",),
        base=DRAFT,
        wrap=_answered(
            200, _document(lambda found: found.update(status="streaming")), method="GET"
        ),
    ),
    Mutant(
        name="draft-announces-the-same-attempt",
        defect="the attempt that failed is told, not the coming one",
        trips={"vocabulary.invariants": "each retry announces a later attempt"},
        probes=("upstream-rate-limited",),
        base=DRAFT,
        wrap=_in("progress", _second_attempt),
    ),
    # What follows changes the server itself.
    Mutant(
        name="draft-cites-late",
        defect="a citation waits for its page to be looked up",
        trips={"vocabulary.invariants": "within 500 ms"},
        probes=MARKED_TEXT,
        base=DRAFT,
        patch=_cites_late,
    ),
    Mutant(
        name="draft-does-not-finalize",
        defect="a phase that was optimised away",
        trips={"lifecycle.order": "finalizing"},
        base=DRAFT,
        patch=_frames(_never('"finalizing"')),
    ),
    Mutant(
        name="draft-finalizes-twice",
        defect="a phase that two places announce",
        trips={"lifecycle.order": "finalizing"},
        base=DRAFT,
        patch=_frames(_twice('"finalizing"')),
    ),
    Mutant(
        name="draft-starts-before-its-sources",
        defect="the sources are left out where there is nothing to cite",
        trips={"lifecycle.order": "generation_start"},
        also={"vocabulary.invariants": "no sources come, and none in time"},
        base=DRAFT,
        patch=_frames(_never('"sources_retrieved"')),
    ),
    Mutant(
        name="draft-does-not-tell-half-a-chunk",
        defect="what is half filled is not flushed before the end",
        trips={"endpoints.same": "at /content of drafts-complete"},
        probes=("sides-after-complete",),
        base=DRAFT,
        patch=_half_a_chunk_is_not_told,
    ),
    Mutant(
        name="draft-gathers-sentences",
        defect="a chunk is a sentence",
        trips={"delivery.one-event-per-token": "at most 5 tokens of the model in one"},
        also={"delivery.tokens-as-produced": "the first words wait for the last"},
        base=DRAFT,
        patch=_large_chunks,
    ),
    Mutant(
        name="draft-searches-for-long",
        defect="sources from a slow index",
        trips={"vocabulary.invariants": "the sources come within two seconds"},
        patience_s=8.0,
        base=DRAFT,
        patch=_slow("_choose", 2.1),
    ),
    Mutant(
        name="draft-thinks-for-long",
        defect="a model that is warmed up for every draft",
        trips={"vocabulary.invariants": "the first content comes within three seconds"},
        patience_s=8.0,
        base=DRAFT,
        patch=_slow("_write", 3.1),
    ),
)
