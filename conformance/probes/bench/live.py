"""One live exchange: it is read in the background while the probe waits for things.

Owns the connection from connecting to leaving. What arrives is stamped and kept as it
is, and decoded only so that a probe can wait for events. Nothing a target does raises
here: it becomes the `Ending` of the transcript. Must not judge.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

import anyio

from ...model import Exchange, Request
from ...profiles import Profile
from ...profiles.items import Heartbeat, is_token, read_item
from ...profiles.typed import TypedEvent
from ...wire import (
    Block,
    Chunk,
    Comment,
    Decoder,
    Ending,
    EndingKind,
    Event,
    LimitExceeded,
    Transcript,
)
from ..carriers.connection import Connection, Target
from ..carriers.http1 import Body, End, Head, ResponseReader, encode_request
from .allowance import Allowance, weigh

MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_ITEMS = 20_000
"""More than any stream of a probe has, by a factor of a hundred; a flood must end in a
finding. What many floods at once take is for the run's `Allowance` to bound."""

_SLICE_BYTES = 256


class Leave(StrEnum):
    """How a probe closes its side."""

    FIN = "fin"
    RST = "rst"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to send, where, and how long to read at most.

    Attributes:
        label: unique in its probe.
        user: in whose name, for the evidence.
        credential: takes the place of `$TOKEN` in the request.
        token: what the credential is, in words, where it is no good one of `user`.
        deadline_s: the whole exchange is given up after this time.
    """

    label: str
    user: str
    target: Target
    request: Request
    credential: str = ""
    token: str = ""
    http_version: str = "1.1"
    deadline_s: float


class LiveExchange:
    """A running exchange.

    Attributes:
        events: the protocol's own events so far: no heartbeats, no sentinel.
        heartbeats: how many heartbeats came.
        tokens: how many events with text of the model came.
    """

    def __init__(
        self,
        order: Order,
        profile: Profile,
        clock: Callable[[], float],
        allowance: Allowance | None = None,
    ) -> None:
        self.order = order
        self.events: list[TypedEvent] = []
        self.heartbeats = 0
        self.tokens = 0
        self._profile = profile
        self._clock = clock
        self._reader = ResponseReader(order.request.method)
        self._decoder: Decoder | None = Decoder()
        self._started_at = clock()
        self._connected_at: float | None = None
        self._sent_at: float | None = None
        self._head: Head | None = None
        self._head_at: float | None = None
        self._chunks: list[Chunk] = []
        self._allowance = Allowance() if allowance is None else allowance
        self._weight = 0
        self._body_bytes = 0
        self._items = 0
        self._ending: Ending | None = None
        self._connection: Connection | None = None
        self._leave: Leave | None = None
        self._scope = anyio.CancelScope()
        self._changed = anyio.Event()
        self._closed = anyio.Event()

    @property
    def label(self) -> str:
        """The label of the exchange."""
        return self.order.label

    @property
    def status(self) -> int | None:
        """The status of the response, once its head is there."""
        return None if self._head is None else self._head.status

    @property
    def is_sent(self) -> bool:
        """Tell whether the whole request was handed to the socket."""
        return self._sent_at is not None

    @property
    def is_over(self) -> bool:
        """Tell whether nothing more can arrive."""
        return self._ending is not None

    @property
    def over_at(self) -> float:
        """When the exchange was over, in seconds; infinite while it is not."""
        return math.inf if self._ending is None else self._ending.at

    @property
    def head_at(self) -> float:
        """When the response head was complete, in seconds; infinite without one."""
        return math.inf if self._head_at is None else self._head_at

    @property
    def ids(self) -> list[str]:
        """The ids of the events so far, in order; events without one are left out."""
        return [event.id for event in self.events if event.id is not None]

    @property
    def last_id(self) -> str | None:
        """What a client would resume after now."""
        return next(reversed(self.ids), None)

    @property
    def id_of_first(self) -> str | None:
        """The id of the first event, if it came and has one."""
        return self.events[0].id if self.events else None

    @property
    def is_first_terminal(self) -> bool:
        """Tell whether the first event already ends the stream.

        Where a sentinel does that, no event does.
        """
        has_sentinel = self._profile.terminal.sentinel is not None
        is_last = bool(self.events) and self.events[0].outcome is not None
        return is_last and not has_sentinel

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers of the response so far."""
        return () if self._head is None else self._head.headers

    def header(self, name: str) -> str | None:
        """Return the first value of a response header."""
        headers = () if self._head is None else self._head.headers
        wanted = name.lower()
        return next((v for key, v in headers if key.lower() == wanted), None)

    # Carrying the exchange out

    async def run(self) -> None:
        """Carry the exchange out until it ends, is left, or its deadline is over."""
        try:
            self._scope.deadline = anyio.current_time() + self.order.deadline_s
            with self._scope:
                await self._converse()
            if self._leave is None:
                detail = f"not over after {self.order.deadline_s:g} s"
                self._end(EndingKind.DEADLINE, detail)
            elif self._connection is not None:
                self._go(self._connection, self._leave)
        finally:
            self._end(EndingKind.CLOSED_BY_US)
            if self._connection is not None:
                self._connection.close()
            self._closed.set()

    async def _converse(self) -> None:
        try:
            self._connection = await Connection.open(self.order.target)
        except OSError as problem:
            self._end(EndingKind.NOT_CONNECTED, _words(problem))
            return
        self._connected_at = self._clock()
        order = self.order
        request = encode_request(
            order.request,
            authority=order.target.authority,
            credential=order.credential,
            http_version=order.http_version,
        )
        # A target may refuse, and close, before it has read everything: its answer
        # then still lies in our socket.
        with suppress(OSError):
            await self._connection.send(request)
            self._sent_at = self._clock()
            self._tell()
        await self._read(self._connection)

    async def _read(self, connection: Connection) -> None:
        while self._ending is None:
            try:
                data = await connection.receive()
            except OSError as problem:
                is_reset = isinstance(problem, ConnectionResetError | BrokenPipeError)
                kind = EndingKind.RESET if is_reset else EndingKind.PREMATURE_EOF
                self._end(kind, _words(problem))
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        """Take received bytes, or the peer's FIN if there are none."""
        at = self._clock()
        for found in self._reader.feed(data) if data else self._reader.close():
            match found:
                case Head(raw=raw):
                    if self._room_for(raw, at) == len(raw):
                        self._head, self._head_at = found, at
                case Body(body):
                    self._take_body(body, at)
                case End(kind, detail):
                    self._end(kind, detail, at)
        self._tell()

    def _room_for(self, data: bytes, at: float) -> int:
        """Take room for received bytes, and return for how many of them there is.

        Where that is not for all of them, the exchange is over.
        """
        if self._takes(data):
            return len(data)
        start = 0
        while self._takes(data[start : start + _SLICE_BYTES]):
            start += _SLICE_BYTES
        detail = (
            "expected less than the suite can keep, got more than "
            f"{self._body_bytes + start} bytes in {self._items} events and comments"
        )
        self._end(EndingKind.LIMIT, detail, at)
        return start

    def _takes(self, data: bytes) -> bool:
        weight = weigh(data)
        is_taken = self._allowance.take(weight, own=self._weight)
        self._weight += weight if is_taken else 0
        return is_taken

    def _take_body(self, data: bytes, at: float) -> None:
        data = data[: self._room_for(data, at)]
        if not data:
            return
        self._chunks.append(Chunk(at=at, data=data))
        self._body_bytes += len(data)
        if self._body_bytes > MAX_BODY_BYTES:
            detail = f"expected a body of at most {MAX_BODY_BYTES} bytes, got more"
            self._end(EndingKind.LIMIT, detail, at)
        if self._decoder is None:
            return
        try:
            items = self._decoder.feed(data)
        except LimitExceeded as problem:
            items = list(problem.items)
            self._decoder = None
            self._end(EndingKind.LIMIT, str(problem), at)
        self._items += len(items)
        if self._items > MAX_ITEMS:
            detail = f"expected at most {MAX_ITEMS} events and comments, got more"
            self._end(EndingKind.LIMIT, detail, at)
        for item in items:
            self._take_item(item, at)

    def _take_item(self, item: Event | Comment | Block, at: float) -> None:
        match read_item(item, at, self._profile):
            case Heartbeat():
                self.heartbeats += 1
            case TypedEvent() as event:
                self.events.append(event)
                self.tokens += is_token(event, self._profile)

    def _go(self, connection: Connection, leave: Leave) -> None:
        """Leave in the way asked for, having taken what had arrived by then."""
        if leave is Leave.RST:
            connection.leave_rst()
        else:
            for data in connection.drain() if self._sent_at is not None else ():
                self._take(data)
            connection.leave_fin()
        self._end(EndingKind.CLOSED_BY_US, f"left by {leave}")

    def _end(self, kind: EndingKind, detail: str = "", at: float | None = None) -> None:
        """Note how the exchange ended; the first word stays."""
        if self._ending is None:
            at = self._clock() if at is None else at
            self._ending = Ending(kind=kind, at=at, detail=detail)
            self._tell()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()

    # Waiting

    async def wait(
        self, is_so: Callable[[LiveExchange], bool], within_s: float = math.inf
    ) -> bool:
        """Wait until something is so; give up at the end of the exchange."""
        with anyio.move_on_after(within_s):
            while not is_so(self) and self._ending is None:
                await self._changed.wait()
        return is_so(self)

    async def answered(self, within_s: float = math.inf) -> bool:
        """Wait for the head of the response."""
        return await self.wait(lambda s: s.status is not None, within_s)

    async def has_events(self, count: int, within_s: float = math.inf) -> bool:
        """Wait until so many events have come."""
        return await self.wait(lambda s: len(s.events) >= count, within_s)

    async def has_tokens(self, count: int, within_s: float = math.inf) -> bool:
        """Wait until so many events with text of the model have come."""
        return await self.wait(lambda s: s.tokens >= count, within_s)

    async def over(self, within_s: float = math.inf) -> bool:
        """Wait for the end of the exchange."""
        return await self.wait(lambda s: s.is_over, within_s)

    # Leaving

    async def leave(self, how: Leave) -> None:
        """Close our side, unless the exchange is over; return when that is done."""
        if self._ending is None:
            self._leave = how
            self._scope.cancel()
        await self._closed.wait()

    def exchange(self) -> Exchange:
        """Return what was recorded; one that still runs counts as closed by us."""
        head = self._head
        ending = self._ending or Ending(kind=EndingKind.CLOSED_BY_US, at=self._clock())
        return Exchange(
            label=self.order.label,
            user=self.order.user,
            request=self.order.request,
            token=self.order.token,
            transcript=Transcript(
                started_at=self._started_at,
                connected_at=self._connected_at,
                request_sent_at=self._sent_at,
                http_version=None if head is None else head.http_version,
                status=None if head is None else head.status,
                reason="" if head is None else head.reason,
                raw_head=b"" if head is None else head.raw,
                headers=() if head is None else head.headers,
                head_at=self._head_at,
                chunks=tuple(self._chunks),
                ending=ending,
            ),
        )


def _words(problem: OSError) -> str:
    """Word a socket's error without the address, which is no news."""
    return (problem.strerror or str(problem) or type(problem).__name__).lower()
