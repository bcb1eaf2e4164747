"""Invariants of texts that come in pieces: what they make, and the markers in them.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...evidence.streams import Stream
from ...evidence.words import ms
from ...model import Finding
from ...profiles.invariants import Joined, Marked, Place
from ...profiles.pointer import MISSING, lookup, show
from ...profiles.typed import Outcome, TypedEvent
from .reading import breach


def join(parts: Sequence[object]) -> str:
    """Join texts; what is no text counts as empty.

    A character outside of the first 65536 may be cut into two escaped halves (RFC 8259,
    section 7), which are one character again once they are joined.
    """
    text = "".join(part for part in parts if isinstance(part, str))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def judge_joined(invariant: Joined, stream: Stream) -> Iterator[Finding]:
    """Compare each whole with its parts: those since the whole before it."""
    parts: list[object] = []
    for event in stream.events:
        if invariant.since is not None and event.type == invariant.since:
            parts.clear()
        if event.type == invariant.type:
            parts.append(lookup(event.data, invariant.pointer))
        if event.type == invariant.to_type:
            whole = lookup(event.data, invariant.to)
            joined = join(parts)
            if whole != joined:
                yield breach(
                    invariant,
                    stream,
                    event,
                    f"at {invariant.to} the joined {invariant.pointer} of "
                    f"{len(parts)} {invariant.type} events, {show(joined)}",
                    show(whole),
                )
            parts.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Marker:
    """The first appearance of a value in the joined text.

    `event` is the one that brought the marker's last byte.
    """

    value: str
    event: TypedEvent


def judge_marked(invariant: Marked, stream: Stream) -> Iterator[Finding]:
    """Hold the events that markers yield against the markers in the text."""
    markers = _markers(invariant, stream)
    items = _list_at(invariant.sources, stream)
    due = [each for each in markers if items is None or _is_place(each.value, items)]
    came = stream.of_type(invariant.by)
    for event, marker in zip(came, (*due, *[None] * len(came)), strict=False):
        value = _shown(lookup(event.data, invariant.value))
        if marker is None or value != marker.value:
            wanted = (
                f"{invariant.by} for {marker.value}" if marker else "no more events"
            )
            yield breach(
                invariant,
                stream,
                event,
                f"{wanted}, as the markers appear in the joined {invariant.pointer}",
                value,
            )
            return
        yield from _after_marker(invariant, stream, marker, event)
    if stream.outcome is Outcome.SUCCESS:
        if len(came) < len(due):
            missing = due[len(came)]
            yield breach(
                invariant,
                stream,
                missing.event,
                f"a {invariant.by} for the marker {missing.value}",
                "none of it until the end, after the marker was complete",
            )
        yield from _rest(invariant, stream, [m for m in markers if m not in due])


def _markers(invariant: Marked, stream: Stream) -> list[_Marker]:
    """Return the markers whose value appears for the first time, in order."""
    ends: list[tuple[int, TypedEvent]] = []
    parts: list[object] = []
    length = 0
    for event in stream.of_type(invariant.type):
        part = lookup(event.data, invariant.pointer)
        length += len(part) if isinstance(part, str) else 0
        parts.append(part)
        ends.append((length, event))
    found: dict[str, _Marker] = {}
    text = "".join(part for part in parts if isinstance(part, str))
    for match in re.finditer(invariant.marker, text):
        value = match[1]
        if value is not None and value not in found:
            event = next(event for end, event in ends if end >= match.end())
            found[value] = _Marker(value=value, event=event)
    return list(found.values())


def _list_at(place: Place | None, stream: Stream) -> list[object] | None:
    """Return the list at a place; an empty one where there is none; None for no place.

    Of several events of the type the last one counts.
    """
    if place is None:
        return None
    events = stream.of_type(place.type)
    items = lookup(events[-1].data, place.pointer) if events else MISSING
    return items if isinstance(items, list) else []


def _is_place(value: str, items: list[object]) -> bool:
    return value.isascii() and value.isdigit() and 1 <= int(value) <= len(items)


def _shown(value: object) -> str:
    """Return a value as the marker would have it."""
    return value if isinstance(value, str) else show(value)


def _after_marker(
    invariant: Marked, stream: Stream, marker: _Marker, event: TypedEvent
) -> Iterator[Finding]:
    """Find an event that came before its marker was complete, or too long after."""
    took = event.at - marker.event.at
    if event.wire.start < marker.event.wire.start:
        expected = f"{invariant.by} for {marker.value} after its marker's last byte"
        yield breach(invariant, stream, event, expected, "it came before")
    elif invariant.within_s is not None and took > invariant.within_s:
        yield stream.find(
            f"{invariant.name}: {invariant.by} for {marker.value} within "
            f"{ms(invariant.within_s)} of its marker's last byte",
            f"it came after {ms(took)}",
            event=event,
            timed=True,
            beyond_s=took - invariant.within_s,
        )


def _rest(
    invariant: Marked, stream: Stream, markers: Sequence[_Marker]
) -> Iterator[Finding]:
    """Compare the values that yielded no event with those that are told as such."""
    place = invariant.rest
    if place is None:
        return
    for event in stream.of_type(place.type):
        said = lookup(event.data, place.pointer)
        told = sorted(map(_shown, said)) if isinstance(said, list) else None
        wanted = sorted(marker.value for marker in markers)
        if told != wanted:
            expected = f"at {place.pointer} the markers without {invariant.by}"
            values = ", ".join(wanted) or "none"
            yield breach(invariant, stream, event, f"{expected}: {values}", show(said))
