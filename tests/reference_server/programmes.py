"""Requests to dialect `exercise`, and answers that its model may give."""

from __future__ import annotations

import json
from typing import Any

from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.model import Answer, answer, respond

STREAM = "/api/generate-stream"
CLASSIC = "/api/generate"
METRICS = "/api/generation-metrics"
PROMPT = "a programme for a frozen shoulder"
PROGRAMME: dict[str, Any] = {
    "title": "Week one",
    "exercises": [{"name": "Wall slide", "sets": 3, "reps": 10}],
}


def programme(document: object = PROGRAMME, *, pieces: int = 3) -> Answer:
    """Answer with this document in so many pieces."""
    text = json.dumps(document)
    size = -(-len(text) // pieces)
    return respond(*answer(*(text[n : n + size] for n in range(0, len(text), size))))


def generate(
    client: Client, path: str = STREAM, *, user: str = "ada", **body: object
) -> Exchange:
    """Ask for a programme."""
    headers = {**bearer(user), "content-type": "application/json"}
    content = json.dumps({"prompt": PROMPT, **body}).encode()
    return client.request("POST", path, headers=headers, body=content)


async def metrics(client: Client) -> dict[str, dict[str, float]]:
    """Return how long the stages took."""
    shown = await client.request("GET", METRICS, headers=bearer()).finish()
    assert shown.status == 200
    stages = shown.json["stages"]
    assert isinstance(stages, dict)
    return stages
