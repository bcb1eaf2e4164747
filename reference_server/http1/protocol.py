"""uvicorn's HTTP/1 on h11, with what a server of long responses needs besides.

(uvicorn's httptools protocol sends chunked bodies to HTTP/1.0 clients.)

Every wait for a client has an end. A request has a time limit that no drip of bytes
puts off; between requests uvicorn's own limit counts; a connection that is being closed
is cut when its client takes nothing more. And the application hears of a leave at once,
whatever the client sent before it (see `connection`).
"""

import asyncio
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol
from uvicorn.server import ServerState

from ..refusals import Refusal, RefusalCode
from ..web.stream_endpoints import ABORT_KEY
from .connection import ServerConnection

# Room for a Last-Event-ID or a token that is absurd, so that it gets its JSON refusal.
_MAX_HEAD_BYTES = 64 * 1024
# How long a client may take nothing of an answer whose connection is closing.
_FLUSH_S = 30.0
# The same when the server goes down.
_LAST_FLUSH_S = 2.0
# By then connections are cut and their requests have ended; uvicorn would cancel them.
_SHUTDOWN_S = 3
# A server that restarts is back in a few seconds.
_RETRY_AFTER_S = 5
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})


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
        ours = {
            "http": Protocol,
            "ws": "none",
            "timeout_graceful_shutdown": _SHUTDOWN_S,
        }
        super().__init__(app, **{**ours, **options})
        self.request_timeout_s = request_timeout_s


class Protocol(H11Protocol):
    """One connection."""

    conn: ServerConnection

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = ServerConnection(_MAX_HEAD_BYTES)
        self._request_timeout_s = config.request_timeout_s
        self._flush_s = _FLUSH_S
        # What the client is waited for at the moment, and until when.
        self._awaited: Callable[[], None] | None = None
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
        if self.conn.has_dropped:
            self.cycle.keep_alive = False
        self._update_deadline()

    def eof_received(self) -> None:
        """Take a client that has said its last byte as gone."""
        self._give_up_cycle()
        self.transport.close()
        self._update_deadline()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless an answer is under way already."""
        if self.conn.our_state in {h11.IDLE, h11.SEND_RESPONSE}:
            self._give_up_cycle()
            super().send_400_response(msg)
        elif self.conn.our_state is not h11.SEND_BODY:
            self.transport.close()
        # Else the answer goes on; nothing can follow it, and h11 knows.

    def on_response_complete(self) -> None:
        """Go on to the next request."""
        super().on_response_complete()
        self._update_deadline()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without a next request."""
        super().timeout_keep_alive_handler()
        self._update_deadline()

    def shutdown(self) -> None:
        """End the connection: after its answer, with a refusal, or at once."""
        self._flush_s = _LAST_FLUSH_S
        if self._is_answering:
            self.cycle.keep_alive = False
            self.loop.call_later(_LAST_FLUSH_S, self.transport.abort)
            return
        if self._has_half_request:
            self._refuse_half_request(
                RefusalCode.SERVER_DRAINING,
                "the server is shutting down",
                {"Retry-After": str(_RETRY_AFTER_S)},
            )
        self.transport.close()
        self._update_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application, and await nothing more."""
        super().connection_lost(exc)
        self._await(None)

    def _update_deadline(self) -> None:
        is_idle = self.timeout_keep_alive_task is not None
        if self.transport.is_closing():
            self._await(self.transport.abort, self._flush_s)
        elif self.conn.their_state not in {h11.IDLE, h11.SEND_BODY}:
            self._await(None)
        elif not is_idle:
            self._await(self._end_request_time, self._request_timeout_s)

    def _await(self, at_end: Callable[[], None] | None, limit_s: float = 0.0) -> None:
        """Wait for the client, `limit_s` from the first time that this is asked for."""
        if at_end == self._awaited:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._awaited = at_end
        self._deadline = None
        if at_end is not None:
            self._deadline = self.loop.call_later(limit_s, self._time_out)

    def _time_out(self) -> None:
        at_end, self._awaited, self._deadline = self._awaited, None, None
        if at_end is not None:
            at_end()

    def _end_request_time(self) -> None:
        if self._is_answering:
            # A body that is not waited for must not spoil its answer.
            return
        if self._has_half_request:
            self._refuse_half_request(
                RefusalCode.REQUEST_TIMEOUT,
                f"expected a whole request within {self._request_timeout_s:g} s",
            )
        self.transport.close()
        self._update_deadline()

    @property
    def _is_at_work(self) -> bool:
        """Whether the application has not finished its answer."""
        if self.cycle is None:  # before the first request, whatever its type says
            return False
        return not self.cycle.response_complete

    @property
    def _is_answering(self) -> bool:
        """Whether a response is owed or under way that must not be spoilt."""
        if not self._is_at_work:
            return False
        is_whole = self.conn.their_state is not h11.SEND_BODY
        return is_whole or self.cycle.response_started

    @property
    def _has_half_request(self) -> bool:
        if self.conn.their_state is h11.SEND_BODY:
            return not self.cycle.response_started
        return bool(self.conn.trailing_data[0])

    def _refuse_half_request(
        self, code: RefusalCode, message: str, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self._give_up_cycle()
        refusal = Refusal(code, message, headers={**headers, "Connection": "close"})
        response = refusal.to_response()
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

    def _give_up_cycle(self) -> None:
        """Tell the application that its client is gone, if it is still at work."""
        if not self._is_at_work:
            return
        self.cycle.disconnected = True
        self.cycle.message_event.set()
        # A writer that waits for the socket waits no more.
        self.flow.resume_writing()
