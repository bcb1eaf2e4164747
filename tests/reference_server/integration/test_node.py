"""EventSources of Node and curl read a stream whose connection is cut in the middle.

The packages are installed by `make` into the virtual environment; curl comes from
Debian's package.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.reference_server.integration.stack import Stack
from tests.reference_server.integration.test_event_sources import (
    STREAM,
    number_of,
    url_of,
)
from tests.reference_server.integration.wire import PATIENCE_S

pytestmark = pytest.mark.slow

PACKAGES = Path(sys.prefix) / "node"
SCRIPT = Path(__file__).parents[2] / "event_sources" / "read.mjs"
BLOCKS = ("say tokens=300", "delay first=20 each=1")


@dataclass
class Cutter:
    """Passes connections on, and cuts each behind so many events, as a proxy may.

    A tidy one ends the body; any other leaves in the middle of the event.
    """

    server: tuple[str, int]
    cuts: list[int]
    is_tidy: bool
    port: int = 0
    last_event_ids: list[str] = field(default_factory=list)

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = [line.partition(": ") for line in head.decode().split("\r\n")]
        found = [value for name, _, value in fields if name.lower() == "last-event-id"]
        self.last_event_ids += found or [""]
        upstream, to_server = await asyncio.open_connection(*self.server)
        to_server.write(head)
        answer = await upstream.readuntil(b"\r\n\r\n")
        writer.write(answer)
        left = self.cuts.pop(0) if self.cuts else None
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            # One request a connection: whatever ends an answer ends that too.
            chunk = b"" if answer.startswith(b"HTTP/1.1 200") else b"0"
            while not chunk.startswith(b"0"):
                size = await upstream.readuntil(b"\r\n")
                chunk = size + await upstream.readexactly(int(size, 16) + 2)
                if left is not None:
                    left -= chunk.count(b"id: ")
                if left is not None and left <= 0:
                    writer.write(chunk + b"0\r\n\r\n" if self.is_tidy else chunk[:-9])
                    break
                writer.write(chunk)
        writer.close()
        to_server.close()


@asynccontextmanager
async def cutting(
    stack: Stack, *cuts: int, is_tidy: bool = False
) -> AsyncIterator[Cutter]:
    cutter = Cutter(stack.server.address, list(cuts), is_tidy)
    server = await asyncio.start_server(cutter.serve, "127.0.0.1", 0)
    async with server:
        cutter.port = server.sockets[0].getsockname()[1]
        yield cutter


async def run(*command: str) -> tuple[int, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode().splitlines()


def check(events: list[tuple[str, str]]) -> None:
    assert [number_of(id_) for id_, _ in events] == list(range(1, len(events) + 1))
    told = [json.loads(data) for _, data in events]
    text = "".join(frame["chunk"] for frame in told if frame["type"] == "content")
    assert told[-1]["story"]["story_content"] == text
    assert len(text.split()) == 300


@pytest.mark.parametrize(
    ("package", "is_tidy"),
    [
        ("eventsource", False),
        ("eventsource", True),
        ("undici", False),
        ("undici", True),
    ],
)
async def test_an_event_source_of_node_gets_every_event_once_and_stops(
    stack: Stack,
    package: str,
    is_tidy: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    url = url_of(stack, *BLOCKS)
    async with cutting(stack, 2, 3, is_tidy=is_tidy) as cutter:
        url = url.replace(f":{stack.server.address[1]}/", f":{cutter.port}/")
        code, lines = await run("node", str(SCRIPT), str(PACKAGES), package, url)

    events = [(each["id"], each["data"]) for each in map(json.loads, lines)]
    assert code == 0
    check(events)
    # Two cuts, the rest, and the question that is answered with 204.
    first, *others, last = cutter.last_event_ids
    assert (first, len(others), last) == ("", 2, events[-1][0])


async def test_curl_gets_every_event_once(stack: Stack) -> None:
    url = url_of(stack, *BLOCKS)
    events: list[tuple[str, str]] = []
    async with cutting(stack, 3) as cutter:
        url = url.replace(f":{stack.server.address[1]}/", f":{cutter.port}/")
        codes = []
        for _ in range(2):
            last = ["-H", f"Last-Event-ID: {events[-1][0]}"] if events else []
            code, lines = await run("curl", "-sN", *last, url)
            codes.append(code)
            # A block that was cut is none.
            blocks = "\n".join([*lines, ""]).split("\n\n")[:-1]
            for block in blocks:
                named = dict(line.split(": ", 1) for line in block.split("\n"))
                if "id" in named:
                    events.append((named["id"], named["data"]))

    # 18: the transfer ended in the middle.
    assert codes == [18, 0]
    assert STREAM in url
    check(events)
