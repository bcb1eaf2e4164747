"""The endpoint with the times of all stages."""

from __future__ import annotations

from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import ScriptedModel
from tests.reference_server.programmes import METRICS, generate, metrics, programme


async def test_without_a_run_there_are_defaults(client: Client) -> None:
    stages = await metrics(client)

    assert list(stages) == [
        *("started", "fetching-exercises", "generating"),
        *("validating", "storing", "complete"),
    ]
    assert stages["generating"] == {
        "count": 0,
        "mean_ms": 20_000,
        "p50_ms": 20_000,
        "p95_ms": 20_000,
    }


async def test_five_runs_replace_the_defaults(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = programme()
    seen = []
    for _ in range(5):
        await generate(client).finish()
        seen.append((await metrics(client))["generating"])

    assert [times["count"] for times in seen] == [1, 2, 3, 4, 5]
    assert [times["mean_ms"] for times in seen] == [*[20_000] * 4, 0]


async def test_it_is_guarded_and_answers_in_json_alone(client: Client) -> None:
    unknown = await client.request("GET", METRICS).finish()
    stream = {**bearer(), "accept": "text/event-stream"}
    unreadable = await client.request("GET", METRICS, headers=stream).finish()
    wrong = await client.request("POST", METRICS, headers=bearer()).finish()

    assert unknown.json["error"]["code"] == "AUTHENTICATION_ERROR"
    assert (unknown.status, unreadable.status, wrong.status) == (401, 406, 405)
