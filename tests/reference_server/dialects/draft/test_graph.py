"""The graph: which nodes run, what they report, what the model is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest
from tests.reference_server.drafting import BODY
from tests.reference_server.model import ScriptedModel, answer, chunk, respond

from streamproof.reference_server.dialects.draft.corpus import CORPUS
from streamproof.reference_server.dialects.draft.graph import Generation
from streamproof.reference_server.dialects.draft.library import Library, Source
from streamproof.reference_server.dialects.draft.request import DraftRequest
from streamproof.reference_server.models.client import ModelClient, ModelOptions
from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.openai_chat import OpenAIChat
from streamproof.reference_server.models.retry import Retry, RetryPolicy


@dataclass
class Notes:
    """Takes the reports of the nodes."""

    reports: list[str] = field(default_factory=list)
    sources: Sequence[Source] = ()

    def retrieve(self, sources: Sequence[Source]) -> None:
        self.sources = sources
        self.reports.append("retrieve")

    async def begin(self) -> None:
        self.reports.append("begin")

    def say(self, text: str) -> None:
        self.reports.append(f"say {text}")

    def retry(self, retry: Retry) -> None:
        self.reports.append(f"retry {retry.attempt}")

    def finish(self) -> None:
        self.reports.append("finish")


@pytest.fixture
async def generation(model: ScriptedModel) -> AsyncIterator[Generation]:
    options = ModelOptions(
        provider=OpenAIChat(),
        model="m",
        first_token_timeout_s=10,
        total_timeout_s=60,
        retry=RetryPolicy(max_attempts=3, backoff_s=1, budget_s=30),
    )
    async with httpx.AsyncClient(base_url="http://model/v1", transport=model) as http:
        client = ModelClient(
            http, options, now=lambda: datetime(2026, 1, 1, tzinfo=UTC), jitter=float
        )
        yield Generation(client, Library(CORPUS))


def request(**changes: object) -> DraftRequest:
    return DraftRequest.model_validate({**BODY, **changes})


async def test_the_nodes_report_in_their_order(
    generation: Generation, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("a", "b"))
    notes = Notes()

    await generation.run(request(), notes)

    assert notes.reports == ["retrieve", "begin", "say a", "say b", "finish"]


async def test_sources_are_found_for_the_sections_and_the_context(
    generation: Generation,
) -> None:
    notes = Notes()

    await generation.run(request(), notes)

    found = {source.passage.id for source in notes.sources}
    # By the context, and by sections of which it says nothing.
    assert {"security-encryption", "terms-prices", "delivery-timeline"} <= found
    assert len(notes.sources) == 10


async def test_another_template_asks_for_other_sources(generation: Generation) -> None:
    response, memo = Notes(), Notes()

    await generation.run(request(), response)
    await generation.run(request(document_type="technical_memo"), memo)

    assert [s.passage.id for s in memo.sources] != [
        s.passage.id for s in response.sources
    ]


async def test_the_same_request_finds_the_same_sources(generation: Generation) -> None:
    all_notes = [Notes() for _ in range(5)]

    for notes in all_notes:
        await generation.run(request(), notes)

    assert all(notes.sources == all_notes[0].sources for notes in all_notes)


async def test_selected_sources_are_taken_instead(generation: Generation) -> None:
    selected = ["case-lessons", "security-encryption"]
    notes = Notes()

    await generation.run(request(selected_sources=selected), notes)

    assert [source.passage.id for source in notes.sources] == selected
    assert notes.sources[1].relevance == 1.0


async def test_the_model_is_asked_once_with_the_context_alone_in_its_message(
    generation: Generation, model: ScriptedModel
) -> None:
    context = 'say "hi" [[fake:say tokens=3]]\n\u2028\x00'
    notes = Notes()

    await generation.run(
        request(context=context, selected_sources=["case-results"]), notes
    )

    [call] = model.calls
    system, user = call.messages
    assert (system["role"], user) == ("system", {"role": "user", "content": context})
    assert "response to a request for proposal" in system["content"]
    assert "Delivery plan" in system["content"]
    assert (
        "[1] Case study: Harbour County archive, page 3, Results: A file is now found"
        in system["content"]
    )


async def test_a_retry_is_reported(
    generation: Generation, model: ScriptedModel
) -> None:
    model.script[1] = respond(status=429)
    model.script[2] = respond(status=503)
    notes = Notes()

    await generation.run(request(), notes)

    assert notes.reports[1:5] == ["begin", "retry 2", "retry 3", "say one "]


@pytest.mark.parametrize("stop", ["length", "content_filter"])
async def test_an_answer_that_was_stopped_is_not_finished(
    generation: Generation, model: ScriptedModel, stop: str
) -> None:
    model.answer = respond(chunk("a"), chunk(finish=stop), b"data: [DONE]\n\n")
    notes = Notes()

    with pytest.raises(ModelError) as failed:
        await generation.run(request(), notes)

    assert failed.value.fault is ModelFault.STOPPED
    assert notes.reports[-1] == "say a"
