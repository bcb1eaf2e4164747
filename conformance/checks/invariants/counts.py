"""Invariants of numbers that count something: events, values, items, words.

Pure.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from ...evidence.streams import Stream
from ...model import Finding
from ...profiles.invariants import Count, Length, Sum, Words
from ...profiles.pointer import MISSING, is_number, is_same_json, lookup, show
from .reading import breach, values_at
from .texts import join


def judge_count(invariant: Count, stream: Stream) -> Iterator[Finding]:
    """Count the events, or their different values, that came before the number."""
    counted = 0
    seen: set[str] = set()
    what = f"{invariant.counts} events came"
    if invariant.distinct is not None:
        what = f"different values at {invariant.distinct} in {what}"
    for event in stream.events:
        if event.type == invariant.type:
            due = counted if invariant.distinct is None else len(seen)
            said = lookup(event.data, invariant.pointer)
            if not is_same_json(said, due):
                expected = f"{due} at {invariant.pointer}, as many as {what}"
                yield breach(invariant, stream, event, expected, show(said))
        if event.type == invariant.counts:
            counted += 1
            value = lookup(event.data, invariant.distinct or "")
            if value is not MISSING:
                seen.add(json.dumps(value, sort_keys=True))


def judge_words(invariant: Words, stream: Stream) -> Iterator[Finding]:
    """Count the words of the joined texts before each number."""
    parts: list[object] = []
    for event in stream.events:
        if event.type == invariant.type:
            parts.append(lookup(event.data, invariant.pointer))
        if event.type == invariant.to_type:
            said = lookup(event.data, invariant.to)
            words = len(join(parts).split())
            if not is_same_json(said, words):
                expected = (
                    f"{words} at {invariant.to}, the words of the joined "
                    f"{invariant.pointer} of {len(parts)} {invariant.type} events"
                )
                yield breach(invariant, stream, event, expected, show(said))


def judge_sum(invariant: Sum, stream: Stream) -> Iterator[Finding]:
    """Add up the numbers before each sum."""
    numbers: list[float] = []
    for event in stream.events:
        if event.type == invariant.type:
            value = lookup(event.data, invariant.pointer)
            if is_number(value):
                numbers.append(float(str(value)))
            elif value is not MISSING:
                expected = f"a number at {invariant.pointer}"
                yield breach(invariant, stream, event, expected, show(value))
        if event.type == invariant.to_type:
            said = lookup(event.data, invariant.to)
            total = math.fsum(numbers)
            # Decimal fractions are not exact in JSON either.
            is_right = is_number(said) and math.isclose(
                float(str(said)), total, rel_tol=1e-9, abs_tol=1e-9
            )
            if not is_right:
                expected = (
                    f"{total:g} at {invariant.to}, the sum of {invariant.pointer} "
                    f"in {len(numbers)} {invariant.type} events"
                )
                yield breach(invariant, stream, event, expected, show(said))


def judge_length(invariant: Length, stream: Stream) -> Iterator[Finding]:
    """Compare the length of a list with the number beside it."""
    for event, items in values_at(stream, invariant.pointer, invariant.type):
        said = lookup(event.data, invariant.to)
        if not isinstance(items, list):
            expected = f"a list at {invariant.pointer}"
            yield breach(invariant, stream, event, expected, show(items))
        elif said is not MISSING and not is_same_json(said, len(items)):
            expected = (
                f"{len(items)} at {invariant.to}, the length of {invariant.pointer}"
            )
            yield breach(invariant, stream, event, expected, show(said))
