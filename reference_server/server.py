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
from typing import Any

import h11
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from .refusals import Refusal, RefusalCode, SettingsError
from .streams.runs import Runs
from .web.stream_endpoints import ABORT_KEY

_log = logging.getLogger(__name__)

_BACKLOG = 2048
# How long uvicorn waits, after the farewell, for sockets that do not take it.
_CLOSE_S = 2
# Room for a Last-Event-ID or a token that is absurd, so that it gets its JSON refusal.
_MAX_HEADER_BYTES = 64 * 1024


class Config(uvicorn.Config):
    """uvicorn's settings, our choices among them and one of our own.

    Args:
        app: what is served.
        request_timeout_s: longest time for a request to be whole, head and body.
        options: uvicorn's own.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        request_timeout_s: float,
        **options: Any,  # noqa: ANN401 -- passed on as they are
    ) -> None:
        super().__init__(app, **{"http": Protocol, "ws": "none", **options})
        self.request_timeout_s = request_timeout_s


class Protocol(H11Protocol):
    """uvicorn's HTTP/1 on h11, which answers HTTP/1.0 without chunks.

    (uvicorn's httptools protocol sends chunked bodies to HTTP/1.0 clients.)

    uvicorn waits for ever for the rest of a request; here it has a time limit that no
    drip of bytes puts off. Between requests uvicorn's own limit counts.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._request_timeout_s = config.request_timeout_s
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in the parent
        """Give the application a way to cut the connection, and await a request."""
        super().connection_made(transport)
        # Closing politely waits for a buffer that a stalled reader never empties.
        self.app_state = {**self.app_state, ABORT_KEY: transport.abort}
        self._update_deadline()

    def data_received(self, data: bytes) -> None:
        """Take bytes of the client."""
        super().data_received(data)
        self._update_deadline()

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, and await nothing more."""
        super().connection_lost(exc)
        self._stop_deadline()

    def _update_deadline(self) -> None:
        is_idle = self.timeout_keep_alive_task is not None
        if not self._owes_request or self.transport.is_closing():
            self._stop_deadline()
        elif self._deadline is None and not is_idle:
            self._deadline = self.loop.call_later(
                self._request_timeout_s, self._on_deadline
            )

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    @property
    def _owes_request(self) -> bool:
        return self.conn.their_state in {h11.IDLE, h11.SEND_BODY}

    def _on_deadline(self) -> None:
        self._deadline = None
        has_head = self.conn.their_state is h11.SEND_BODY
        if has_head and self.cycle.response_started:
            # A body that is not waited for must not spoil its answer.
            if not self.cycle.response_complete:
                return
        elif has_head or self.conn.trailing_data[0]:
            self._refuse_half_request()
        self.transport.close()

    def _refuse_half_request(self) -> None:
        if self.cycle is not None:
            # The application is told that the client is not there any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        response = Refusal(
            RefusalCode.REQUEST_TIMEOUT,
            f"expected a whole request within {self._request_timeout_s:g} s",
            headers={"Connection": "close"},
        ).to_response()
        events = (
            h11.Response(
                status_code=response.status_code,
                headers=response.raw_headers,
                reason=STATUS_PHRASES[response.status_code],
            ),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        )
        for event in events:
            self.transport.write(self.conn.send(event) or b"")


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
        timeout_graceful_shutdown=_CLOSE_S,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        # No access log: a query string may carry what must not be logged.
        access_log=False,
        log_config=None,
    )
    _Server(config, app.state.runs, on_ready).run(sockets=[listener])
