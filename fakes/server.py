"""A fakes server on a socket, in the event loop that is running.

The shell of shells: it owns the listening socket and the set of open connections.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, Self

from .app import App
from .connection import Connection
from .errors import StartError
from .script import Library, load_library
from .wheel import Wheel

if TYPE_CHECKING:
    from types import TracebackType

    from .journal import Journal
    from .recording import Recordings
    from .settings import Settings

__all__ = ["Server"]

# More connections at once than any burst test opens; the kernel caps it anyway.
BACKLOG: Final = 4096
# What is written must leave within this time on shutdown; the CLI promises 2 s.
SHUTDOWN_S: Final = 1.0


class Server:
    """Listens until closed.

    Use as `async with Server(settings) as server: … server.url …`.
    """

    def __init__(
        self, settings: Settings, recordings: Recordings | None = None
    ) -> None:
        """Take the settings; with recordings, all that is said comes out of these."""
        self._settings = settings
        self._recordings = recordings
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._app: App | None = None

    @property
    def url(self) -> str:
        """Base URL, with the port that was really taken."""
        if self._listener is None:
            raise StartError("the server is not running, start it first")
        host, port = self._listener.sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def journal(self) -> Journal:
        """What happened so far."""
        if self._app is None:
            raise StartError("the server is not running, start it first")
        return self._app.journal

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        return len(self._connections)

    async def start(self) -> None:
        """Load the scripts and listen.

        Raises:
            ScriptError: the scripts file is not what it should be.
            StartError: the address cannot be listened on, or scripts came twice.
        """
        if self._listener is not None:
            raise StartError("the server is running already, close it first")
        settings = self._settings
        library = _library(settings)
        loop = asyncio.get_running_loop()
        timers = Wheel(loop)
        app = self._app = App(
            seed=settings.seed,
            library=library,
            timers=timers,
            version=_version(),
            recordings=self._recordings,
        )
        try:
            self._listener = await loop.create_server(
                lambda: Connection(app, loop, self._connections),
                settings.host,
                settings.port,
                backlog=BACKLOG,
            )
        except (OSError, OverflowError) as error:
            # asyncio puts its own sentence before the kernel's; a port may be none.
            words = getattr(error, "strerror", None) or str(error)
            reason = words.rpartition(": ")[2]
            raise StartError(
                f"cannot listen on {settings.host}:{settings.port}: {reason.lower()}; "
                "choose another port, or 0 for a free one"
            ) from error

    async def close(self) -> None:
        """Stop listening, close every record as `shutdown`, and hang up."""
        if self._listener is None:
            return
        self._listener.close()
        closed = [connection.closed for connection in self._connections]
        for connection in tuple(self._connections):
            connection.shut_down()
        if self._app is not None:
            self._app.shut_down()
        if closed:
            await asyncio.wait(closed, timeout=SHUTDOWN_S)
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.gather(*closed)
        await self._listener.wait_closed()
        self._listener = None

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()


def _library(settings: Settings) -> Library:
    if settings.scripts is None:
        return settings.library or Library()
    if settings.library is not None:
        raise StartError("expected a scripts file or a library, got both")
    return load_library(settings.scripts)


def _version() -> str:
    try:
        return version("streamproof")
    except PackageNotFoundError:  # pragma: no cover -- run from a bare checkout
        return "unknown"
