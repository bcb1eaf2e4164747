"""Requests to dialect `chat`, and a model that plays supervisor and agent."""

from __future__ import annotations

import json
from typing import Any

import httpx
from tests.reference_server.asgi import Client, Exchange, bearer
from tests.reference_server.model import Answer, Call, answer, respond

STREAM = "/chat/stream"
TWIN = "/chat"
SESSION = "5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a90"
OTHER_SESSION = "5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a91"
MESSAGE = "what helps against asthma at night?"


def is_supervisor(call: Call) -> bool:
    """Tell whether a call asks for an agent."""
    return call.messages[0]["content"].startswith("You decide who answers")


def route(agent: str, reply: Answer | None = None) -> Answer:
    """Have the supervisor name an agent, and that one answer so."""
    said = reply or respond(*answer("one ", "two"))

    async def play(call: Call) -> httpx.Response:
        return await (respond(*answer(agent)) if is_supervisor(call) else said)(call)

    return play


def chat(
    client: Client,
    message: str = MESSAGE,
    *,
    user: str = "ada",
    path: str = STREAM,
    **body: object,
) -> Exchange:
    """Say something."""
    headers = {**bearer(user), "content-type": "application/json"}
    content = json.dumps({"message": message, **body}).encode()
    return client.request("POST", path, headers=headers, body=content)


def resume(client: Client, last_event_id: str) -> Exchange:
    """Ask for the rest of a stream."""
    headers = {**bearer(), "last-event-id": last_event_id}
    return client.request("POST", STREAM, headers=headers)


async def show(
    client: Client, session: str = SESSION, *, user: str = "ada"
) -> dict[str, Any]:
    """Return what a session is shown as."""
    path = f"/chat/sessions/{session}"
    shown = await client.request("GET", path, headers=bearer(user)).finish()
    return {"http_status": shown.status, **shown.json}


def cancel(
    client: Client,
    session: str = SESSION,
    *,
    user: str = "ada",
    reason: object = None,
    body: object = None,
) -> Exchange:
    """Ask for the end of what runs in a session."""
    headers = {**bearer(user), "content-type": "application/json"}
    path = f"{STREAM}/{session}/cancel"
    content = json.dumps({"reason": reason} if body is None else body).encode()
    return client.request("POST", path, headers=headers, body=content)


def code_of(refused: Exchange) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return refused.status, refused.json["error"]["code"]


def joined(stream: Exchange) -> str:
    """Return the answer that a stream told."""
    return "".join(
        event.data["content"]
        for event in stream.events
        if event.data["type"] == "token"
    )
