"""Invariants of one event and another: what follows it, returns in it, comes in time.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...evidence.streams import Stream
from ...evidence.words import ms
from ...model import Finding
from ...profiles.invariants import Followed, Placed, Returned, Within
from ...profiles.pointer import MISSING, is_same_json, lookup, show
from ...profiles.type_names import is_named
from ...profiles.typed import TypedEvent
from .reading import breach, values_at


def judge_followed(invariant: Followed, stream: Stream) -> Iterator[Finding]:
    """Find events of the type after which another one comes, or nothing at all."""
    order = stream.profile.order
    anywhere = order.anywhere if order is not None else ()
    wanted = f"right after {invariant.type} {' or '.join(invariant.by)}"
    before: TypedEvent | None = None
    for event in stream.events:
        if is_named(event.type or "", anywhere):
            continue
        if before is not None and event.type not in invariant.by:
            yield breach(invariant, stream, event, wanted, f"{event.type}")
        before = event if event.type == invariant.type else None
    if before is not None and stream.is_read_to_end:
        yield breach(invariant, stream, before, wanted, "the end")


def judge_returned(invariant: Returned, stream: Stream) -> Iterator[Finding]:
    """Compare a value with the one that was told before."""
    told: object = MISSING
    source = f"the header {invariant.header}"
    if invariant.header is not None:
        header = stream.transcript.header(invariant.header)
        told = MISSING if header is None else header
    for event in stream.events:
        if event.type == invariant.to_type and told is not MISSING:
            value = lookup(event.data, invariant.to)
            if value is not MISSING and not is_same_json(value, told):
                expected = f"at {invariant.to} what {source} told, {show(told)}"
                yield breach(invariant, stream, event, expected, show(value))
        if invariant.pointer is not None and invariant.type in (None, event.type):
            value = lookup(event.data, invariant.pointer)
            if value is not MISSING:
                told, source = value, event.name


def judge_placed(invariant: Placed, stream: Stream) -> Iterator[Finding]:
    """Look up the item of the list that a number names, and compare the two."""
    lists = iter(values_at(stream, invariant.items.pointer, invariant.items.type))
    items: object = MISSING
    later = next(lists, None)
    for event, place in values_at(stream, invariant.pointer, invariant.type):
        while later is not None and later[0].wire.start < event.wire.start:
            items, later = later[1], next(lists, None)
        if isinstance(items, list):
            yield from _judge_place(invariant, stream, event, place, items)


def _judge_place(
    invariant: Placed,
    stream: Stream,
    event: TypedEvent,
    place: object,
    items: list[object],
) -> Iterator[Finding]:
    is_place = isinstance(place, int) and not isinstance(place, bool)
    if not (is_place and 1 <= place <= len(items)):  # type: ignore[operator]  # an int
        expected = (
            f"at {invariant.pointer} a place from 1 to {len(items)} in "
            f"{invariant.items.pointer} of {invariant.items.type}"
        )
        yield breach(invariant, stream, event, expected, show(place))
        return
    item = items[place - 1]  # type: ignore[operator]  # an int
    for member in invariant.members:
        value, wanted = lookup(event.data, member), lookup(item, member)
        if value is not MISSING and not is_same_json(value, wanted):
            expected = (
                f"at {member} what item {place} of {invariant.items.pointer} in "
                f"{invariant.items.type} has, {show(wanted)}"
            )
            yield breach(invariant, stream, event, expected, show(value))


def judge_within(invariant: Within, stream: Stream) -> Iterator[Finding]:
    """Measure from the request, or from an event, to the first event of the type."""
    seen = stream.transcript
    since = seen.started_at if seen.request_sent_at is None else seen.request_sent_at
    what = "the request"
    if invariant.after is not None:
        earlier = stream.of_type(invariant.after)
        if not earlier:
            return
        since, what = earlier[0].at, earlier[0].name
    for event in stream.of_type(invariant.type)[:1]:
        took = event.at - since
        if took > invariant.within_s:
            yield stream.find(
                f"{invariant.name}: the first {invariant.type} within "
                f"{ms(invariant.within_s)} of {what}",
                f"after {ms(took)}",
                event=event,
                timed=True,
                beyond_s=took - invariant.within_s,
            )
