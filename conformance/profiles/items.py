"""What an item of an event stream is, as a profile has it: the one place that decides.

Pure. Probes ask while a stream runs, checks once it is over.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..wire import Block, Comment, Event
from .schema import Profile
from .typed import TypedEvent, is_heartbeat, read_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """A heartbeat of the declared form and when its last byte arrived, in seconds."""

    at: float
    item: Event | Comment


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentinel:
    """The literal end mark and when its last byte arrived, in seconds."""

    at: float
    item: Event


def read_item(
    item: Event | Comment | Block, at: float, profile: Profile
) -> TypedEvent | Heartbeat | Sentinel | None:
    """Return what arrived at `at`; None for what is nothing to the protocol."""
    if isinstance(item, Block):
        return None
    if is_heartbeat(item, profile):
        return Heartbeat(at=at, item=item)
    if isinstance(item, Comment):
        return None
    if profile.terminal.sentinel is not None and item.data == profile.terminal.sentinel:
        return Sentinel(at=at, item=item)
    return read_event(item, at, profile)


def is_token(event: TypedEvent, profile: Profile) -> bool:
    """Tell whether an event shows text of the model."""
    token = profile.steering.token
    return token is not None and event.type == token.type
