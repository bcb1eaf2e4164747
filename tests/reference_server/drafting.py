"""Requests to dialect `draft` and its drafts."""

from __future__ import annotations

import json
from typing import Any

from tests.reference_server.asgi import Client, Exchange, bearer

STREAM = "/api/v1/generate"
DRAFTS = "/api/v1/drafts"
KB = "00000000-0000-4000-8000-000000000001"
BODY = {
    "kb_id": KB,
    "document_type": "rfp_response",
    "context": "A county wants its records to be encrypted and backed up.",
}


def generate(client: Client, *, user: str = "ada", **body: object) -> Exchange:
    """Ask for a draft."""
    return send(client, "POST", STREAM, {**BODY, **body}, user=user)


def send(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    *,
    user: str = "ada",
    **headers: str,
) -> Exchange:
    """Send a request with a JSON body, or without one."""
    fields = {**bearer(user), **{k.replace("_", "-"): v for k, v in headers.items()}}
    if body is None:
        return client.request(method, path, headers=fields)
    fields = {"content-type": "application/json", **fields}
    content = json.dumps(body).encode()
    return client.request(method, path, headers=fields, body=content)


async def ask(
    client: Client,
    method: str,
    path: str,
    body: object = None,
    *,
    user: str = "ada",
    **headers: str,
) -> Exchange:
    """Send such a request and return the answer."""
    return await send(client, method, path, body, user=user, **headers).finish()


async def get_draft(client: Client, draft_id: str, user: str = "ada") -> dict[str, Any]:
    """Return a draft as it is kept."""
    found = await ask(client, "GET", f"{DRAFTS}/{draft_id}", user=user)
    assert found.status == 200
    return found.json


def kinds(stream: Exchange) -> list[str]:
    """Return what the events of a stream are."""
    return [event.data["event"] for event in stream.events]


def only(stream: Exchange, kind: str) -> list[dict[str, Any]]:
    """Return the data of the events of one kind."""
    return [event.data for event in stream.events if event.data["event"] == kind]


def draft_id_of(stream: Exchange) -> str:
    """Return which draft a stream writes."""
    draft_id = only(stream, "generation_start")[0]["draft_id"]
    assert isinstance(draft_id, str)
    return draft_id


def text_of(stream: Exchange) -> str:
    """Return the joined text of a stream."""
    return "".join(chunk["delta"] for chunk in only(stream, "content_chunk"))
