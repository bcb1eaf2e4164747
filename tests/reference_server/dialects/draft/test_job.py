"""Streams of the dialect: order, chunks in time, citations, failures, what is kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

import httpx
import pytest
from sqlalchemy import Connection
from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.drafting import (
    BODY,
    DRAFTS,
    STREAM,
    ask,
    draft_id_of,
    generate,
    get_draft,
    kinds,
    only,
    text_of,
)
from tests.reference_server.model import (
    Answer,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    hold_first_token,
    hold_headers,
    play,
    respond,
)

from streamproof.reference_server.store.database import Database, StoreError

NO_MORE = b"data: [DONE]\n\n"


def say(*tokens: str, each_s: float = 0.0, then_stall: bool = False) -> Answer:
    """Answer with these tokens, one every so often."""

    @play
    async def slow(_call: Call) -> Body:
        for token in tokens:
            await asyncio.sleep(each_s)
            yield chunk(token)
        if then_stall:
            await forever()
        yield chunk(finish="stop")
        yield NO_MORE

    return slow


async def cancel(client: Client, stream: Exchange) -> None:
    path = f"{STREAM}/{stream.stream}"
    await client.request("DELETE", path, headers=bearer()).finish()


_T = TypeVar("_T")


class Outage:
    """A database that can be gone."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_gone = False
        run = Database.run

        async def run_or_fail(
            database: Database, work: Callable[[Connection], _T]
        ) -> _T:
            if self.is_gone:
                raise StoreError("the database is gone")
            return await run(database, work)

        monkeypatch.setattr(Database, "run", run_or_fail)


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Outage:
    return Outage(monkeypatch)


async def test_a_draft_is_told_in_the_order_of_the_page(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("As ", "[1", "]", " says, ", "all is well [99]."))

    stream = await generate(client).finish()

    assert kinds(stream) == [
        *("sources_retrieved", "generation_start"),
        *("content_chunk", "citation", "content_chunk", "content_chunk"),
        *("progress", "generation_complete"),
    ]
    assert {event.field("event") for event in stream.events} == {"message"}
    assert text_of(stream) == "As [1] says, all is well [99]."
    assert only(stream, "progress")[0]["phase"] == "finalizing"
    [start] = only(stream, "generation_start")
    assert start["template"] == "rfp_response"
    [end] = only(stream, "generation_complete")
    assert end["draft_id"] == start["draft_id"]
    assert (end["citation_count"], end["word_count"], end["sources_used"]) == (1, 7, 1)
    assert end["unresolved_markers"] == [99]
    assert stream.is_complete


async def test_a_citation_is_the_source_of_its_place(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("[3] and [1]"))

    stream = await generate(client).finish()

    [found] = only(stream, "sources_retrieved")
    assert found["count"] == len(found["sources"]) == 10
    citations = only(stream, "citation")
    assert [each["number"] for each in citations] == [3, 1]
    for cited in citations:
        source = found["sources"][cited["number"] - 1]
        for member in ("document_id", "document_name", "page", "section"):
            assert cited[member] == source[member]
        assert cited["confidence"] == source["relevance"]


async def test_selected_sources_are_those_in_their_order(
    client: Client, model: ScriptedModel
) -> None:
    selected = ["terms-prices", "case-results"]
    model.answer = respond(*answer("[1][2][3]"))

    stream = await generate(client, selected_sources=selected).finish()

    [found] = only(stream, "sources_retrieved")
    assert [source["chunk_id"] for source in found["sources"]] == selected
    assert [each["number"] for each in only(stream, "citation")] == [1, 2]
    assert only(stream, "generation_complete")[0]["unresolved_markers"] == [3]


async def test_an_empty_selection_is_none(client: Client) -> None:
    stream = await generate(client, selected_sources=[]).finish()

    assert only(stream, "sources_retrieved")[0]["count"] == 10


async def test_the_sources_are_sent_before_the_model_is_called(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = hold_headers
    stream = generate(client)

    await stream.wait_events(2)

    assert kinds(stream) == ["sources_retrieved", "generation_start"]
    assert stream.events[1].at == 0


async def test_five_tokens_are_a_chunk(client: Client, model: ScriptedModel) -> None:
    model.answer = say(*"abcdefghijkl", each_s=0.01)

    stream = await generate(client).finish()

    assert [each["delta"] for each in only(stream, "content_chunk")] == [
        *("abcde", "fghij", "kl"),
    ]
    sent = [e.at for e in stream.events if e.data["event"] == "content_chunk"]
    assert sent == pytest.approx([0.05, 0.1, 0.12])


@pytest.mark.parametrize(("tokens", "chunks"), [(1, 12), (10, 2)])
async def test_how_many_tokens_are_a_chunk_is_a_setting(
    client: Client, model: ScriptedModel, tokens: int, chunks: int
) -> None:
    await client.restart(chunk_tokens=tokens)
    model.answer = respond(*answer(*"abcdefghijkl"))

    stream = await generate(client).finish()

    assert len(only(stream, "content_chunk")) == chunks


async def test_a_chunk_waits_for_a_tenth_of_a_second(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say(*"abcd", each_s=0.07)

    stream = await generate(client).finish()

    told = [(e.at, e.data["delta"]) for e in stream.events if "delta" in e.data]
    assert [delta for _, delta in told] == ["ab", "cd"]
    assert [at for at, _ in told] == pytest.approx([0.17, 0.28])


async def test_what_waits_is_told_while_the_model_is_silent(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say("a", "b", then_stall=True)
    stream = generate(client)

    await stream.wait_events(3)

    assert text_of(stream) == "ab"
    assert stream.events[2].at == pytest.approx(0.1)


async def test_a_citation_follows_its_marker_at_once(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say("a [", "1", "]", "b", each_s=0.04)

    stream = await generate(client).finish()

    [cited] = [e for e in stream.events if e.data["event"] == "citation"]
    assert cited.at == pytest.approx(0.12)
    assert kinds(stream)[2:5] == ["content_chunk", "citation", "content_chunk"]


async def test_halves_of_a_character_are_told_as_they_come(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer(*("a\ud83d", "\ude00", "\x00", "\u2028", "[1]")))

    stream = await generate(client).finish()
    kept = await get_draft(client, draft_id_of(stream))

    assert text_of(stream) == kept["content"] == "a😀\x00\u2028[1]"


async def test_a_model_that_says_nothing_has_written_an_empty_draft(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer())

    stream = await generate(client).finish()

    assert kinds(stream)[2:] == ["progress", "generation_complete"]
    [end] = only(stream, "generation_complete")
    assert (end["word_count"], end["confidence"]) == (0, 0.0)


async def test_each_retry_is_announced(client: Client, model: ScriptedModel) -> None:
    model.script[1] = respond(status=429, retry_after="3")
    model.script[2] = respond(status=529)

    stream = await generate(client).finish()

    progress = only(stream, "progress")
    assert [each["phase"] for each in progress] == [
        "retrying",
        "retrying",
        "finalizing",
    ]
    assert [each["attempt"] for each in progress[:2]] == [2, 3]
    assert [each["retry_in_ms"] for each in progress[:2]] == [3000, 1250]
    assert kinds(stream)[-1] == "generation_complete"


async def _explode(_call: Call) -> httpx.Response:
    raise ZeroDivisionError("SECRET")


async def _refuse_connection(_call: Call) -> httpx.Response:
    raise httpx.ConnectError("SECRET")


@pytest.mark.parametrize(
    ("reply", "code", "retryable"),
    [
        (respond(status=500), "LLM_ERROR", True),
        (respond(status=400), "LLM_ERROR", False),
        (respond(status=429), "SERVICE_UNAVAILABLE", True),
        (respond(status=503), "SERVICE_UNAVAILABLE", True),
        (_refuse_connection, "SERVICE_UNAVAILABLE", True),
        (hold_headers, "LLM_TIMEOUT", True),
        (hold_first_token, "LLM_TIMEOUT", True),
        (respond(chunk("a")), "LLM_ERROR", True),
        (respond(chunk("a", "length"), NO_MORE), "LLM_ERROR", False),
        (respond(chunk("a", "content_filter"), NO_MORE), "LLM_ERROR", False),
        (_explode, "GENERATION_ERROR", False),
    ],
)
async def test_a_failure_has_its_code_and_what_was_written_is_kept(
    client: Client,
    model: ScriptedModel,
    reply: Answer,
    code: str,
    retryable: bool,  # noqa: FBT001 -- a column of the table
) -> None:
    model.answer = reply

    stream = await generate(client).finish()

    last = stream.events[-1].data
    assert (last["event"], last["code"], last["retryable"]) == (
        *("error", code),
        retryable,
    )
    assert last["draft_id"] == draft_id_of(stream)
    assert b"SECRET" not in stream.body
    assert stream.is_complete
    kept = await get_draft(client, last["draft_id"])
    assert (kept["status"], kept["content"]) == ("partial", text_of(stream))


async def test_the_last_words_before_a_failure_are_told(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(chunk("a"), chunk("b"))

    stream = await generate(client).finish()

    assert kinds(stream)[2:] == ["content_chunk", "error"]
    assert text_of(stream) == "ab"


async def test_the_last_words_before_a_cancel_are_told_and_kept(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say("a [1] ", "b", then_stall=True)
    stream = generate(client)
    await stream.wait_events(4)

    await cancel(client, stream)
    await stream.finish()

    assert kinds(stream)[2:] == ["content_chunk", "citation", "content_chunk", "error"]
    last = stream.events[-1].data
    assert (last["code"], last["retryable"]) == ("CANCELLED", False)
    kept = await get_draft(client, last["draft_id"])
    assert (kept["status"], kept["content"]) == ("partial", "a [1] b")
    assert [each["number"] for each in kept["citations"]] == [1]
    assert model.calls[0].left_at is not None


async def test_a_draft_whose_reader_left_for_good_is_kept(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say("a", "b", then_stall=True)
    stream = generate(client)
    await stream.wait_events(3)

    stream.leave()
    await asyncio.sleep(5.1)

    kept = await get_draft(client, draft_id_of(stream))
    assert (kept["status"], kept["content"]) == ("partial", "ab")


async def test_a_draft_exists_from_its_start_on(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = hold_headers
    stream = generate(client)
    await stream.wait_events(2)

    kept = await get_draft(client, draft_id_of(stream))

    assert kept["status"] == "streaming"
    assert kept["context"] == BODY["context"]
    assert kept["template_id"] == kept["document_type"] == "rfp_response"
    assert (kept["content"], kept["citations"], kept["version"]) == ("", [], 1)


async def test_a_draft_is_saved_every_two_seconds(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = say(*"abcdef", each_s=1.0, then_stall=True)
    stream = generate(client)
    kept = []
    for at in (1.95, 2.05, 4.05):
        await asyncio.sleep(at - asyncio.get_running_loop().time())
        if stream.events:
            kept.append(await get_draft(client, draft_id_of(stream)))

    assert [each["content"] for each in kept] == ["", "a", "abc"]
    assert [each["version"] for each in kept] == [1, 2, 3]
    assert {each["status"] for each in kept} == {"streaming"}


async def test_a_draft_is_complete_before_its_end_can_be_read(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("Two words [2]"))
    stream = generate(client)
    await stream.wait(lambda each: "generation_complete" in kinds(each))

    kept = await get_draft(client, draft_id_of(stream))

    [end] = only(stream, "generation_complete")
    assert (kept["status"], kept["content"]) == ("complete", "Two words [2]")
    for member in ("confidence", "word_count", "sources_used"):
        assert kept[member] == end[member]
    [cited] = only(stream, "citation")
    del cited["event"]
    assert kept["citations"] == [cited]


async def test_without_a_database_no_draft_begins(
    client: Client, model: ScriptedModel, outage: Outage
) -> None:
    outage.is_gone = True

    stream = await generate(client).finish()

    assert kinds(stream) == ["sources_retrieved", "error"]
    last = stream.events[-1].data
    assert (last["code"], last["retryable"]) == ("SERVICE_UNAVAILABLE", True)
    assert "draft_id" not in last
    assert not model.calls


async def test_a_draft_outlives_a_database_that_is_gone_for_a_while(
    client: Client, model: ScriptedModel, outage: Outage
) -> None:
    model.answer = say(*"abcdef", each_s=1.0)
    stream = generate(client)
    await stream.wait_events(3)
    outage.is_gone = True
    await stream.wait_events(6)
    outage.is_gone = False

    await stream.finish()

    assert kinds(stream)[-1] == "generation_complete"
    kept = await get_draft(client, draft_id_of(stream))
    assert (kept["status"], kept["content"]) == ("complete", "abcdef")


async def test_a_draft_that_cannot_be_kept_at_its_end_has_failed(
    client: Client, model: ScriptedModel, outage: Outage
) -> None:
    model.answer = say("a", each_s=1.0)
    stream = generate(client)
    await stream.wait_events(2)
    outage.is_gone = True

    await stream.finish()

    assert kinds(stream)[2:] == ["content_chunk", "progress", "error"]
    last = stream.events[-1].data
    assert (last["code"], last["retryable"]) == ("GENERATION_ERROR", False)
    assert last["draft_id"] == draft_id_of(stream)


async def test_a_draft_that_was_taken_over_is_not_overwritten(
    client: Client,
    model: ScriptedModel,
    outage: Outage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model.answer = say(*"abc", each_s=10.0)
    stream = generate(client)
    await stream.wait_events(2)
    outage.is_gone = True
    await asyncio.sleep(19)
    outage.is_gone = False
    path = f"{DRAFTS}/{draft_id_of(stream)}"

    edited = await ask(client, "PATCH", path, {"content": "mine"})
    await stream.finish()

    assert edited.status == 200
    assert stream.events[-1].data["code"] == "GENERATION_ERROR"
    kept = await get_draft(client, draft_id_of(stream))
    assert (kept["status"], kept["content"]) == ("editing", "mine")
    assert "to be streaming" in caplog.text


async def test_no_word_of_a_user_reaches_the_log(
    client: Client,
    model: ScriptedModel,
    outage: Outage,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    outage.is_gone = True

    await generate(client, context="CONFIDENTIAL").finish()

    assert "not begun" in caplog.text
    assert "CONFIDENTIAL" not in caplog.text
