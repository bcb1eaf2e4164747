"""Running the application under uvicorn: sockets, signals, farewell.

uvicorn on its own closes its listeners at SIGTERM and then waits for open streams for
ever, or cuts them without a word (failure-modes.md, finding 3). Here a signal starts a
drain first: new streams are refused with 503 while the listeners stay open, running
ones may finish, the rest are told, and only then does uvicorn shut down.
"""

import asyncio
import errno
import gc
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette

from .http1.protocol import Config
from .refusals import SettingsError
from .streams.runs import Runs

_log = logging.getLogger(__name__)

_BACKLOG = 2048


class _Server(uvicorn.Server):
    """uvicorn's server with our signals and our word for being ready."""

    def __init__(
        self, config: uvicorn.Config, runs: Runs, on_ready: Callable[[int], None]
    ) -> None:
        super().__init__(config)
        self._runs = runs
        self._on_ready = on_ready
        self._drain: asyncio.Task[None] | None = None

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take the signals for the time that the server runs.

        uvicorn would raise them again at the end, which turns a clean exit into a death
        by signal.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and say so."""
        await super().startup(sockets)
        # A hundred thousand objects of LangGraph and its libraries stay for good; one
        # full collection of them stops all streams for some 80 ms. Frozen, they are not
        # looked at again.
        gc.collect()
        gc.freeze()
        for listener in sockets or []:
            self._on_ready(listener.getsockname()[1])

    def _on_signal(self) -> None:
        if self._drain is None:
            _log.info("draining")
            self._drain = asyncio.get_running_loop().create_task(self._drain_and_exit())
        else:
            self._runs.hurry()

    async def _drain_and_exit(self) -> None:
        try:
            await self._runs.drain()
        finally:
            self.should_exit = True


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound to the address; port 0 takes a free one.

    Raises:
        SettingsError: the address is not to be had.
    """
    if not host.strip():
        # For the socket it would mean every address, which is not to be had by a slip.
        raise SettingsError("host: expected an address of this machine, got none")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except (OSError, TypeError) as error:
        listener.close()
        raise _describe_failure(host, port, error) from error
    return listener


def _describe_failure(
    host: str, port: int, error: OSError | TypeError
) -> SettingsError:
    reason = getattr(error, "strerror", None) or str(error)
    if _is_about_host(error):
        return SettingsError(
            f"host: expected an address of this machine, got {host!r}: {reason}"
        )
    return SettingsError(f"port: expected a free address, got {host}:{port}: {reason}")


def _is_about_host(error: OSError | TypeError) -> bool:
    # A name that is not known, one that no name can be, and an address elsewhere.
    if isinstance(error, TypeError | socket.gaierror):
        return True
    return error.errno == errno.EADDRNOTAVAIL


def serve(
    app: Starlette,
    listener: socket.socket,
    on_ready: Callable[[int], None],
    *,
    request_timeout_s: float,
) -> None:
    """Serve until a signal comes, and end all streams with a word."""
    config = Config(
        app,
        request_timeout_s=request_timeout_s,
        lifespan="on",
        server_header=False,
        backlog=_BACKLOG,
        # No access log: a query string may carry what must not be logged.
        access_log=False,
        log_config=None,
    )
    _Server(config, app.state.runs, on_ready).run(sockets=[listener])
