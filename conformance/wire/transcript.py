"""A recorded exchange together with what its body says as an event stream.

Must not do I/O or read a clock: a probe fills it in, a check reads it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from . import jsonl
from .decoder import Decoder
from .errors import LimitExceeded
from .events import Comment, Event, Item
from .recording import EndingKind, Recording
from .redaction import redact

if TYPE_CHECKING:
    from collections.abc import Collection

    from .anomalies import Anomaly
    from .lines import Terminators

ItemT_co = TypeVar("ItemT_co", bound=Item, covariant=True)


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
class Transcript(Recording):
    """An exchange and what its body says; see `Recording` for the recorded fields."""

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
            anomalies=tuple(decoder.anomalies),
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
        """Write the transcript as JSONL, without credentials.

        Args:
            secrets: texts to replace by `redaction.MARKER` wherever they stand, also
                across chunks. Values of headers such as Authorization and Set-Cookie
                are replaced in any case.
        """
        return jsonl.dump(redact(self, secrets))

    @classmethod
    def from_jsonl(cls, text: str, *, first_line: int = 1) -> Self:
        """Read what `to_jsonl` wrote; `first_line` is the number of its first line.

        Raises:
            TranscriptError: the text is something else; the message names the line.
        """
        exchange = jsonl.load(text, first_line=first_line)
        return cls(**{f.name: getattr(exchange, f.name) for f in fields(Recording)})
