"""Links that hand a response on in smaller writes: slowly, or chunk by chunk.

Each stands between an exchange and its connection and is a link to the one and an
exchange to the other, so that neither knows of it, and the peer's leaving gets through
at once. Until all bytes are handed on the link is full, as a slow peer's is.
The only part of a response that is looked at is its head. Reads time only from its
`Timers`. Must not know events, providers, or what the bytes say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .call import Peer
    from .link import Cutting, Exchange, Link, Timer, Timers
    from .script import Drip, Wire

__all__ = ["Dripping", "Splitting", "narrow"]

HEAD_END: Final = b"\r\n\r\n"
# A response of known length is one thing: it has left when all of it has. The head of
# any other has left when its last byte has.
KNOWN_LENGTH: Final = b"\r\ncontent-length: "
CHUNKED: Final = b"\r\ntransfer-encoding: chunked"


def narrow(link: Link, wire: Wire, drip: Drip | None, timers: Timers) -> Link:
    """Put between a connection and its exchange what the script asks for, if anything.

    Both may be asked for: what is split drips then, one write of it after the other.
    """
    if drip is not None:
        link = Dripping(link, drip, timers)
    if wire.split is not None:
        link = Splitting(link, wire.split)
    return link


class Dripping:
    """So many bytes every so many ms, of the response's head or of all of it.

    A write ends where the head ends. Absolute schedule: one that is late does not delay
    the next. A peer that does not read does: what it will not take cannot be slow.
    """

    def __init__(self, link: Link, drip: Drip, timers: Timers) -> None:
        """Take the connection, and how slow it is to be."""
        self._link = link
        self._drip = drip
        self._timers = timers
        # Attached before anything is written or heard.
        self._exchange: Exchange
        self._waiting = bytearray()
        # Of the head; None before the first write, which all of it comes in.
        self._head_left: int | None = None
        self._has_body_apart = False
        self._next_at = 0.0
        self._timer: Timer | None = None
        self._is_pouring = False
        # What was asked for behind the last byte.
        self._then: Callable[[], object] | None = None

    # A link to the exchange.

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or was cut."""
        return self._link.is_open

    @property
    def is_full(self) -> bool:
        """True while bytes wait for their turn, or for the kernel."""
        return bool(self._waiting) or self._link.is_full

    def attach(self, exchange: Exchange) -> None:
        """Stand between this exchange and the connection."""
        self._exchange = exchange
        self._link.attach(self)

    def write(self, data: bytes) -> None:
        """Take bytes; the first leave in the event loop's next turn."""
        if self._head_left is None:
            self._begin(data)
        self._waiting += data
        if self._timer is None and not self._is_pouring:
            self._next_at = max(self._next_at, self._timers.time())
            self._timer = self._timers.call_soon(self._pour)

    def finish(self, *, keep_alive: bool) -> None:
        """Let the response be over once it has left."""
        self._when_empty(lambda: self._link.finish(keep_alive=keep_alive))

    def cut(self, how: Cutting) -> None:
        """Close the connection behind what was written."""
        self._when_empty(lambda: self._link.cut(how))

    def when_delivered(self, callback: Callable[[], object]) -> None:
        """Call back once the peer's kernel has acknowledged every byte."""
        self._when_empty(lambda: self._link.when_delivered(callback))

    # An exchange to the connection.

    @property
    def is_held(self) -> bool:
        """Whether the exchange waits at a gate."""
        return self._exchange.is_held

    def writable(self) -> None:
        """Go on: the kernel has taken the last write."""
        if self._timer is None and not self._is_pouring:
            self._next_at = max(self._next_at, self._timers.time())
            self._pour()

    def peer_left(self, peer: Peer) -> None:
        """Stop, and pass it on."""
        self._stop()
        self._exchange.peer_left(peer)

    def shut_down(self) -> None:
        """Stop, and pass it on."""
        self._stop()
        self._exchange.shut_down()

    # Between the two.

    def _begin(self, data: bytes) -> None:
        head, end, _ = data.partition(HEAD_END)
        self._head_left = len(head) + len(end)
        self._has_body_apart = KNOWN_LENGTH not in head

    def _pour(self) -> None:
        """Hand on what is due, then wait for the rest to be."""
        self._timer = None
        self._is_pouring = True
        while self._link.is_open and not self._link.is_full:
            if not self._waiting:
                self._is_pouring = False
                self._tell_empty()
                return
            if self._is_slow:
                if self._next_at > self._timers.time():
                    self._timer = self._timers.call_at(self._next_at, self._pour)
                    break
                self._next_at += self._drip.each_ms / 1000
            self._hand_on()
        self._is_pouring = False

    @property
    def _is_slow(self) -> bool:
        return self._drip.of == "all" or bool(self._head_left)

    def _hand_on(self) -> None:
        """Write the next bytes, and tell when they are the last of the head."""
        left = self._head_left or 0
        size = self._drip.bytes if self._is_slow else len(self._waiting)
        if left:
            size = min(size, left)
        piece = bytes(self._waiting[:size])
        del self._waiting[:size]
        self._link.write(piece)
        self._head_left = max(left - size, 0)
        is_end_of_head = left > 0 and not self._head_left
        if is_end_of_head and self._has_body_apart:
            self._exchange.writable()

    def _tell_empty(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()
        else:
            self._exchange.writable()

    def _when_empty(self, then: Callable[[], object]) -> None:
        if self._waiting:
            self._then = then
        else:
            then()

    def _stop(self) -> None:
        self._waiting.clear()
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Splitting:
    """Each HTTP chunk is a write of its own, and so is the head.

    A body that ends with the connection has no chunks: so many bytes of it are a write.
    """

    def __init__(self, link: Link, size: int) -> None:
        """Take the connection, and how many bytes of a body are one write."""
        self._link = link
        self._size = size
        self._pieces_of: Callable[[bytes], Iterator[bytes]] | None = None

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or was cut."""
        return self._link.is_open

    @property
    def is_full(self) -> bool:
        """True while written bytes still wait for the kernel to take them."""
        return self._link.is_full

    def attach(self, exchange: Exchange) -> None:
        """Tell this exchange of everything that happens; nothing is kept back here."""
        self._link.attach(exchange)

    def write(self, data: bytes) -> None:
        """Hand bytes on, piece by piece."""
        if self._pieces_of is None:
            head, end, data = data.partition(HEAD_END)
            self._pieces_of = self._way_for(head)
            self._link.write(head + end)
        for piece in self._pieces_of(data):
            self._link.write(piece)

    def finish(self, *, keep_alive: bool) -> None:
        """Let the response be over."""
        self._link.finish(keep_alive=keep_alive)

    def cut(self, how: Cutting) -> None:
        """Close the connection now."""
        self._link.cut(how)

    def when_delivered(self, callback: Callable[[], object]) -> None:
        """Call back once the peer's kernel has acknowledged every byte."""
        self._link.when_delivered(callback)

    def _way_for(self, head: bytes) -> Callable[[bytes], Iterator[bytes]]:
        if CHUNKED in head:
            return _chunks
        if KNOWN_LENGTH in head:
            return _undivided
        return self._slices

    def _slices(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), self._size):
            yield data[start : start + self._size]


def _chunks(data: bytes) -> Iterator[bytes]:
    """Take whole HTTP chunks apart; the last one has no data but the same form."""
    while data:
        size, end, _ = data.partition(b"\r\n")
        length = len(size) + len(end) + int(size, 16) + len(b"\r\n")
        yield data[:length]
        data = data[length:]


def _undivided(data: bytes) -> Iterator[bytes]:
    if data:
        yield data
