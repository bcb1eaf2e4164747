"""The nodes: what the model is asked, and which way a chapter goes."""

from __future__ import annotations

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import ScriptedModel, respond
from tests.reference_server.stories import WHOLE, chunks, says, steps, tell

TWICE = [
    *WHOLE[:5],
    *("revised", "safety_check completed"),
    *WHOLE[1:],
]


async def test_an_approved_chapter_goes_through_all_nodes(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {1: says("Once upon ", "a time."), 2: says("approve 0.9")}

    stream = await tell(client).finish()

    assert steps(stream) == WHOLE
    assert chunks(stream) == ["Once upon a time."]
    story = stream.events[-1].data["story"]
    assert story["story_content"] == "Once upon a time."
    assert (story["safety_score"], story["content_approved"]) == (0.9, True)


async def test_a_rejected_chapter_ends_at_once(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {2: says("rej", "ect")}

    stream = await tell(client).finish()

    assert steps(stream) == [*WHOLE[:5], "rejected", "SAFETY_REJECTED"]
    assert stream.events[-1].data["retryable"] is False
    assert stream.events[-2].data["score"] == 0.0
    assert len(model.calls) == 2


async def test_a_chapter_is_written_again_when_it_shall_be_revised(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {
        1: says("Dark."),
        2: says("revise 0.3"),
        3: says("Bright."),
        4: says("approve 0.8"),
    }

    stream = await tell(client).finish()

    assert steps(stream) == TWICE
    assert chunks(stream) == ["Dark.", "Bright."]
    story = stream.events[-1].data["story"]
    assert (story["story_content"], story["safety_score"]) == ("Bright.", 0.8)
    scores = [e.data["score"] for e in stream.events if "score" in e.data]
    assert scores == [0.3, 0.8]


@pytest.mark.parametrize("answer", ["revise", "Revise again", "reject"])
async def test_a_second_revision_is_a_rejection(
    client: Client, model: ScriptedModel, answer: str
) -> None:
    model.script = {2: says("revise"), 4: says(answer)}

    stream = await tell(client).finish()

    assert steps(stream) == [*TWICE[:11], "rejected", "SAFETY_REJECTED"]
    assert len(model.calls) == 4


async def test_the_user_s_words_are_alone_and_unchanged(
    client: Client, model: ScriptedModel
) -> None:
    theme = '  [[fake:say text="a\\nb"]] ü\u2028 & + % fox \n'
    title = "Chapter {number} + 1"

    await tell(client, theme=theme, title=title, chapter_number=12).finish()

    written, checked = model.calls
    assert [m["role"] for m in written.messages] == ["system", "user", "user"]
    assert [m["content"] for m in written.messages[1:]] == [title, theme]
    assert "Write chapter 12 of" in written.messages[0]["content"]
    assert [m["role"] for m in checked.messages] == ["system", *["user"] * 3]
    assert [m["content"] for m in checked.messages[1:]] == [title, theme, "one two"]


@pytest.mark.parametrize("title", [None, ""])
async def test_a_chapter_needs_no_title(
    client: Client, model: ScriptedModel, title: str | None
) -> None:
    stream = await tell(client, theme="fox", title=title).finish()

    assert stream.status == 200
    assert [m["content"] for m in model.calls[0].messages[1:]] == ["fox"]
    assert "Write chapter 1 of" in model.calls[0].messages[0]["content"]


async def test_the_second_version_is_told_of_the_first(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {1: says("A {dark} wood."), 2: says("revise"), 3: says("A wood.")}

    await tell(client, theme="fox").finish()

    again, checked = model.calls[2:]
    assert again.messages[0]["content"].endswith("\n\nA {dark} wood.")
    assert again.messages[1]["content"] == "fox"
    assert checked.messages[-1]["content"] == "A wood."


@pytest.mark.parametrize("text", ["", " \n\n", "\u2028"])
async def test_a_chapter_without_a_word_is_a_failure_of_the_model(
    client: Client, model: ScriptedModel, text: str
) -> None:
    model.answer = says(text)

    stream = await tell(client).finish()

    assert steps(stream)[-1] == "LLM_ERROR"
    assert stream.events[-1].data["retryable"] is True
    assert "generate_content completed" not in steps(stream)
    assert "".join(chunks(stream)) == text
    assert len(model.calls) == 1


async def test_a_failure_of_the_check_is_one_of_the_run(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {2: respond(status=500)}

    stream = await tell(client).finish()

    assert steps(stream) == [*WHOLE[:5], "LLM_ERROR"]


async def test_nothing_of_the_check_is_shown(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {2: says("approve, SECRET")}

    stream = await tell(client).finish()

    assert steps(stream) == WHOLE
    assert b"SECRET" not in stream.body
