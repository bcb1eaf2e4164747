"""A fakes server in a thread of its own: for tests that have no event loop, or theirs.

The shell around `Server`: a thread, a loop, and a way to stop both.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, Self

from .errors import StartError
from .server import Server
from .settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from .recording import Recordings

__all__ = ["ThreadServer"]

# The server closes its connections within 1 s; what takes longer is stuck.
STOP_S: Final = 5.0


class ThreadServer:
    """Listens from `start` to `close`, whatever the caller's thread does.

    Use as `with ThreadServer() as server: … server.url …`.
    """

    def __init__(
        self, settings: Settings | None = None, recordings: Recordings | None = None
    ) -> None:
        """Take the settings; with recordings, all that is said comes out of these.

        Nothing happens before `start`.
        """
        self._settings = settings or Settings()
        self._recordings = recordings
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Base URL, with the port that was really taken."""
        if self._thread is None:
            raise StartError("the server is not running, start it first")
        return self._url

    def start(self) -> None:
        """Listen.

        Raises:
            ScriptError: the scripts file is not what it should be.
            StartError: the address cannot be listened on, or it runs already.
        """
        if self._thread is not None:
            raise StartError("the server is running already, close it first")
        started: Future[str] = Future()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(started)),
            name="streamproof-fakes",
            daemon=True,
        )
        self._thread.start()
        try:
            self._url = started.result()
        except BaseException:
            self._thread.join()
            self._thread = None
            raise

    def close(self) -> None:
        """Close every record as `shutdown`, hang up, and end the thread."""
        thread, self._thread = self._thread, None
        if thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(STOP_S)
        if thread.is_alive():
            raise StartError(f"the server did not stop within {STOP_S:g} s")

    async def _serve(self, started: Future[str]) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with Server(self._settings, self._recordings) as server:
                started.set_result(server.url)
                await self._stop.wait()
        except Exception as error:
            # `start` raises it; once the server has started, nothing waits for it.
            if started.done():
                raise
            started.set_exception(error)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()
