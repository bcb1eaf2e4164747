"""What becomes of a draft when its server or its database is gone, or the disk full."""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from tests.reference_server.drafting import BODY, DRAFTS, KB, STREAM
from tests.reference_server.integration.processes import Program, command, running
from tests.reference_server.integration.stack import PATIENT, Stack, server_command
from tests.reference_server.integration.wire import (
    PATIENCE_S,
    SECRET,
    Response,
    bearer,
    send,
)
from tests.reference_server.store.postgresql import PostgreSQL, running_postgresql

pytestmark = pytest.mark.slow

_keys = itertools.count(1)

Start = Callable[..., AbstractContextManager[Program]]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'kept.db'}"


@pytest.fixture
def serve(fakes: Program, url: str) -> Start:
    """Start a server on the database of the test, again too."""

    def start(
        *options: str, database_url: str = url, limit: tuple[str, ...] = ()
    ) -> AbstractContextManager[Program]:
        database = ("--database-url", database_url)
        words = server_command(fakes, *PATIENT, *database, *options)
        return running([*limit, *words], {"STREAMPROOF_SERVER_JWT_SECRET": SECRET})

    return start


def on(server: Program, fakes: Program) -> Stack:
    return Stack(server=server, fakes=fakes, key=f"drafts-{next(_keys)}")


async def start_draft(stack: Stack, *blocks: str, padding: str = "") -> Response:
    headers = {**bearer(stack.key), "content-type": "application/json"}
    body = json.dumps({**BODY, "context": stack.prompt(*blocks) + padding}).encode()
    response = await send(stack.server, "POST", STREAM, headers=headers, body=body)
    return await response.read_head()


async def request(
    stack: Stack, method: str, path: str, body: object = None
) -> tuple[int, dict[str, Any]]:
    headers = {**bearer(stack.key), "content-type": "application/json"}
    content = b"" if body is None else json.dumps(body).encode()
    answer = await send(stack.server, method, path, headers=headers, body=content)
    await (await answer.read_head()).read_all()
    answer.close()
    return answer.status, answer.json


async def get(stack: Stack, draft_id: str) -> dict[str, Any]:
    status, draft = await request(stack, "GET", f"{DRAFTS}/{draft_id}")
    assert status == 200
    return draft


async def wait_saved(stack: Stack, draft_id: str, content: str) -> None:
    """Return when this is what is kept."""
    async with asyncio.timeout(PATIENCE_S):
        while (await get(stack, draft_id))["content"] != content:
            pass


def kinds(response: Response) -> list[str]:
    return [data["event"] for _, data in response.events]


def text_of(response: Response) -> str:
    return "".join(data.get("delta", "") for _, data in response.events)


def draft_id_of(response: Response) -> str:
    draft_id = response.events[1][1]["draft_id"]
    assert isinstance(draft_id, str)
    return draft_id


def failure_of(response: Response) -> tuple[str, bool]:
    last = response.events[-1][1]
    return last["code"], last["retryable"]


async def read_text(response: Response, words: int) -> str:
    """Read until so many words were told; return them."""
    async with asyncio.timeout(PATIENCE_S):
        while len(text_of(response).split()) < words:
            assert await response.read_more(), response.body
    return text_of(response)


async def test_a_killed_server_leaves_a_partial_draft_with_what_was_saved_last(
    fakes: Program, serve: Start
) -> None:
    with serve() as server:
        stack = on(server, fakes)
        words = ("say tokens=9", "hold at=token after=5", "stall after=8")
        stream = await start_draft(stack, *words)
        told = await read_text(stream, 5)
        await wait_saved(stack, draft_id_of(stream), told)
        # Three more, which a save may have seen or not.
        await stack.release()
        await read_text(stream, 8)
        server.process.kill()
        await stream.read_all()

    with serve() as server:
        again = Stack(server=server, fakes=fakes, key=stack.key)
        kept = await get(again, draft_id_of(stream))
        edit = {"content": "mended", "version": kept["version"]}
        status, edited = await request(again, "PATCH", f"{DRAFTS}/{kept['id']}", edit)

    assert not stream.is_complete
    assert kept["status"] == "partial"
    assert kept["content"].startswith(told)
    assert text_of(stream).startswith(kept["content"])
    assert (status, edited["status"], edited["content"]) == (200, "editing", "mended")


async def test_a_server_that_is_stopped_says_so_and_keeps_all_that_it_told(
    fakes: Program, serve: Start
) -> None:
    with serve("--drain-s", "0.1") as server:
        stack = on(server, fakes)
        stream = await start_draft(stack, "say tokens=9", "stall after=7")
        await stack.wait_call("token:7")
        server.process.send_signal(signal.SIGTERM)
        await stream.read_all()
        server.process.wait(PATIENCE_S)
        assert server.process.returncode == 0

    with serve() as server:
        kept = await get(
            Stack(server=server, fakes=fakes, key=stack.key), draft_id_of(stream)
        )

    last = stream.events[-1][1]
    assert stream.is_complete
    assert (last["code"], last["retryable"]) == ("SERVER_SHUTDOWN", True)
    assert last["draft_id"] == kept["id"]
    assert len(text_of(stream).split()) == 7
    assert (kept["status"], kept["content"]) == ("partial", text_of(stream))


@pytest.fixture
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL with the tables of this version."""
    with running_postgresql() as cluster:
        url = ("--database-url", cluster.url())
        migrate = command("reference_server", "migrate", *url)
        subprocess.run(migrate, check=True, stdout=subprocess.DEVNULL)
        yield cluster


async def test_a_database_that_goes_and_comes_back_costs_what_ends_meanwhile(
    fakes: Program, serve: Start, postgresql: PostgreSQL
) -> None:
    held = ("say tokens=9", "hold at=token after=5")
    with serve(database_url=postgresql.url()) as server:
        lucky, late = on(server, fakes), on(server, fakes)
        streams = [await start_draft(stack, *held) for stack in (lucky, late)]
        outlives, ends = streams
        for stream in streams:
            await read_text(stream, 5)
        await wait_saved(late, draft_id_of(ends), text_of(ends))

        postgresql.stop()
        shown, refusal = await request(late, "GET", f"{DRAFTS}/{draft_id_of(ends)}")
        new = await (await start_draft(lucky, "say tokens=1")).read_all()
        await late.release()
        await ends.read_all()
        postgresql.start()
        await lucky.release()
        await outlives.read_all()
        whole = await get(lucky, draft_id_of(outlives))
        part = await get(late, draft_id_of(ends))
        log = server.log

    assert (shown, refusal["error"]["code"]) == (503, "STORE_UNAVAILABLE")
    # None can begin,
    assert kinds(new) == ["sources_retrieved", "error"]
    assert failure_of(new) == ("SERVICE_UNAVAILABLE", True)
    # none can end,
    assert failure_of(ends) == ("GENERATION_ERROR", False)
    assert ends.is_complete
    assert part["content"] == " ".join(text_of(ends).split()[:5]) + " "
    assert "not saved" in log
    # and what goes on meanwhile is whole.
    assert kinds(outlives)[-1] == "generation_complete"
    assert (whole["status"], whole["content"]) == ("complete", text_of(outlives))


async def test_a_full_disk_refuses_what_is_new_and_keeps_what_is_there(
    fakes: Program, serve: Start
) -> None:
    new = {"kb_id": KB, "document_type": "technical_memo", "content": "x" * 50_000}
    with serve():
        pass  # makes the database
    with serve(limit=("prlimit", f"--fsize={220 * 1024}")) as server:
        stack = on(server, fakes)
        made = [(await request(stack, "POST", DRAFTS, new))[1]["id"]]
        fills = await (await start_draft(stack, "say tokens=30000")).read_all()
        while (answer := await request(stack, "POST", DRAFTS, new))[0] == 201:
            made.append(answer[1]["id"])
        first = await get(stack, made[0])
        stream = await start_draft(stack, "say tokens=1", padding=new["content"])
        await stream.read_all()

    with serve() as server:
        again = Stack(server=server, fakes=fakes, key=stack.key)
        part = await get(again, draft_id_of(fills))
        kept = [await get(again, draft_id) for draft_id in made]
        status, _ = await request(again, "POST", DRAFTS, new)

    assert failure_of(fills) == ("GENERATION_ERROR", False)
    assert part["status"] == "partial"
    assert text_of(fills).startswith(part["content"])
    assert (answer[0], answer[1]["error"]["code"]) == (503, "STORE_UNAVAILABLE")
    assert first["content"] == new["content"]
    assert kinds(stream) == ["sources_retrieved", "error"]
    assert failure_of(stream) == ("SERVICE_UNAVAILABLE", True)
    assert [draft["content"] for draft in kept] == [new["content"]] * len(made)
    assert status == 201
