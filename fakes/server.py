"""A fakes server on a socket, in the event loop that is running.

The shell of shells: it makes the application, and opens the door to it.
"""

from __future__ import annotations

import asyncio
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Self

from .app import App
from .errors import StartError
from .net.door import Door
from .net.wheel import Wheel
from .script import Library, load_library

if TYPE_CHECKING:
    from types import TracebackType

    from .calls.journal import Journal
    from .net.connection import Connection
    from .recording import Recordings
    from .settings import Settings

__all__ = ["Server"]


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
        self._door: Door | None = None
        self._app: App | None = None

    @property
    def url(self) -> str:
        """Base URL, with the port that was really taken."""
        if self._door is None:
            raise StartError("the server is not running, start it first")
        return self._door.url

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
            StartError: the address cannot be listened on, scripts came twice, or it
                runs already.
        """
        if self._door is not None:
            raise StartError("the server is running already, close it first")
        settings = self._settings
        library = _library(settings)
        app = App(
            seed=settings.seed,
            library=library,
            timers=Wheel(asyncio.get_running_loop()),
            version=_version(),
            recordings=self._recordings,
        )
        self._door = await Door.bind(settings.host, settings.port, self._connections)
        self._app = app
        await self._door.open(app)

    async def close(self) -> None:
        """Stop listening, close every record as `shutdown`, and hang up."""
        if self._door is None:
            return
        self._door.hang_up()
        if self._app is not None:
            self._app.shut_down()
        await self._door.close()
        self._door = None

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
    return load_library(Path(settings.scripts))


def _version() -> str:
    try:
        return version("streamproof")
    except PackageNotFoundError:  # pragma: no cover -- run from a bare checkout
        return "unknown"
