"""One HTTP exchange as data: head, timed body chunks, and how it ended.

Must not do I/O or read a clock: a probe fills it in, a check reads it. All times are
seconds of one monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

from .decoder import Decoder
from .errors import LimitExceeded
from .events import Comment, Event, Item

if TYPE_CHECKING:
    from collections.abc import Collection

    from .anomalies import Anomaly
    from .lines import Terminators

ItemT_co = TypeVar("ItemT_co", bound=Item, covariant=True)


class EndingKind(StrEnum):
    """How an exchange ended."""

    CLEAN = "clean"
    """The body ended as its framing said it would."""

    PREMATURE_EOF = "premature_eof"
    """The peer closed before the framing said so."""

    RESET = "reset"
    """The peer reset the connection or the stream."""

    CLOSED_BY_US = "closed_by_us"
    """The probe had what it wanted, or left on purpose."""

    DEADLINE = "deadline"
    """The probe's time was up."""

    LIMIT = "limit"
    """The peer sent more than the probe would hold."""

    NOT_CONNECTED = "not_connected"
    """There was no connection."""

    PROTOCOL_ERROR = "protocol_error"
    """The peer's bytes are not HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How and when an exchange ended.

    Attributes:
        kind: which way.
        at: when the probe knew, in seconds.
        detail: the error text or the reason, for people; may be empty.
    """

    kind: EndingKind
    at: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Body bytes that arrived together.

    Attributes:
        at: arrival at the socket, in seconds.
        data: the bytes, after transfer decoding.
    """

    at: float
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedItem(Generic[ItemT_co]):
    """An item and the arrival of the chunk with its last byte, in seconds."""

    item: ItemT_co
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What a decoder made of a body.

    Attributes:
        items: events, comments and dataless blocks in order.
        anomalies: see `Decoder.anomalies`.
        anomalies_omitted: how many more there were.
        terminators: how the lines ended.
        last_event_id: the last event ID string at the end.
        reconnection_time_ms: the last valid `retry` value, if any.
        limit: set when decoding stopped at a limit; `items` is what came before.
    """

    items: tuple[TimedItem[Item], ...]
    anomalies: tuple[Anomaly, ...]
    anomalies_omitted: int
    terminators: Terminators
    last_event_id: str
    reconnection_time_ms: int | None
    limit: LimitExceeded | None


@dataclass(frozen=True, kw_only=True)  # no slots: cached_property needs __dict__
class Transcript:
    """One HTTP exchange as the client saw it.

    Attributes:
        started_at: just before connecting, in seconds.
        connected_at: when the connection stood; None if it never did.
        request_sent_at: when the last request byte was handed to the socket.
        http_version: as in the status line, such as "1.1"; None without a head.
        status: None without a head.
        reason: the reason phrase; may be empty.
        raw_head: status line and header bytes as received.
        headers: names and values in order, names as received.
        head_at: arrival of the last header byte.
        chunks: the body.
        ending: how the exchange ended.
    """

    started_at: float
    connected_at: float | None = None
    request_sent_at: float | None = None
    http_version: str | None = None
    status: int | None = None
    reason: str = ""
    raw_head: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    head_at: float | None = None
    chunks: tuple[Chunk, ...] = ()
    ending: Ending

    def header_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header; names are compared without case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None; see `header_all`."""
        return next(iter(self.header_all(name)), None)

    @cached_property
    def body(self) -> bytes:
        """All body bytes."""
        return b"".join(chunk.data for chunk in self.chunks)

    @cached_property
    def decoded(self) -> Decoded:
        """The body, decoded as an event stream.

        The end of the body counts as the stream's end only where the peer chose it:
        an exchange that the probe cut short says nothing about an unfinished event.
        """
        decoder = Decoder()
        items: list[TimedItem[Item]] = []
        limit = None
        for chunk in self.chunks:
            try:
                found = decoder.feed(chunk.data)
            except LimitExceeded as error:
                found, limit = list(error.items), error
            items += [TimedItem(item=item, at=chunk.at) for item in found]
            if limit is not None:
                break
        if self.ending.kind in {EndingKind.CLEAN, EndingKind.PREMATURE_EOF}:
            decoder.close()
        return Decoded(
            items=tuple(items),
            anomalies=decoder.anomalies,
            anomalies_omitted=decoder.anomalies_omitted,
            terminators=decoder.terminators,
            last_event_id=decoder.last_event_id,
            reconnection_time_ms=decoder.reconnection_time_ms,
            limit=limit,
        )

    @cached_property
    def events(self) -> tuple[TimedItem[Event], ...]:
        """The dispatched events and their arrival."""
        return tuple(
            TimedItem(item=timed.item, at=timed.at)
            for timed in self.decoded.items
            if isinstance(timed.item, Event)
        )

    @cached_property
    def comments(self) -> tuple[TimedItem[Comment], ...]:
        """The comment lines and their arrival."""
        return tuple(
            TimedItem(item=timed.item, at=timed.at)
            for timed in self.decoded.items
            if isinstance(timed.item, Comment)
        )

    @property
    def anomalies(self) -> tuple[Anomaly, ...]:
        """The anomalies of the body; see `Decoded.anomalies_omitted`."""
        return self.decoded.anomalies

    @property
    def terminators(self) -> Terminators:
        """How the lines of the body ended."""
        return self.decoded.terminators

    def to_jsonl(self, secrets: Collection[str] = ()) -> str:
        """Write the transcript as JSONL; see `conformance.wire.jsonl`."""
        from . import jsonl

        return jsonl.dump(self, secrets)

    @classmethod
    def from_jsonl(cls, text: str) -> Transcript:
        """Read what `to_jsonl` wrote.

        Raises:
            TranscriptError: the text is something else; the message names the line.
        """
        from . import jsonl

        return jsonl.load(text)
