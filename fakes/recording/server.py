"""A recorder on a socket, in the event loop that is running.

The shell of shells: it owns the listening socket, the open connections, the tasks of
running calls, and the cassette.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ..connection import Connection
from ..errors import StartError
from .cassette import MAX_MS
from .recorder import Desk, Recorder
from .tape import Tape
from .upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

__all__ = ["RecorderSettings", "recording"]

# What is written must leave within this time on shutdown; the CLI promises 2 s.
SHUTDOWN_S: Final = 1.0


def _say_nothing(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecorderSettings:
    """What a recorder can be told at start.

    Args:
        upstream: base URL of the service: what stands before `/v1/…` in its paths.
        cassette: file to write.
        append: add to the file if it is there; without, it must be new.
        ca_file: certificates (PEM) to trust instead of the system's.
        secret_fields: names of further header fields to redact.
        deadline_s: how long a response may take; the OpenAI SDK waits 600 s.
        host: address to listen on; loopback, because it passes keys on unencrypted.
        port: TCP port, 0 for a free one.
        report: told a line about every call.
    """

    upstream: str
    cassette: Path
    append: bool = False
    ca_file: Path | None = None
    secret_fields: frozenset[str] = field(default=frozenset())
    deadline_s: float = 600.0
    host: str = "127.0.0.1"
    port: int = 0
    report: Callable[[str], None] = _say_nothing


@asynccontextmanager
async def recording(settings: RecorderSettings) -> AsyncIterator[str]:
    """Record until left; gives the base URL for the client.

    Raises:
        UpstreamError: the upstream's URL or its certificates are not what they should
            be.
        CassetteError: the cassette cannot be written.
        StartError: the address cannot be listened on, or there is no such deadline.
    """
    if not 0 < settings.deadline_s <= MAX_MS / 1000:
        raise StartError(
            f"expected a deadline above 0 s and of at most {MAX_MS / 1000:g} s, "
            f"got {settings.deadline_s}"
        )
    upstream = Upstream.at(settings.upstream, ca_file=settings.ca_file)
    # The port first: without one there is to be no new file either.
    async with _bound(settings.host, settings.port) as door:
        begin = Tape.extend if settings.append else Tape.create
        with begin(settings.cassette, upstream.url) as tape:
            desk = Desk(
                upstream=upstream,
                tape=tape,
                secret_fields=frozenset(map(str.lower, settings.secret_fields)),
                deadline_s=settings.deadline_s,
                report=settings.report,
            )
            failure: Exception | None = None
            async with asyncio.TaskGroup() as tasks:
                recorder = Recorder(desk, tasks)
                await door.open(recorder)
                try:
                    yield door.url
                except Exception as error:  # noqa: BLE001 -- raised again below
                    # Not from in here: the group would wrap it up.
                    failure = error
                finally:
                    await door.close()
                    recorder.stop()
            if failure is not None:
                raise failure


@asynccontextmanager
async def _bound(host: str, port: int) -> AsyncIterator[_Door]:
    door = _Door()
    try:
        await door.bind(host, port)
    except OSError as error:
        # asyncio puts its own sentence before the kernel's.
        reason = (error.strerror or str(error)).rpartition(": ")[2]
        raise StartError(
            f"cannot listen on {host}:{port}: {reason.lower()}; choose another port, "
            "or 0 for a free one"
        ) from error
    try:
        yield door
    finally:
        await door.close()


class _Door:
    """A port, and the connections that came through it."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._handler: Recorder | None = None
        self._listener: asyncio.Server | None = None
        self.url = ""

    async def bind(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._listener = listener = await loop.create_server(
            self._connect, host, port, start_serving=False
        )
        taken, number = listener.sockets[0].getsockname()[:2]
        place = f"[{taken}]" if ":" in taken else taken
        self.url = f"http://{place}:{number}"

    async def open(self, handler: Recorder) -> None:
        self._handler = handler
        if self._listener is not None:
            await self._listener.start_serving()

    async def close(self) -> None:
        """Hang up; a second time it does nothing."""
        listener, self._listener = self._listener, None
        if listener is None:
            return
        listener.close()
        closed = [connection.closed for connection in self._connections]
        for connection in tuple(self._connections):
            connection.shut_down()
        if closed:
            await asyncio.wait(closed, timeout=SHUTDOWN_S)
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.gather(*closed)
        await listener.wait_closed()

    def _connect(self) -> Connection:
        if self._handler is None:  # pragma: no cover -- nobody is served before
            raise StartError("the recorder is not open yet")
        loop = asyncio.get_running_loop()
        return Connection(self._handler, loop, self._connections)
