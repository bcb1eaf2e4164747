"""One event read through a profile: its type, data, id, and whether it ends a stream.

Pure. Must not know more than one event at a time: probes look at them one by one to
steer, checks put them together to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from ..wire import Comment, Event
from .grammar import Grammar
from .pointer import MISSING, is_same_json, lookup, parse_json
from .schema import EventMatch, Profile, TypeLocation

_DIGITS = re.compile(r"0|[1-9][0-9]{0,17}")


class Outcome(StrEnum):
    """How a stream says that it ended."""

    SUCCESS = "success"
    ERROR = "error"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventId:
    """An id of the declared form: `n` counts, `stream` is empty for plain numbers."""

    stream: str
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedEvent:
    """An event of the protocol: neither a heartbeat nor the sentinel.

    Attributes:
        at: arrival of its last byte, in seconds.
        wire: the event as decoded.
        type: by the profile's type location; None where it has none.
        data: the JSON value of the data, or the text where the profile says so;
            `MISSING` for data that is not JSON.
        id: by the profile's id location; None where it has none.
        outcome: set if this event ends the stream.
    """

    at: float
    wire: Event
    type: str | None
    data: object
    id: str | None
    outcome: Outcome | None

    @property
    def name(self) -> str:
        """What to call the event in a message."""
        what = self.type if self.type is not None else "an event without type"
        return f"{what} (id {self.id!r})" if self.id is not None else f"{what} (no id)"


def read_event(event: Event, at: float, profile: Profile) -> TypedEvent:
    """Read one event that is neither a heartbeat nor the sentinel."""
    is_json = profile.framing.data == "json"
    data = parse_json(event.data) if is_json else event.data
    type_ = type_of(event, data, profile)
    return TypedEvent(
        at=at,
        wire=event,
        type=type_,
        data=data,
        id=id_of(event, data, profile),
        outcome=_outcome_of(type_, data, profile),
    )


def read_heartbeat(event: Event, at: float, profile: Profile) -> TypedEvent:
    """Read a heartbeat that is an event; its type is the one declared for it."""
    read = read_event(event, at, profile)
    heartbeat = profile.heartbeat
    type_ = heartbeat and (heartbeat.type or heartbeat.event)
    return replace(read, type=type_ or read.type, outcome=None)


def is_heartbeat(item: Event | Comment, profile: Profile) -> bool:
    """Tell whether an item is a heartbeat of the declared form.

    Every comment counts where heartbeats are comments: any byte keeps a connection
    alive. What a heartbeat carries is judged elsewhere.
    """
    heartbeat = profile.heartbeat
    if heartbeat is None or heartbeat.form == "none":
        return False
    if isinstance(item, Comment):
        return heartbeat.form == "comment"
    if heartbeat.form == "event":
        return item.type == (heartbeat.event or "message")
    if heartbeat.form == "json":
        data = parse_json(item.data)
        if heartbeat.type is not None:
            return type_of(item, data, profile) == heartbeat.type
        return heartbeat.data is not None and is_same_json(
            data, parse_json(heartbeat.data)
        )
    return False


def type_of(event: Event, data: object, profile: Profile) -> str | None:
    """Return the event's type by the profile's location, or None if it has none."""
    place = profile.framing.type
    type_ = _type_at(place, event, data)
    for name, match in place.named.items():
        if is_match(type_, data, match):
            return name
    return type_


def _type_at(place: TypeLocation, event: Event, data: object) -> str | None:
    match place.location:
        case "event-field":
            return event.event_field or place.default
        case "json-pointer" | "both":
            for pointer in place.pointers or (place.pointer or "",):
                found = lookup(data, pointer)
                if found is not MISSING:
                    return found if isinstance(found, str) else None
            return None
        case "present-key":
            holder = lookup(data, place.pointer or "")
            has = holder.keys() if isinstance(holder, dict) else ()
            return next((key for key in place.keys if key in has), None)
        case "none":
            return place.default


def id_of(event: Event, data: object, profile: Profile) -> str | None:
    """Return the event's own id by the profile's location, or None if it has none."""
    place = profile.ids.location
    if place == "id-field":
        return event.id
    found = lookup(data, place)
    if isinstance(found, int) and not isinstance(found, bool):
        return str(found)
    return found if isinstance(found, str) else None


def parse_id(text: str, profile: Profile) -> EventId | None:
    """Take an id of the declared form apart; None if it does not have that form."""
    match profile.ids.form:
        case "stream-sequence":
            stream, separator, n = text.rpartition(profile.ids.separator)
            if not (stream and separator):
                return None
        case "sequence":
            stream, n = "", text
        case _:
            return None
    return EventId(stream=stream, n=int(n)) if _DIGITS.fullmatch(n) else None


def form_id(id_: EventId, profile: Profile) -> str:
    """Write an id in the declared form; the reverse of `parse_id`."""
    if profile.ids.form == "stream-sequence":
        return f"{id_.stream}{profile.ids.separator}{id_.n}"
    return str(id_.n)


def is_match(type_: str | None, data: object, match: EventMatch) -> bool:
    """Tell whether an event of that type and data is the one described."""
    if match.type is not None and type_ != match.type:
        return False
    has = all(lookup(data, pointer) is not MISSING for pointer in match.has)
    return has and all(
        is_same_json(lookup(data, pointer), value)
        for pointer, value in match.where.items()
    )


def _outcome_of(type_: str | None, data: object, profile: Profile) -> Outcome | None:
    terminal = profile.terminal
    # A cancel is told as a special kind of error, so the special one comes first.
    for outcome, matches in (
        (Outcome.CANCELLED, terminal.cancelled),
        (Outcome.ERROR, terminal.error),
        (Outcome.SUCCESS, terminal.success),
    ):
        if any(is_match(type_, data, match) for match in matches):
            return outcome
    return None


def known_types(profile: Profile) -> frozenset[str]:
    """Return every event type that the profile mentions, heartbeats included.

    A name that ends in `*` stands for all types that begin so (`is_named`).
    """
    place = profile.framing.type
    known = set(profile.payloads) | set(place.known) | set(place.named)
    if profile.order is not None:
        known |= Grammar(profile.order.grammar).names() | set(profile.order.anywhere)
    terminal = profile.terminal
    ends = terminal.success + terminal.error + terminal.cancelled
    known |= {match.type for match in ends if match.type is not None}
    if profile.steering.token is not None:
        known.add(profile.steering.token.type)
    heartbeat = profile.heartbeat
    if heartbeat is not None:
        known |= {name for name in (heartbeat.event, heartbeat.type) if name}
    return frozenset(known)
