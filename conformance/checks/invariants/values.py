"""Invariants of values: in one event, or of one value over the events of a stream.

Pure.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from ...evidence.streams import Stream
from ...model import Finding
from ...profiles.invariants import (
    Bracketed,
    Constant,
    Equal,
    Final,
    Mapping,
    Monotonic,
    Sequence,
)
from ...profiles.pointer import MISSING, is_number, is_same_json, lookup, show
from ...profiles.typed import Outcome
from .reading import beats_and_values_at, breach, values_at

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
"""A time as RFC 3339, section 5.6, has it: to the second, and with its offset."""


def judge_sequence(invariant: Sequence, stream: Stream) -> Iterator[Finding]:
    """Follow the values of the events of one type against the declared ones."""
    seen = 0
    for event in stream.of_type(invariant.type):
        value = lookup(event.data, invariant.pointer)
        if seen >= len(invariant.values):
            yield breach(
                invariant,
                stream,
                event,
                f"{len(invariant.values)} events of type {invariant.type}",
                f"one more, with {show(value)} at {invariant.pointer},",
            )
            return
        if not is_same_json(value, invariant.values[seen]):
            yield breach(
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


def judge_equal(invariant: Equal, stream: Stream) -> Iterator[Finding]:
    """Compare the two values of every event that has both."""
    for event, left in values_at(stream, invariant.left):
        right = lookup(event.data, invariant.right)
        if right is not MISSING and not is_same_json(left, right):
            yield breach(
                invariant,
                stream,
                event,
                f"the same value at {invariant.left} and {invariant.right}",
                f"{show(left)} and {show(right)}",
            )


def judge_mapping(invariant: Mapping, stream: Stream) -> Iterator[Finding]:
    """Look up what the one value decides for the other."""
    for event, key in values_at(stream, invariant.pointer):
        name = key if isinstance(key, str) else show(key)
        wanted = invariant.values.get(name, MISSING)
        got = lookup(event.data, invariant.to)
        if wanted is MISSING:
            known = ", ".join(invariant.values)
            yield breach(
                invariant,
                stream,
                event,
                f"one of {known} at {invariant.pointer}",
                show(key),
            )
        elif got is not MISSING and not is_same_json(got, wanted):
            yield breach(
                invariant,
                stream,
                event,
                f"{show(wanted)} at {invariant.to} where {invariant.pointer} is {name}",
                show(got),
            )


def judge_monotonic(invariant: Monotonic, stream: Stream) -> Iterator[Finding]:
    """Find a value that goes back, or that is none of the declared kind."""
    is_up = invariant.direction == "up"
    last: tuple[float, object] | None = None
    for event, value in beats_and_values_at(stream, invariant.pointer, invariant.type):
        place = _number(value) if invariant.of == "number" else _time(value)
        if place is None:
            expected = f"a {invariant.of} at {invariant.pointer}"
            yield breach(invariant, stream, event, expected, show(value))
            continue
        if last is not None:
            is_same = place == last[0]
            is_back = place < last[0] if is_up else place > last[0]
            if is_back or (is_same and invariant.strict):
                word = f"{'below' if is_up else 'above'} {show(last[1])}"
                word = f"{word} and not the same" if invariant.strict else word
                yield breach(
                    invariant,
                    stream,
                    event,
                    f"no value {word} at {invariant.pointer} any more",
                    show(value),
                )
        last = place, value


def _number(value: object) -> float | None:
    return float(str(value)) if is_number(value) else None


def _time(value: object) -> float | None:
    """Return a time as seconds since 1970; None if it is none."""
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return None
    try:
        return dt.datetime.fromisoformat(value).timestamp()
    except (ValueError, OverflowError):
        return None


def judge_constant(invariant: Constant, stream: Stream) -> Iterator[Finding]:
    """Compare each value with the first."""
    first: object = MISSING
    for event, value in values_at(stream, invariant.pointer):
        if first is MISSING:
            first = value
        elif not is_same_json(value, first):
            expected = f"{show(first)} at {invariant.pointer} throughout"
            yield breach(invariant, stream, event, expected, show(value))


def judge_bracketed(invariant: Bracketed, stream: Stream) -> Iterator[Finding]:
    """Follow which brackets are open; several may be where a protocol runs parallel."""
    open_: list[object] = []
    for event, value in values_at(stream, invariant.pointer):
        if event.type == invariant.opens:
            open_.append(value)
            continue
        is_inside = any(is_same_json(value, each) for each in open_)
        if not is_inside and (open_ or event.type == invariant.closes):
            opened = " or ".join(show(each) for each in open_) or "nothing"
            yield breach(
                invariant,
                stream,
                event,
                f"at {invariant.pointer} what the last {invariant.opens} opened, "
                f"{opened}",
                show(value),
            )
        elif event.type == invariant.closes:
            open_ = [each for each in open_ if not is_same_json(value, each)]


def judge_final(invariant: Final, stream: Stream) -> Iterator[Finding]:
    """Compare the value at the end of a stream that succeeds with the declared one."""
    terminal = stream.terminal
    if terminal is None or terminal.outcome is not Outcome.SUCCESS:
        return
    told = (terminal,) if invariant.type is None else stream.of_type(invariant.type)
    for event in told[-1:]:
        value = lookup(event.data, invariant.pointer)
        if not is_same_json(value, invariant.value):
            expected = f"{show(invariant.value)} at {invariant.pointer}"
            yield breach(invariant, stream, event, expected, show(value))
