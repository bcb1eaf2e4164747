"""A connection without a socket: bytes the fakes write, read as a client reads them.

What is written is HTTP/1.1 as on a socket, and h11 reads it, so that a fault means to
an in-process client what it means to one on the network. Must not know how time
passes, or which library the client is made with.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import h11

from ..net.link import Peer
from .errors import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..net.link import Cutting, Exchange

__all__ = ["MemoryLink"]

# How httpx words what h11 says of a connection that ends too early.
CUT_SHORT = "peer closed connection without sending complete message body"
NO_ANSWER = "Server disconnected without sending a response."


class MemoryLink:
    """One request's side of the fakes, and what its client reads of the answer."""

    def __init__(self, method: str, on_news: Callable[[MemoryLink], None]) -> None:
        """Wait for an exchange; `on_news` is called whenever there is more to read."""
        self._reader = h11.Connection(h11.CLIENT)
        # The reader must know the method: a HEAD's answer has no body.
        self._reader.send(
            h11.Request(method=method, target="/", headers=[("host", "fakes")])
        )
        self._reader.send(h11.EndOfMessage())
        self._on_news = on_news
        self._exchange: Exchange | None = None
        self._is_open = True
        self._left = False
        self._head: h11.Response | None = None
        self._pieces: deque[bytes] = deque()
        self._is_whole = False
        self._fault: BrokenOffError | None = None

    # What an exchange does.

    @property
    def is_open(self) -> bool:
        """False once the client has left or the connection was cut."""
        return self._is_open

    @property
    def is_full(self) -> bool:
        """False: there is always room for what a client will read."""
        return False

    def attach(self, exchange: Exchange) -> None:
        """Tell this exchange of the client's leaving, until it finishes."""
        self._exchange = exchange

    def write(self, data: bytes) -> None:
        """Let the client read this."""
        if self._is_open and data:
            self._receive(data)

    def finish(self, *, keep_alive: bool) -> None:
        """Let the response be over, and the connection with it unless kept."""
        self._exchange = None
        if not keep_alive:
            self._end()

    def cut(self, how: Cutting) -> None:
        """Let the client see the connection's end, or a reset."""
        self._exchange = None
        self._is_open = False
        if how == "rst":
            self._break("ReadError", "connection reset by peer")
        else:
            self._end()

    def when_delivered(self, callback: Callable[[], object]) -> None:
        """Call back at once: what is written can be read."""
        callback()

    # What a client does.

    @property
    def head(self) -> tuple[int, Sequence[tuple[bytes, bytes]]] | None:
        """Status and header fields, once they are there.

        Raises:
            BrokenOffError: the connection ended before.
        """
        if self._head is None:
            if self._fault is not None:
                raise self._fault
            return None
        return self._head.status_code, self._head.headers.raw_items()

    @property
    def is_held(self) -> bool:
        """Whether the call waits for another request, outside of time."""
        return self._exchange is not None and self._exchange.is_held

    @property
    def has_left(self) -> bool:
        """Whether the client has left, so that nothing will come."""
        return self._left

    @property
    def has_news(self) -> bool:
        """Whether a read would return at once."""
        return (
            bool(self._pieces)
            or self._is_whole
            or self._fault is not None
            or self._left
        )

    def read(self) -> bytes:
        """Return the next piece of the body as it was written, b"" at its end.

        Only while `has_news`.

        Raises:
            BrokenOffError: the connection ended too early.
        """
        if self._pieces:
            return self._pieces.popleft()
        if self._fault is not None:
            raise self._fault
        return b""

    def leave(self) -> None:
        """Hang up, as a client that closes its side."""
        exchange, self._exchange = self._exchange, None
        self._is_open = False
        self._left = True
        self._pieces.clear()
        if exchange is not None:
            exchange.peer_left(Peer.FIN)
        self._on_news(self)

    def _receive(self, data: bytes) -> None:
        self._reader.receive_data(data)
        self._parse()
        self._on_news(self)

    def _end(self) -> None:
        """Take the connection's end, which may also be the body's."""
        if self._is_whole or self._fault is not None:
            return
        self._reader.receive_data(b"")
        self._parse()
        self._on_news(self)

    def _parse(self) -> None:
        while not self._is_whole and self._fault is None:
            try:
                event = self._reader.next_event()
            except h11.RemoteProtocolError:
                message = NO_ANSWER if self._head is None else CUT_SHORT
                self._break("RemoteProtocolError", message)
                return
            if isinstance(event, h11.Response):
                self._head = event
            elif isinstance(event, h11.Data):
                self._pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                self._is_whole = True
            else:
                return

    def _break(self, kind: str, message: str) -> None:
        self._fault = BrokenOffError(kind, message)
        self._on_news(self)
