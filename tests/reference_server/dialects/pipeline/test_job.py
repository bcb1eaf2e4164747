"""Streams of the dialect: nodes, tokens, what the model is asked."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import (
    DONE,
    Body,
    Call,
    ScriptedModel,
    answer,
    chunk,
    play,
    respond,
)

from streamproof.reference_server.dialects.pipeline.graph import Pipeline
from streamproof.reference_server.dialects.pipeline.job import PipelineJob, _Reporter
from streamproof.reference_server.dialects.pipeline.nodes import (
    NODES as NODES_OF_PIPELINE,
)
from streamproof.reference_server.dialects.pipeline.progress import (
    NodeDurations,
    RunProgress,
)

NODES = [
    *("intake", "objective-map", "source-retrieval", "blueprint", "vignette-gen"),
    *("stem-gen", "answer-key-gen", "distractor-gen", "rationale-gen", "bias-check"),
    *("fact-check", "difficulty-estimate", "format-check", "assemble"),
]


async def test_a_run_goes_through_all_nodes_in_order(client: Client) -> None:
    stream = await client.open().finish()

    assert stream.status == 200
    assert stream.types == [
        *["node-enter", "token-stream", "token-stream", "node-complete"] * 14
    ]
    assert [e.data["node"] for e in stream.events[::4]] == NODES
    assert stream.is_complete


async def test_ids_count_from_one_and_every_block_is_a_state_delta(
    client: Client,
) -> None:
    stream = await client.open().finish()

    ids = [event.id for event in stream.events]
    assert ids == [f"{stream.stream}-{n}" for n in range(1, 57)]
    assert {event.field("event") for event in stream.events} == {"state_delta"}


async def test_progress_names_the_node_and_has_no_time_left_at_the_end(
    client: Client,
) -> None:
    stream = await client.open().finish()

    for event in stream.events:
        progress = event.data["progress"]
        assert progress["node"] == event.data["node"]
        assert progress["step"] == NODES.index(event.data["node"]) + 1
        assert progress["total"] == 14
    assert stream.events[0].data["progress"]["etaMs"] > 0
    assert stream.events[-1].data["progress"]["etaMs"] == 0


async def test_a_node_completes_with_the_joined_text_of_its_tokens(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("a\r\n", " ", "\u2028ü", "💥"))

    stream = await client.open().finish()

    assert stream.events[5].data["delta"] == {
        "status": "complete",
        "output": "a\r\n \u2028ü💥",
    }


async def test_half_a_surrogate_pair_travels_escaped(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = respond(*answer("\ud83d", "\udca5"))

    stream = await client.open().finish()

    assert b'"text":"\\ud83d"' in stream.events[1].block
    assert stream.events[3].data["delta"]["output"] == "💥"


async def test_the_first_event_is_sent_before_the_model_is_called(
    client: Client, model: ScriptedModel
) -> None:
    stream = client.open()

    await stream.wait_events(1)

    assert stream.types == ["node-enter"]
    assert not model.calls


async def test_every_node_sends_the_prompt_unchanged(
    client: Client, model: ScriptedModel
) -> None:
    prompt = '  [[fake:say text="a\\nb"]] ü\u2028\n'

    await client.open(prompt).finish()

    assert len(model.calls) == 14
    for call in model.calls:
        assert call.messages[-1] == {"role": "user", "content": prompt}
        assert call.url == "http://127.0.0.1:9000/v1/chat/completions"


async def test_later_nodes_see_what_earlier_ones_said(
    client: Client, model: ScriptedModel
) -> None:
    await client.open().finish()

    assert "one two" not in model.calls[0].messages[0]["content"]
    assert model.calls[2].messages[0]["content"].count("one two") == 2


async def test_tokens_leave_when_they_come(
    client: Client, model: ScriptedModel
) -> None:
    @play
    async def slow(_call: Call) -> Body:
        for text in "abc":
            await asyncio.sleep(1)
            yield chunk(text)
        yield chunk(finish="stop") + DONE

    model.script[1] = slow

    stream = await client.open().finish()

    assert [e.at for e in stream.events[1:4]] == pytest.approx([1, 2, 3])


async def test_tokens_in_one_packet_are_events_of_their_own(
    client: Client, model: ScriptedModel
) -> None:
    model.script[1] = respond(b"".join(answer("a", "b", "c")))

    stream = await client.open().finish()

    assert [e.data["delta"].get("text") for e in stream.events[1:4]] == ["a", "b", "c"]


async def test_a_prompt_that_echoes_frames_forges_nothing(
    client: Client, model: ScriptedModel
) -> None:
    evil = "x\n\nevent: admin\ndata: y\r\rid: 7\n"
    model.answer = respond(*answer(evil))

    stream = await client.open(evil).finish()

    assert len(stream.events) == 14 * 3
    assert {e.field("event") for e in stream.events} == {"state_delta"}
    assert json.loads(str(stream.events[1].field("data")))["delta"]["text"] == evil


async def test_reports_after_the_end_of_a_run_count_no_more(
    client: Client, model: ScriptedModel
) -> None:
    durations = NodeDurations(NODES_OF_PIPELINE)
    job = PipelineJob(
        prompt="hello",
        pipeline=Pipeline(model=None),  # type: ignore[arg-type]  # never asked
        progress=RunProgress(NODES_OF_PIPELINE, durations),
        clock=asyncio.get_running_loop().time,
    )
    stream = await client.open().finish()
    (ended,) = client.runs
    reporter = _Reporter(job, ended)

    for _ in range(3):
        reporter.enter_node()
        reporter.say("still here")
        reporter.complete_node("still here")

    assert ended.log.last == len(stream.events)
    assert durations.estimate_ms(1) == NODES_OF_PIPELINE[0].default_ms
