"""Both ends of a recorder, on real sockets.

An upstream that does as it is told, and a server that replays.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeAlias

from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.connection import Connection
from streamproof.fakes.net.http1 import encode_response
from streamproof.fakes.recording import Recordings, Replayer

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    from streamproof.fakes.errors import RequestError
    from streamproof.fakes.net.http1 import Request
    from streamproof.fakes.net.link import Link
    from streamproof.fakes.recording.matching import Kind

    # Talks on one connection, after its request has come.
    Talk: TypeAlias = Callable[
        [bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]
    ]

# Longer than anything here takes on a busy machine.
PATIENCE_S = 20.0
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


@asynccontextmanager
async def upstream(
    talk: Talk, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[int]:
    """Serve one request per connection by `talk`; gives the port."""
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await talk(await read_request(reader), reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            running.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


class Reports:
    """What a recorder tells, line after line."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, line: str) -> None:
        self._lines.put_nowait(line)

    async def next(self) -> str:
        async with asyncio.timeout(PATIENCE_S):
            return await self._lines.get()

    @property
    def is_empty(self) -> bool:
        return self._lines.empty()


class _ReplayServer:
    def __init__(self, recordings: Recordings) -> None:
        self.journal = Journal()
        self._replayer = Replayer(recordings, timers=asyncio.get_running_loop())
        self._asked: Counter[Kind] = Counter()

    def handle(self, request: Request, link: Link) -> None:
        self._replayer.handle(request, link, self.journal, self._asked)

    def refuse(self, error: RequestError, link: Link) -> None:
        link.write(encode_response(error.status, [], b"", keep_alive=False))
        link.finish(keep_alive=False)


@asynccontextmanager
async def replaying(recordings: Recordings) -> AsyncIterator[tuple[str, Journal]]:
    """Replay on a socket; gives the base URL, and the journal."""
    loop = asyncio.get_running_loop()
    handler = _ReplayServer(recordings)
    connections: set[Connection] = set()
    server = await loop.create_server(
        lambda: Connection(handler, loop, connections), "127.0.0.1", 0
    )
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", handler.journal
    finally:
        server.close()
        for connection in tuple(connections):
            connection.shut_down()
            connection.abort()
            await connection.closed
