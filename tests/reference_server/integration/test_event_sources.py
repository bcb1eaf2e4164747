"""Clients that are not ours read a stream by GET: dropped, resumed, stopped at 204."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import sseclient
from httpx_sse import aconnect_sse
from tests.reference_server.integration.processes import Program
from tests.reference_server.integration.stack import Stack
from tests.reference_server.integration.wire import (
    PATIENCE_S,
    Response,
    ask,
    bearer,
    send,
)

pytestmark = pytest.mark.slow

STORIES = "/api/v1/stories"
STREAM = f"{STORIES}/generate/stream"


def url_of(stack: Stack, *blocks: str, **query: str) -> str:
    """Return the one URL that a browser's EventSource is given."""
    token = bearer(stack.key)["authorization"].removeprefix("Bearer ")
    asked = {"child_id": "1", "theme": stack.prompt(*blocks), "token": token, **query}
    return f"{stack.server.url}{STREAM}?{urlencode(asked)}"


def resuming(last_event_id: str) -> dict[str, str]:
    return {"Last-Event-ID": last_event_id} if last_event_id else {}


async def test_httpx_sse_gets_every_event_once_over_two_drops(stack: Stack) -> None:
    url = url_of(stack, "say tokens=40", "hold at=token after=20")
    seen: list[tuple[str, str]] = []

    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as client:
        for drop_after in (2, 3, None):
            last = seen[-1][0] if seen else ""
            async with aconnect_sse(
                client, "GET", url, headers=resuming(last)
            ) as source:
                count = 0
                async for event in source.aiter_sse():
                    assert event.event == "message"
                    assert event.retry == (1000 if count == 0 else None)
                    seen.append((event.id, event.data))
                    count += 1
                    if count == drop_after:
                        break
            await stack.release()
        over = await client.get(url, headers=resuming(seen[-1][0]))
        whole = await client.get(url, headers=resuming(f"{stream_of(seen)}-1"))

    assert [number_of(id_) for id_, _ in seen] == list(range(1, len(seen) + 1))
    story = json.loads(seen[-1][1])
    assert story["type"] == "complete"
    assert len(story["story"]["story_content"].split()) == 40
    assert over.status_code == 204
    assert whole.text.count("\nid: ") + whole.text.startswith("id: ") == len(seen) - 1


async def test_sseclient_gets_every_event_once_over_a_drop(stack: Stack) -> None:
    url = url_of(stack, "say tokens=300")

    def read() -> list[tuple[str, str]]:
        seen: list[tuple[str, str]] = []
        with httpx.Client(timeout=PATIENCE_S) as client:
            for drop_after in (4, 1000):
                last = seen[-1][0] if seen else ""
                with client.stream("GET", url, headers=resuming(last)) as response:
                    events = sseclient.SSEClient(response.iter_bytes()).events()
                    seen += [
                        (event.id or "", event.data)
                        for event, _ in zip(events, range(drop_after), strict=False)
                    ]
            assert client.get(url, headers=resuming(seen[-1][0])).status_code == 204
        return seen

    seen = await asyncio.to_thread(read)

    assert [number_of(id_) for id_, _ in seen] == list(range(1, len(seen) + 1))
    told = [json.loads(data) for _, data in seen]
    text = "".join(frame["chunk"] for frame in told if frame["type"] == "content")
    assert told[-1]["story"]["story_content"] == text
    assert len(text.split()) == 300


async def test_a_packed_stream_is_read_as_it_comes(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack("--gzip-streams", "true")
    url = url_of(stack, "say tokens=3", "hold at=token after=1")

    async with (
        asyncio.timeout(PATIENCE_S),
        httpx.AsyncClient() as client,
        aconnect_sse(client, "GET", url) as source,
    ):
        assert source.response.headers["content-encoding"] == "gzip"
        events = source.aiter_sse()
        first = await anext(events)
        await stack.wait_call("token:1")
        await stack.release()
        rest = [event async for event in events]

    assert json.loads(first.data)["status"] == "started"
    assert json.loads(rest[-1].data)["type"] == "complete"


async def test_no_token_and_no_theme_stand_in_the_log(
    new_stack: Callable[..., Stack],
) -> None:
    stack = new_stack()
    url = url_of(stack, "fail status=400")

    async with httpx.AsyncClient(timeout=PATIENCE_S) as client:
        assert "LLM_ERROR" in (await client.get(url)).text
        for method, wrong in (("GET", "&child_id=1"), ("GET", "x"), ("POST", "")):
            assert (await client.request(method, url + wrong)).is_client_error

    assert "model failed" in stack.server.log
    token = url.rpartition("token=")[2]
    said = stack.server.log
    assert [w for w in (token, token[-20:], "fake", "theme", "?") if w in said] == []


async def test_a_killed_server_has_kept_what_was_told_some_seconds_before(
    new_stack: Callable[..., Stack], tmp_path: Path
) -> None:
    database = ("--database-url", f"sqlite:///{tmp_path / 'kept.db'}")
    stack = new_stack(*database)
    path = url_of(stack, "say tokens=450", "stall after=401")
    path = path.removeprefix(stack.server.url)
    async with asyncio.timeout(PATIENCE_S):
        stream = await (await send(stack.server, "GET", path)).read_head()
        while len(text_of(stream).split()) < 400:
            assert await stream.read_more()
        chapter = f"{STORIES}/{stream.events[0][1]['story_id']}"
        while await kept(stack.server, chapter, stack.key) != text_of(stream):
            assert await stream.read_more()  # a heartbeat
    stack.server.process.send_signal(signal.SIGKILL)
    stack.server.process.wait()

    again = new_stack(*database).server
    answer = await ask(again, "GET", chapter, bearer(stack.key))

    assert answer.json["story_content"] == text_of(stream)
    assert answer.json["status"] == "partial"


async def kept(server: Program, chapter: str, user: str) -> object:
    """Return as much of a chapter as is kept by now."""
    answer = await ask(server, "GET", chapter, bearer(user))
    return answer.json.get("story_content")


def text_of(stream: Response) -> str:
    return "".join(str(data.get("chunk", "")) for _, data in stream.events)


def number_of(id_: str) -> int:
    return int(id_.rpartition("-")[2])


def stream_of(seen: list[tuple[str, str]]) -> str:
    return seen[0][0].rpartition("-")[0]
