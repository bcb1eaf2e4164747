"""The graph: how runs get into it; what they do there is in `test_streams`."""

from __future__ import annotations

import asyncio

from tests.reference_server.asgi import Client
from tests.reference_server.model import ScriptedModel, answer, respond


async def test_a_run_cancelled_before_its_graph_started_does_not_hold_up_others(
    client: Client, model: ScriptedModel
) -> None:
    streams = [client.open() for _ in range(3)]
    await streams[1].wait_events(1)

    await client.cancel(streams[1].stream).finish()
    finished = [await stream.finish() for stream in streams]

    assert [len(stream.events) for stream in finished] == [56, 2, 56]


async def test_a_burst_of_runs_gets_its_first_events_before_the_graphs_start(
    client: Client, model: ScriptedModel
) -> None:
    await client.restart(streams_per_user=50)
    streams = [client.open() for _ in range(50)]

    await asyncio.gather(*(stream.wait_events(1) for stream in streams))

    assert len(model.calls) <= 5


async def test_the_answers_of_all_nodes_together_have_a_limit(
    client: Client, model: ScriptedModel
) -> None:
    # 13 of these fit into 256 Ki characters, 14 do not.
    model.answer = respond(*answer("x" * 20_000))

    stream = await client.open().finish()

    assert stream.types.count("node-complete") == 13
    assert stream.types[-1] == "error"
    assert stream.events[-1].data["delta"]["code"] == "UPSTREAM_ERROR"
