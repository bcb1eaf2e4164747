"""Sessions of dialect `chat` over real sockets, and over the life of a server."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from tests.reference_server.integration.stack import Stack
from tests.reference_server.integration.wire import bearer

from streamproof.reference_server.store.conversations import Conversations
from streamproof.reference_server.store.database import Database

SESSION = "5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a90"


def client_of(stack: Stack, key: str) -> httpx.AsyncClient:
    url = stack.server.url
    return httpx.AsyncClient(base_url=url, headers=bearer(key), timeout=30)


def ask(stack: Stack, *blocks: str) -> dict[str, str]:
    """Return a message whose model comforts, and does what the directives say."""
    prompt = stack.prompt('say text="support" turn=1', *blocks)
    return {"message": prompt, "session_id": SESSION}


async def read_until(lines: AsyncIterator[str], kind: str) -> list[dict[str, Any]]:
    """Return the events up to the first of this type."""
    events = []
    async for line in lines:
        if line.startswith("data: "):
            events.append(json.loads(line.removeprefix("data: ")))
            if events[-1]["type"] == kind:
                break
    return events


@pytest.mark.slow
async def test_a_cancel_by_session_reaches_reader_and_model(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    stack = new_stack("--database-url", f"sqlite:///{tmp_path / 'kept.db'}")
    body = ask(stack, "say tokens=9 turn=2", "stall after=1 turn=2")
    async with client_of(stack, stack.key) as client:
        async with client.stream("POST", "/chat/stream", json=body) as response:
            lines = response.aiter_lines()
            opening = await read_until(lines, "token")
            await stack.wait_call("token:1", turn=2)
            path = f"/chat/stream/{SESSION}/cancel"
            cancelled = await client.post(path, json={"reason": "timeout"})
            rest = await read_until(lines, "error")
        shown = (await client.get(f"/chat/sessions/{SESSION}")).json()

    assert [event["type"] for event in opening] == ["heartbeat", "token"]
    assert cancelled.status_code == 202
    assert rest[-1]["content"]["reason"] == "timeout"
    assert (shown["status"], shown["messages"][-1]["partial"]) == ("cancelled", True)
    call = await stack.wait_call("ended", turn=2)
    assert call["outcome"] == "cancelled_midstream"


@pytest.mark.slow
async def test_a_killed_server_has_kept_what_was_said_some_seconds_before(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    stack = new_stack("--database-url", url)
    body = ask(stack, "say tokens=9 turn=2", "stall after=2 turn=2")
    database = Database(url)
    async with (
        asyncio.timeout(30),
        client_of(stack, stack.key) as client,
        client.stream("POST", "/chat/stream", json=body) as response,
    ):
        lines = response.aiter_lines()
        said = [(await read_until(lines, "token"))[-1]["content"] for _ in range(2)]
        while await tokens_in(database) != said:
            await read_until(lines, "heartbeat")
        stack.server.process.send_signal(signal.SIGKILL)
        stack.server.process.wait()
    await database.close()

    again = new_stack("--database-url", url)
    async with client_of(again, stack.key) as client:
        shown = (await client.get(f"/chat/sessions/{SESSION}")).json()
        answer = await client.post("/chat", json=body)
        afterwards = (await client.get(f"/chat/sessions/{SESSION}")).json()

    assert (shown["status"], shown["accumulated_tokens"]) == ("error", said)
    assert [each["partial"] for each in shown["messages"]] == [False, True]
    assert answer.status_code == 200
    assert [each["partial"] for each in afterwards["messages"]] == [
        *(False, True, False, False)
    ]


async def tokens_in(database: Database) -> list[str]:
    """Return what is kept of the answer by now."""
    kept = await Conversations(database).find(UUID(SESSION))
    return [] if kept is None else list(kept.tokens)
