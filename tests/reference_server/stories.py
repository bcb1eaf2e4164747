"""Requests to dialect `story`, and what its streams come to."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.model import Answer, answer, respond

CHAPTERS = "/api/v1/stories"
STREAM = f"{CHAPTERS}/generate/stream"

# Of one run that is approved at once.
WHOLE = [
    *("workflow started", "generate_content started", "content"),
    *("generate_content completed", "safety_check started", "approved"),
    *("safety_check completed", "calculate_metrics started", "metadata"),
    *("calculate_metrics completed", "workflow completed", "complete"),
]


def says(*pieces: str) -> Answer:
    """Answer with these pieces."""
    return respond(*answer(*pieces))


def words(number: int, end: str = "") -> str:
    """Return so many words."""
    return " ".join(["word"] * number) + end


def tell(
    client: Client,
    *,
    user: str = "ada",
    headers: dict[str, str] | None = None,
    **query: object,
) -> Exchange:
    """Ask for a chapter; a parameter that is None is left out."""
    given = {"child_id": 7, "theme": "a fox in the snow", **query}
    asked = urlencode({name: v for name, v in given.items() if v is not None})
    headers = {**bearer(user), **(headers or {})}
    return client.request("GET", f"{STREAM}?{asked}", headers=headers)


def steps(stream: Exchange) -> list[str]:
    """Return what happened in a stream, progress aside."""
    found = []
    for event in stream.events:
        match event.data:
            case {"type": "node", "node": node, "status": status}:
                found.append(f"{node} {status}")
            case {"type": "safety_check", "status": status}:
                found.append(status)
            case {"type": "error", "error_code": code}:
                found.append(code)
            case {"type": kind} if kind != "progress":
                found.append(kind)
    return found


def chunks(stream: Exchange) -> list[str]:
    """Return the chunks of a stream, those of all versions."""
    return [e.data["chunk"] for e in stream.events if e.data["type"] == "content"]


def story_id(stream: Exchange) -> str:
    """Return under which id the chapter is kept."""
    found = stream.events[0].data["story_id"]
    assert isinstance(found, str)
    return found


async def kept(client: Client, id_: str, *, user: str = "ada") -> dict[str, Any]:
    """Return a chapter as it is kept."""
    shown = client.request("GET", f"{CHAPTERS}/{id_}", headers=bearer(user))
    assert (await shown.finish()).status == 200
    return shown.json


async def listed(client: Client, query: str, *, user: str = "ada") -> Exchange:
    """Return the list of chapters that a query asks for."""
    path = f"{CHAPTERS}?{query}"
    return await client.request("GET", path, headers=bearer(user)).finish()
