"""Streams of the dialect: chunks, progress, failures, what is kept."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.model import (
    DONE,
    Answer,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    forever,
    hold_headers,
    play,
    respond,
    stalled,
)
from tests.reference_server.stories import (
    STREAM,
    WHOLE,
    chunks,
    kept,
    says,
    steps,
    story_id,
    tell,
    words,
)

from streamproof.reference_server.dialects.story.job import StoryJob
from streamproof.reference_server.dialects.story.nodes import GENERATE
from streamproof.reference_server.dialects.story.safety import SafetyStatus, Verdict


async def cancel(client: Client, stream: Exchange) -> None:
    path = f"{STREAM}/{stream.stream}"
    await client.request("DELETE", path, headers=bearer()).finish()
    await stream.finish()


async def wait_step(stream: Exchange, step: str) -> None:
    await stream.wait(lambda exchange: step in steps(exchange))


@play
async def half_told(_call: Call) -> Body:
    """A paragraph and a half, then silence."""
    yield chunk(words(60, "\n\n"))
    yield chunk("and then")
    await forever()


async def test_the_first_frame_is_sent_before_the_model_is_called(
    client: Client, model: ScriptedModel
) -> None:
    stream = tell(client)

    await stream.wait_events(1)

    assert steps(stream) == ["workflow started"]
    assert not model.calls


async def test_a_paragraph_is_sent_when_it_is_complete(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        for piece in (words(60), "\n\n", words(70, "\n\n"), "the end"):
            await asyncio.sleep(1)
            yield chunk(piece)
        for part in answer():
            yield part

    model.script = {1: slow}

    stream = await tell(client).finish()

    told = [e for e in stream.events if e.data["type"] == "content"]
    assert [event.at for event in told] == [2, 3, 4]
    assert chunks(stream) == [words(60, "\n\n"), words(70, "\n\n"), "the end"]
    story = stream.events[-1].data["story"]
    assert story["story_content"] == "".join(chunks(stream))
    assert {event.field("event") for event in stream.events} == {None}


async def test_chunks_are_of_tokens_by_setting(
    client: Client, model: ScriptedModel
) -> None:
    await client.restart(chunk_tokens=2)
    model.script = {1: says("a ", "b ", "c")}

    stream = await tell(client).finish()

    assert chunks(stream) == ["a b ", "c"]


async def test_percent_never_decrease_and_end_at_a_hundred(
    client: Client, model: ScriptedModel
) -> None:
    pieces = [words(10, " ")] * 30
    model.script = {1: says(*pieces), 2: says("revise"), 3: says(*pieces)}

    stream = await tell(client).finish()

    told = [e.data["progress"] for e in stream.events if e.data["type"] == "progress"]
    percents = [each["percent"] for each in told]
    assert percents == sorted(percents)
    assert (percents[0], percents[-1]) == (5, 100)
    assert {each["stage"] for each in told} == {
        *("generate_content", "safety_check", "calculate_metrics", "workflow")
    }


@pytest.mark.parametrize(("call", "stage"), [(1, "generate_content"), (2, "safety_")])
async def test_another_try_is_announced(
    client: Client, model: ScriptedModel, call: int, stage: str
) -> None:
    model.script = {call: respond(status=429)}

    stream = await tell(client).finish()

    told = [e.data["progress"] for e in stream.events if e.data["type"] == "progress"]
    (waiting,) = (each for each in told if "busy" in each["description"])
    assert waiting["stage"].startswith(stage)
    assert steps(stream) == WHOLE


async def test_metadata_and_the_whole_agree(
    client: Client, model: ScriptedModel
) -> None:
    story = words(300) + "\n\nWhere will the fox go?\n- To the river\n- Home"
    model.script = {1: says(story)}

    stream = await tell(client).finish()

    (metadata,) = (e.data for e in stream.events if e.data["type"] == "metadata")
    whole = stream.events[-1].data["story"]
    assert {**whole, **metadata} == {**whole, "type": "metadata"}
    assert whole["estimated_reading_time"] == 3
    assert whole["choices"] == ["To the river", "Home"]
    assert whole["choice_question"] == "Where will the fox go?"
    assert whole["success"] is True


CUT = respond(chunk("Once "), chunk("upon"))
FILTERED = respond(chunk("Once "), chunk("upon", "content_filter"), DONE)
TOO_LONG = respond(chunk("Once "), chunk("upon", "length"), DONE)


@pytest.mark.parametrize(
    ("reply", "retryable", "told"),
    [
        (respond(status=500), True, []),
        (respond(status=429), True, []),
        (respond(status=400), False, []),
        (hold_headers, True, []),
        (CUT, True, ["Once upon"]),
        (FILTERED, False, ["Once upon"]),
        (TOO_LONG, False, ["Once upon"]),
    ],
)
async def test_a_failing_model_is_told_behind_what_was_held_back(
    client: Client,
    model: ScriptedModel,
    reply: Answer,
    retryable: bool,  # noqa: FBT001 -- a column of the table
    told: list[str],
) -> None:
    model.answer = reply

    stream = await tell(client).finish()

    assert steps(stream) == [*WHOLE[:2], *["content"] * len(told), "LLM_ERROR"]
    assert chunks(stream) == told
    assert stream.events[-1].data["retryable"] is retryable
    assert stream.events[-1].data["message"]
    assert stream.is_complete
    chapter = await kept(client, story_id(stream))
    assert (chapter["status"], chapter["story_content"]) == ("partial", "".join(told))


async def test_a_fault_of_our_own_is_a_workflow_error(
    client: Client, model: ScriptedModel
) -> None:
    async def explode(_call: Call) -> httpx.Response:
        raise ZeroDivisionError("SECRET")

    model.answer = explode

    stream = await tell(client).finish()

    last = stream.events[-1].data
    assert (last["error_code"], last["retryable"]) == ("WORKFLOW_ERROR", False)
    assert b"SECRET" not in stream.body


async def test_a_cancelled_chapter_keeps_what_was_told(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = half_told
    stream = tell(client, theme="a fox", title="One", chapter_number=3)
    await wait_step(stream, "content")

    await cancel(client, stream)

    assert steps(stream) == [*WHOLE[:2], "content", "content", "CANCELLED"]
    assert chunks(stream) == [words(60, "\n\n"), "and then"]
    assert stream.events[-1].data["retryable"] is False
    assert model.calls[0].left_at is not None
    chapter = await kept(client, story_id(stream))
    assert chapter["story_content"] == "".join(chunks(stream))
    assert chapter["status"] == "partial"
    assert chapter["safety_score"] is None


async def test_a_reader_that_leaves_for_good_leaves_a_chapter(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = half_told
    stream = tell(client)
    await wait_step(stream, "content")

    stream.leave()
    await asyncio.sleep(6)

    chapter = await kept(client, story_id(stream))
    assert chapter["story_content"] == words(60, "\n\n") + "and then"
    assert model.calls[0].left_at == pytest.approx(5)


async def test_a_whole_chapter_is_kept(client: Client, model: ScriptedModel) -> None:
    model.script = {1: says("Once."), 2: says("approve 0.75")}

    stream = await tell(client, theme="a fox", title="One", chapter_number=3).finish()

    id_ = stream.events[-1].data["story"]["story_id"]
    assert id_ == story_id(stream)
    chapter = await kept(client, id_)
    assert chapter == {
        "story_id": id_,
        "child_id": 7,
        "chapter_number": 3,
        "title": "One",
        "theme": "a fox",
        "status": "complete",
        "safety_score": 0.75,
        "created_at": "2027-01-15T08:00:00.000+00:00",
        "updated_at": "2027-01-15T08:00:00.000+00:00",
        "story_content": "Once.",
    }


async def test_a_rejected_chapter_is_kept_as_far_as_it_came(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {
        1: says("Once."),
        2: says("revise"),
        3: says("A"),
        4: says("reject"),
    }

    stream = await tell(client).finish()

    chapter = await kept(client, story_id(stream))
    assert (chapter["status"], chapter["story_content"]) == ("partial", "A")
    assert chapter["safety_score"] == 0.0


async def test_a_score_is_that_of_the_text_beside_it(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {2: says("revise 0.4"), 3: half_told}
    stream = tell(client)
    await stream.wait(lambda exchange: steps(exchange).count("content") == 2)

    await cancel(client, stream)

    chapter = await kept(client, story_id(stream))
    assert chapter["story_content"] == words(60, "\n\n") + "and then"
    assert chapter["safety_score"] is None


async def test_a_chapter_is_kept_while_it_is_told(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = half_told
    stream = tell(client)
    await wait_step(stream, "content")

    await asyncio.sleep(3.5)

    chapter = await kept(client, story_id(stream))
    assert (chapter["status"], chapter["story_content"]) == (
        "partial",
        words(60, "\n\n"),
    )


@pytest.mark.parametrize("text", ["\0", "\ud83d", "\ud83d\ude00 \udfff", '"\\u0000'])
async def test_any_text_is_told_and_kept(
    client: Client, model: ScriptedModel, text: str
) -> None:
    model.script = {1: says("Once ", *text)}

    stream = await tell(client, theme="\0", title="\0").finish()

    assert steps(stream)[-1] == "complete"
    chapter = await kept(client, story_id(stream))
    told = stream.events[-1].data["story"]["story_content"]
    assert chapter["story_content"] == told
    assert (chapter["theme"], chapter["title"]) == ("\0", "\0")


async def test_a_stream_ends_after_five_minutes(
    client: Client, model: ScriptedModel
) -> None:
    await client.restart(
        upstream_first_token_timeout_s=1000, upstream_total_timeout_s=1000
    )
    model.answer = half_told

    stream = await tell(client).finish()

    last = stream.events[-1]
    assert (last.data["error_code"], last.data["retryable"]) == ("STREAM_TIMEOUT", True)
    assert last.at == pytest.approx(300)
    assert chunks(stream)[-1] == "and then"
    assert model.calls[0].left_at == pytest.approx(300)


async def test_a_silence_is_filled_with_comments(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled

    stream = await tell(client).finish()

    comments = [e for e in stream.blocks if e.block.startswith(b":")]
    assert [round(event.at) for event in comments[:3]] == [15, 30, 45]


async def test_what_is_told_after_the_end_counts_no_more(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = half_told
    stream = tell(client)
    await wait_step(stream, "content")
    (run,) = client.runs
    job = run._job
    assert isinstance(job, StoryJob)
    await cancel(client, stream)
    chapter = job.chapter(run.state)

    job.say(words(300))
    job.complete(GENERATE)
    job.judge(Verdict(status=SafetyStatus.APPROVED, score=1.0))
    job.enter(GENERATE)

    assert job.chapter(run.state) == chapter
    assert chapter.text == "".join(chunks(stream))
    assert run.log.last == len(stream.events)
