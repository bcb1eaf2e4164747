"""The profile's invariants over one stream: the interpreter of `profile.invariants`.

Pure. Knows the kinds of invariants, none of the protocols that declare them. A resumed
response lacks its beginning, so kinds that speak of a whole stream skip it. Of an event
that lacks the value nothing is said here: its schema does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from ..evidence.streams import Stream
from ..model import Finding
from ..profiles.pointer import MISSING, is_number, is_same_json, lookup, show
from ..profiles.schema import (
    Bracketed,
    Constant,
    Count,
    Equal,
    Final,
    Invariant,
    Joined,
    Mapping,
    Monotonic,
    Sequence,
)
from ..profiles.typed import Outcome, TypedEvent

_OF_WHOLE_STREAMS = (Sequence, Bracketed, Joined, Count)


def violations(invariant: Invariant, stream: Stream) -> Iterator[Finding]:
    """Find what contradicts one invariant in one stream."""
    if stream.resumed_after is None or not isinstance(invariant, _OF_WHOLE_STREAMS):
        yield from _violations(invariant, stream)


def _violations(invariant: Invariant, stream: Stream) -> Iterator[Finding]:
    match invariant:
        case Sequence():
            yield from _sequence(invariant, stream)
        case Equal():
            yield from _equal(invariant, stream)
        case Mapping():
            yield from _mapping(invariant, stream)
        case Monotonic():
            yield from _monotonic(invariant, stream)
        case Constant():
            yield from _constant(invariant, stream)
        case Bracketed():
            yield from _bracketed(invariant, stream)
        case Joined():
            yield from _joined(invariant, stream)
        case Count():
            yield from _count(invariant, stream)
        case Final():
            yield from _final(invariant, stream)
        case _:  # pragma: no cover -- mypy proves that there is no other kind
            assert_never(invariant)


def _values(
    stream: Stream, pointer: str, type_: str | None = None
) -> Iterator[tuple[TypedEvent, object]]:
    """Yield the events (of one type) that have a value there, with the value."""
    for event in stream.events:
        if type_ is None or event.type == type_:
            value = lookup(event.data, pointer)
            if value is not MISSING:
                yield event, value


def _breach(
    invariant: Invariant, stream: Stream, event: TypedEvent, expected: str, got: str
) -> Finding:
    return stream.find(
        f"{invariant.name}: {expected}", f"{got} in {event.name}", event=event
    )


def _sequence(invariant: Sequence, stream: Stream) -> Iterator[Finding]:
    seen = 0
    for event in stream.of_type(invariant.type):
        value = lookup(event.data, invariant.pointer)
        if seen >= len(invariant.values):
            yield _breach(
                invariant,
                stream,
                event,
                f"{len(invariant.values)} events of type {invariant.type}",
                f"one more, with {show(value)} at {invariant.pointer},",
            )
            return
        if not is_same_json(value, invariant.values[seen]):
            yield _breach(
                invariant,
                stream,
                event,
                f"{show(invariant.values[seen])} at {invariant.pointer} "
                f"as number {seen + 1}",
                show(value),
            )
            return
        seen += 1
    if stream.outcome is Outcome.SUCCESS and seen < len(invariant.values):
        missing = show(invariant.values[seen])
        yield stream.find(
            f"{invariant.name}: {len(invariant.values)} events of type "
            f"{invariant.type}",
            f"{seen} of them and then the end of the stream, without {missing}",
            event=stream.events[-1] if stream.events else None,
        )


def _equal(invariant: Equal, stream: Stream) -> Iterator[Finding]:
    for event, left in _values(stream, invariant.left):
        right = lookup(event.data, invariant.right)
        if right is not MISSING and not is_same_json(left, right):
            yield _breach(
                invariant,
                stream,
                event,
                f"the same value at {invariant.left} and {invariant.right}",
                f"{show(left)} and {show(right)}",
            )


def _mapping(invariant: Mapping, stream: Stream) -> Iterator[Finding]:
    for event, key in _values(stream, invariant.pointer):
        name = key if isinstance(key, str) else show(key)
        wanted = invariant.values.get(name, MISSING)
        got = lookup(event.data, invariant.to)
        if wanted is MISSING:
            known = ", ".join(invariant.values)
            yield _breach(
                invariant,
                stream,
                event,
                f"one of {known} at {invariant.pointer}",
                show(key),
            )
        elif got is not MISSING and not is_same_json(got, wanted):
            yield _breach(
                invariant,
                stream,
                event,
                f"{show(wanted)} at {invariant.to} where {invariant.pointer} is {name}",
                show(got),
            )


def _monotonic(invariant: Monotonic, stream: Stream) -> Iterator[Finding]:
    sign = 1 if invariant.direction == "up" else -1
    last: float | None = None
    for event, value in _values(stream, invariant.pointer):
        if not is_number(value):
            continue
        number = float(str(value))
        if last is not None and sign * number < sign * last:
            word = "below" if sign > 0 else "above"
            yield _breach(
                invariant,
                stream,
                event,
                f"no value {word} {last:g} at {invariant.pointer} any more",
                show(value),
            )
        last = number


def _constant(invariant: Constant, stream: Stream) -> Iterator[Finding]:
    first: object = MISSING
    for event, value in _values(stream, invariant.pointer):
        if first is MISSING:
            first = value
        elif not is_same_json(value, first):
            expected = f"{show(first)} at {invariant.pointer} throughout"
            yield _breach(invariant, stream, event, expected, show(value))


def _bracketed(invariant: Bracketed, stream: Stream) -> Iterator[Finding]:
    """Follow which brackets are open; several may be where a protocol runs parallel."""
    open_: list[object] = []
    for event, value in _values(stream, invariant.pointer):
        if event.type == invariant.opens:
            open_.append(value)
            continue
        is_inside = any(is_same_json(value, each) for each in open_)
        if not is_inside and (open_ or event.type == invariant.closes):
            opened = " or ".join(show(each) for each in open_) or "nothing"
            yield _breach(
                invariant,
                stream,
                event,
                f"at {invariant.pointer} what the last {invariant.opens} opened, "
                f"{opened}",
                show(value),
            )
        elif event.type == invariant.closes:
            open_ = [each for each in open_ if not is_same_json(value, each)]


def _joined(invariant: Joined, stream: Stream) -> Iterator[Finding]:
    """Compare each whole with its parts: those since the whole before it."""
    parts: list[str] = []
    for event in stream.events:
        if event.type == invariant.type:
            part = lookup(event.data, invariant.pointer)
            parts.append(part if isinstance(part, str) else "")
        if event.type == invariant.to_type:
            whole = lookup(event.data, invariant.to)
            joined = "".join(parts)
            if whole != joined:
                yield _breach(
                    invariant,
                    stream,
                    event,
                    f"at {invariant.to} the joined {invariant.pointer} of "
                    f"{len(parts)} {invariant.type} events, {show(joined)}",
                    show(whole),
                )
            parts.clear()


def _count(invariant: Count, stream: Stream) -> Iterator[Finding]:
    counted = 0
    for event in stream.events:
        if event.type == invariant.type:
            said = lookup(event.data, invariant.pointer)
            if not is_same_json(said, counted):
                yield _breach(
                    invariant,
                    stream,
                    event,
                    f"{counted} at {invariant.pointer}, as many as {invariant.counts} "
                    f"events came",
                    show(said),
                )
        if event.type == invariant.counts:
            counted += 1


def _final(invariant: Final, stream: Stream) -> Iterator[Finding]:
    terminal = stream.terminal
    if terminal is None or terminal.outcome is not Outcome.SUCCESS:
        return
    value = lookup(terminal.data, invariant.pointer)
    if not is_same_json(value, invariant.value):
        expected = f"{show(invariant.value)} at {invariant.pointer}"
        yield _breach(invariant, stream, terminal, expected, show(value))
