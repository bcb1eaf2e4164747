"""Links that hand a response on in smaller writes: slowly, or chunk by chunk.

Each stands between an exchange and its connection and is a link to the one and an
exchange to the other, so that neither knows of it, and the peer's leaving gets through
at once. Until all bytes are handed on the link is full, as a slow peer's is.
Only the head of a response and the sizes of its chunks are looked at. Reads time only
from its `Timers`. Must not know events, providers, or what the bytes say.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Final

from ..net.http1 import CHUNK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..net.link import Cutting, Exchange, Link, Peer, Timer, Timers
    from ..script import Drip, Wire

__all__ = ["Dripping", "Splitting", "narrow"]

HEAD_END: Final = b"\r\n\r\n"
LINE_END: Final = b"\r\n"
# A response of known length is one thing: it has left when all of it has. The head of
# any other has left when its last byte has.
KNOWN_LENGTH: Final = b"\r\ncontent-length: "
CHUNKED: Final = b"\r\ntransfer-encoding: chunked"
# Small writes after which the event loop gets its turn: each is a system call, and so
# many are less than a millisecond.
SLICE: Final = 64


def narrow(link: Link, wire: Wire, drip: Drip | None, timers: Timers) -> Link:
    """Put between a connection and its exchange what the script asks for, if anything.

    Both may be asked for: what is split drips then, `SLICE` chunks of it at a time.
    """
    if drip is not None:
        link = Dripping(link, drip, timers)
    if wire.split is not None:
        link = Splitting(link, wire.split, timers, pause_ms=wire.pause_ms or 0.0)
    return link


class _Narrow(ABC):
    """What both are: in between, and full while bytes wait there."""

    def __init__(self, link: Link, timers: Timers) -> None:
        """Take the connection."""
        self._link = link
        self._timers = timers
        # Attached before anything is written or heard.
        self._exchange: Exchange
        self._timer: Timer | None = None
        # What was asked for behind the last byte.
        self._then: Callable[[], object] | None = None

    @property
    @abstractmethod
    def _is_waiting(self) -> bool:
        """Whether there are bytes that were not handed on yet."""

    @abstractmethod
    def _drop(self) -> None:
        """Forget them."""

    # A link to the exchange.

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or was cut."""
        return self._link.is_open

    @property
    def is_full(self) -> bool:
        """True while bytes wait for their turn, or for the kernel."""
        return self._is_waiting or self._link.is_full

    def attach(self, exchange: Exchange) -> None:
        """Stand between this exchange and the connection."""
        self._exchange = exchange
        self._link.attach(self)

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Take bytes."""

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

    @abstractmethod
    def writable(self) -> None:
        """Go on: the kernel has taken the last write."""

    def peer_left(self, peer: Peer) -> None:
        """Stop, and pass it on."""
        self._stop()
        self._exchange.peer_left(peer)

    def shut_down(self) -> None:
        """Stop, and pass it on."""
        self._stop()
        self._exchange.shut_down()

    # Between the two.

    def _tell_empty(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()
        else:
            self._exchange.writable()

    def _when_empty(self, then: Callable[[], object]) -> None:
        if self._is_waiting:
            self._then = then
        else:
            then()

    def _stop(self) -> None:
        self._drop()
        self._then = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class Dripping(_Narrow):
    """So many bytes every so many ms, of the response's head or of all of it.

    A write ends where the head ends. Absolute schedule: one that is late does not delay
    the next. A peer that does not read does: what it will not take cannot be slow.
    """

    def __init__(self, link: Link, drip: Drip, timers: Timers) -> None:
        """Take the connection, and how slow it is to be."""
        super().__init__(link, timers)
        self._drip = drip
        self._waiting = bytearray()
        # Of the head; None before the first write, which all of it comes in.
        self._head_left: int | None = None
        self._has_body_apart = False
        self._next_at = 0.0
        self._is_pouring = False

    @property
    def _is_waiting(self) -> bool:
        return bool(self._waiting)

    def _drop(self) -> None:
        self._waiting.clear()

    def write(self, data: bytes) -> None:
        """Take bytes; the first leave in the event loop's next turn."""
        if self._head_left is None:
            self._begin(data)
        self._waiting += data
        if self._timer is None and not self._is_pouring:
            self._next_at = max(self._next_at, self._timers.time())
            self._timer = self._timers.call_soon(self._pour)

    def writable(self) -> None:
        """Go on: the kernel has taken the last write."""
        if self._timer is None and not self._is_pouring:
            self._next_at = max(self._next_at, self._timers.time())
            self._pour()

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


class Splitting(_Narrow):
    """Smaller HTTP chunks, each a write of its own, as the head is.

    A body that ends with the connection has no chunks: so many bytes of it are a write.
    One of known length is left as it is. Chunks are cut only when their turn comes, so
    that a long write costs no more at once than a short one.
    """

    def __init__(
        self, link: Link, size: int, timers: Timers, *, pause_ms: float = 0.0
    ) -> None:
        """Take the connection, how many bytes are one write, and the time between."""
        super().__init__(link, timers)
        self._size = size
        self._pause_s = pause_ms / 1000
        # When the next piece is due, if there are pauses.
        self._next_at = 0.0
        self._way: Callable[[bytes], Iterator[bytes]] | None = None
        # What was written behind that which is being cut.
        self._later: deque[bytes] = deque()
        self._pieces: Iterator[bytes] | None = None
        self._ahead: bytes | None = None
        # The head has left before any piece does: a client may leave after it.
        self._is_head_due = False

    @property
    def _is_waiting(self) -> bool:
        return self._pieces is not None

    def _drop(self) -> None:
        self._later.clear()
        self._pieces = None
        self._ahead = None

    def write(self, data: bytes) -> None:
        """Take bytes; the first pieces leave at once, but none with the head."""
        if self._way is None:
            head, end, data = data.partition(HEAD_END)
            self._way = self._way_for(head)
            self._link.write(head + end)
            self._is_head_due = bool(data) and KNOWN_LENGTH not in head
        self._later.append(data)
        if self._pieces is None:
            self._pieces = self._cut_up(self._way)
            if self._is_head_due:
                self._go_on_later()
            else:
                self._hand_on()

    def writable(self) -> None:
        """Go on: the kernel has taken the last write, or the head at least."""
        if not self._is_waiting:
            self._tell_empty()
            return
        self._tell_head()
        if self._timer is None and not self._link.is_full:
            self._pour()

    def _pour(self) -> None:
        """Hand on what may leave in this turn, and tell when it is the rest."""
        self._timer = None
        if self.is_open and not self._link.is_full:
            self._tell_head()
        self._hand_on()
        if not self.is_full and self.is_open:
            self._tell_empty()

    def _hand_on(self) -> None:
        """Write the next pieces; another turn is for the others."""
        for _ in range(SLICE):
            if self._pause_s and self._timers.time() < self._next_at:
                break
            piece = self._take() if self.is_open else None
            if piece is None:
                self._drop()
                return
            self._link.write(piece)
            if self._pause_s:
                self._next_at = self._timers.time() + self._pause_s
                # Nothing waits for a pause behind the last piece.
                self._ahead = self._take()
                if self._ahead is None:
                    self._drop()
                    return
        self._go_on_later()

    def _take(self) -> bytes | None:
        """Return the next piece, if there is one."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None or self._pieces is None:
            return ahead
        return next(self._pieces, None)

    def _go_on_later(self) -> None:
        if self._link.is_full:
            return
        if self._pause_s and self._timers.time() < self._next_at:
            self._timer = self._timers.call_at(self._next_at, self._pour)
        else:
            self._timer = self._timers.call_soon(self._pour)

    def _tell_head(self) -> None:
        if self._is_head_due:
            self._is_head_due = False
            self._exchange.writable()

    def _cut_up(self, way: Callable[[bytes], Iterator[bytes]]) -> Iterator[bytes]:
        while self._later:
            yield from way(self._later.popleft())

    def _way_for(self, head: bytes) -> Callable[[bytes], Iterator[bytes]]:
        if CHUNKED in head:
            return self._chunks
        if KNOWN_LENGTH in head:
            return _undivided
        return self._slices

    def _chunks(self, data: bytes) -> Iterator[bytes]:
        """Cut whole HTTP chunks up; the last one has no data but the same form."""
        at = 0
        while at < len(data):
            start = data.index(LINE_END, at) + len(LINE_END)
            end = start + int(data[at:start], 16)
            if end - start <= self._size:
                yield data[at : end + len(LINE_END)]
            else:
                for piece in self._slices(data, start, end):
                    yield CHUNK % (len(piece), piece)
            at = end + len(LINE_END)

    def _slices(
        self, data: bytes, start: int = 0, end: int | None = None
    ) -> Iterator[bytes]:
        end = len(data) if end is None else end
        for at in range(start, end, self._size):
            yield data[at : min(at + self._size, end)]


def _undivided(data: bytes) -> Iterator[bytes]:
    if data:
        yield data
