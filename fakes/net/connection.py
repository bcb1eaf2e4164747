"""One TCP connection: the shell between asyncio's callbacks and everything pure.

Watches the socket all the time, so that FIN, RST and write errors reach the running
exchange at once. Knows HTTP framing of requests, nothing of providers or scripts.
Bounded: an unfinished request is limited by `RequestReader`; while an exchange runs,
at most `MAX_BUFFERED_BYTES` of pipelined requests are read (behind such a flood a FIN
is heard only once the exchange is over).
"""

from __future__ import annotations

import asyncio
import fcntl
import socket
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from ..errors import RequestError
from .http1 import CONTINUE, MAX_BUFFERED_BYTES, RequestReader
from .link import Peer

if TYPE_CHECKING:
    from collections.abc import Callable

    from .link import Cutting, Exchange, Handler

__all__ = ["Connection"]

# A request must be complete this long after its first byte (nginx waits 60 s for
# each of head and body; SDKs send both at once).
REQUEST_DEADLINE_S: Final = 30.0
# Longer than any client pool keeps an idle connection (httpx: 5 s), so that we never
# close one just as it is used again.
IDLE_DEADLINE_S: Final = 120.0
# How long a client may take to close after our last byte.
LINGER_S: Final = 2.0
# How long a connection that is half closed on purpose may stay so: a client that does
# not notice is what is being looked for, and reads time out after less.
HALF_CLOSED_S: Final = 30.0
# How often the kernel is asked whether the peer acknowledged everything. There is no
# event for it. Linux delays an acknowledgement by up to 40 ms, so this is fine enough.
ACK_POLL_S: Final = 0.001
# Each pause is so much longer than the one before it: the answer comes late by a tenth
# of the wait at most, and a client that does not read costs little.
ACK_POLL_GROWTH: Final = 1.1
MAX_ACK_POLL_S: Final = 0.1
# Longer than any client that means to read leaves its window closed.
ACK_DEADLINE_S: Final = 10.0
# struct linger {on, 0 s}: close() resets the connection (socket(7), SO_LINGER).
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Connection(asyncio.Protocol):
    """Requests in, responses out, one at a time, in order."""

    def __init__(
        self,
        handler: Handler,
        loop: asyncio.AbstractEventLoop,
        connections: set[Connection],
    ) -> None:
        """Wait for `connection_made`; `connections` holds every open one."""
        self._handler = handler
        self._loop = loop
        self._connections = connections
        self._reader = RequestReader()
        self._exchange: Exchange | None = None
        self._is_busy = False
        # Whether written bytes still wait for the kernel to take them.
        self.is_full = False
        self._is_closing = False
        self._has_continued = False
        self._linger_s = LINGER_S
        self._deadline: asyncio.TimerHandle | None = None
        self.closed: asyncio.Future[None] = loop.create_future()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)

    # What asyncio tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock for the first request."""
        self._transport = cast("asyncio.Transport", transport)
        # Any byte that the kernel does not take pauses us: a token counts as sent
        # only once it has left this process.
        self._transport.set_write_buffer_limits(high=0)
        self._connections.add(self)
        self._set_deadline(IDLE_DEADLINE_S)

    def data_received(self, data: bytes) -> None:
        """Take request bytes; what is pipelined behind a running one must wait."""
        if self._is_closing:
            return
        if self._reader.is_idle and not self._is_busy:
            self._set_deadline(REQUEST_DEADLINE_S)
        self._reader.feed(data)
        if not self._is_busy:
            self._next()
        elif self._reader.buffered > MAX_BUFFERED_BYTES:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """Take a FIN as the peer's leaving, as servers of this kind do."""
        is_cut_short = self._exchange is not None
        self._lose(Peer.FIN)
        if is_cut_short:
            self._transport.abort()
        else:
            self._await_close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange, unless we closed or it knows already."""
        is_reset = isinstance(exc, ConnectionResetError)
        if exc is not None:
            self._lose(Peer.RST if is_reset else Peer.WRITE_ERROR)
        self._set_deadline(None)
        self._exchange = None
        self._connections.discard(self)
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """Take note that the kernel did not take everything."""
        self.is_full = True

    def resume_writing(self) -> None:
        """Tell the exchange that the kernel has taken everything."""
        self.is_full = False
        if self._exchange is not None:
            self._exchange.writable()
        elif self._is_closing:
            self._loop.call_soon(self._close_our_side)

    # What an exchange may do.

    def attach(self, exchange: Exchange) -> None:
        """Tell this exchange of everything that happens until it finishes."""
        self._exchange = exchange

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or was cut."""
        return not self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Hand bytes to the kernel, or queue them."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def finish(self, *, keep_alive: bool) -> None:
        """End the response; then the next request, or the connection's end."""
        self._exchange = None
        if not keep_alive:
            self._linger()
            return
        # Not at once: a thousand pipelined requests would be a thousand frames deep.
        self._loop.call_soon(self._become_ready)

    def cut(self, how: Cutting) -> None:
        """Close the connection in the middle of a response."""
        self._is_closing = True
        self._exchange = None
        if how == "half_close":
            self._linger_s = HALF_CLOSED_S
            self._linger()
            return
        if how == "fin":
            self._transport.close()
            return
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._transport.abort()

    def when_delivered(self, callback: Callable[[], object]) -> None:
        """Call back once the peer's kernel has acknowledged every byte, or never will.

        It never will while the client does not read: after `ACK_DEADLINE_S` it has had
        its chance.
        """
        deadline = self._loop.time() + ACK_DEADLINE_S
        self._ask_if_delivered(callback, ACK_POLL_S, deadline)

    def _ask_if_delivered(
        self, callback: Callable[[], object], pause_s: float, deadline: float
    ) -> None:
        if self._transport.is_closing():
            return
        waiting = fcntl.ioctl(self._socket.fileno(), termios.TIOCOUTQ, b"\0" * 4)
        is_delivered = not self.is_full and struct.unpack("i", waiting)[0] == 0
        if is_delivered or self._loop.time() >= deadline:
            callback()
            return
        longer_s = min(pause_s * ACK_POLL_GROWTH, MAX_ACK_POLL_S)
        self._loop.call_later(
            pause_s, self._ask_if_delivered, callback, longer_s, deadline
        )

    # What the server may do.

    def shut_down(self) -> None:
        """Let the exchange close its record, then close once all is written."""
        self._is_closing = True
        if self._exchange is not None:
            self._exchange.shut_down()
        self._exchange = None
        self._transport.close()

    def abort(self) -> None:
        """Close now, whatever is still unwritten."""
        self._transport.abort()

    # Between requests.

    @property
    def _socket(self) -> socket.socket:
        return cast("socket.socket", self._transport.get_extra_info("socket"))

    def _next(self) -> None:
        """Start on the next request if it is complete."""
        try:
            request = self._reader.next_request()
        except RequestError as error:
            self._refuse(error)
            return
        if request is None and self._reader.is_behind:
            self._transport.pause_reading()
            self._loop.call_soon(self._read_on)
            return
        if request is None:
            self._maybe_continue()
            return
        self._set_deadline(None)
        self._is_busy = True
        self._has_continued = False
        self._handler.handle(request, self)

    def _read_on(self) -> None:
        """Read more of a request in very many chunks, after others had their turn."""
        if not self._is_busy and not self._transport.is_closing():
            self._transport.resume_reading()
            self._next()

    def _become_ready(self) -> None:
        self._is_busy = False
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._set_deadline(
            IDLE_DEADLINE_S if self._reader.is_idle else REQUEST_DEADLINE_S
        )
        self._next()

    def _maybe_continue(self) -> None:
        if self._reader.wants_continue and not self._has_continued:
            self._has_continued = True
            self.write(CONTINUE)

    def _linger(self) -> None:
        """Close our side; read on, or the kernel would answer unread bytes with RST.

        "First, the server performs a half-close by closing only the write side of the
        read/write connection. The server then continues to read from the connection
        until it receives a corresponding close by the client" (RFC 9112, 9.6,
        https://www.rfc-editor.org/rfc/rfc9112#section-9.6).
        """
        self._is_closing = True
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        self._await_close()
        self._loop.call_soon(self._close_our_side)

    def _close_our_side(self) -> None:
        """Send a FIN behind the last byte, once that has left.

        In a turn of its own: asyncio, when it is asked for one while it writes, asks
        the kernel a second time, and fails if the client has closed meanwhile.
        """
        if self.is_full or self._transport.is_closing():
            return
        # A peer that reset the connection meanwhile is heard of only in the next turn.
        with suppress(OSError):
            self._transport.write_eof()
        self._await_close()

    def _await_close(self) -> None:
        """Give the client time to close, counted from our last byte."""
        self._set_deadline(IDLE_DEADLINE_S if self.is_full else self._linger_s)

    def _refuse(self, error: RequestError) -> None:
        self._is_busy = True
        self._set_deadline(None)
        self._handler.refuse(error, self)

    def _lose(self, peer: Peer) -> None:
        exchange, self._exchange = self._exchange, None
        self._is_closing = True
        if exchange is not None:
            exchange.peer_left(peer)

    def _set_deadline(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None
        if seconds is not None:
            self._deadline = self._loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if self._is_closing or self._reader.is_idle:
            self._transport.abort()
            return
        self._refuse(
            RequestError(
                f"expected a whole request within {REQUEST_DEADLINE_S:g} s",
                status=408,
            )
        )
