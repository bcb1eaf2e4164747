"""What every kind of invariant does: find values in a stream, and word a breach.

Pure. Must not judge.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...evidence.streams import Stream, beats
from ...model import Finding
from ...profiles.invariants import Invariant
from ...profiles.pointer import MISSING, lookup
from ...profiles.typed import TypedEvent


def values_at(
    stream: Stream, pointer: str, type_: str | None = None
) -> Iterator[tuple[TypedEvent, object]]:
    """Yield the events (of one type) that have a value there, with the value."""
    yield from _having(stream.events, pointer, type_)


def beats_and_values_at(
    stream: Stream, pointer: str, type_: str | None = None
) -> Iterator[tuple[TypedEvent, object]]:
    """Yield the same, heartbeats that are events among them, as they came."""
    both = sorted((*stream.events, *beats(stream)), key=lambda event: event.wire.start)
    yield from _having(tuple(both), pointer, type_)


def _having(
    events: tuple[TypedEvent, ...], pointer: str, type_: str | None
) -> Iterator[tuple[TypedEvent, object]]:
    for event in events:
        if type_ is None or event.type == type_:
            value = lookup(event.data, pointer)
            if value is not MISSING:
                yield event, value


def breach(
    invariant: Invariant, stream: Stream, event: TypedEvent, expected: str, got: str
) -> Finding:
    """Make the finding that an event contradicts an invariant."""
    return stream.find(
        f"{invariant.name}: {expected}", f"{got} in {event.name}", event=event
    )
