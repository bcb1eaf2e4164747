"""Where two JSON values differ, in a time that their sender cannot stretch.

A place is spelled `body.messages[0].content`. Comparing follows one way down, and
leaves what is equal to the interpreter; no value is spelled out whole.

Pure: values in, text out. Must not know what the values are of.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Text", "describe", "leaves_of"]

# A value is shown in a message up to here, and of a key, so much.
MAX_SHOWN: Final = 80
MAX_KEY: Final = 40
# Deeper down, a value is one piece.
MAX_DEPTH: Final = 32
# Values that are looked at for a difference that only JSON makes.
MAX_LEAVES: Final = 10_000
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")


class Text(str):
    """What is no JSON, and no JSON string either."""

    __slots__ = ()


class _Nothing:
    """What stands where nothing does; null is something."""


_NOTHING: Final = _Nothing()


def describe(known: Mapping[str, object], wanted: Mapping[str, object]) -> str:
    """Say where two values differ first, by the order of what is known."""
    place, expected, got = _way_down(known, wanted)
    if not place:
        # The same for Python, for which true is 1: then also of the same shape.
        leaves = islice(
            zip(leaves_of(known), leaves_of(wanted), strict=False), MAX_LEAVES
        )
        pairs = ((place, one, other) for (place, one), (_, other) in leaves)
        found = next((pair for pair in pairs if _differ(*pair[1:])), None)
        if found is None:
            return "a value far behind the first ones"
        place, expected, got = found
    return f"{place.removeprefix('.')}: expected {_show(expected)}, got {_show(got)}"


def _way_down(known: object, wanted: object) -> tuple[str, object, object]:
    """Give the place that differs, and what stands there; no place if none does."""
    place = ""
    for _ in range(MAX_DEPTH):
        step = _step(known, wanted)
        if step is None:
            break
        name, known, wanted = step
        place += name
    return place, known, wanted


def _step(known: object, wanted: object) -> tuple[str, object, object] | None:
    """Take the first way down at whose end two values differ; None at the end."""
    if isinstance(known, dict) and isinstance(wanted, dict):
        for key in known | wanted:
            pair = known.get(key, _NOTHING), wanted.get(key, _NOTHING)
            if _differ(*pair):
                return (_name(key), *pair)
    elif isinstance(known, list) and isinstance(wanted, list):
        for index in range(max(len(known), len(wanted))):
            pair = _at(known, index), _at(wanted, index)
            if _differ(*pair):
                return (f"[{index}]", *pair)
    return None


def _differ(known: object, wanted: object) -> bool:
    try:
        return type(known) is not type(wanted) or known != wanted
    except RecursionError:
        return True


def _at(values: list[object], index: int) -> object:
    return values[index] if index < len(values) else _NOTHING


def leaves_of(value: object) -> Iterator[tuple[str, object]]:
    """Give places and scalars, one after the other; the caller bounds them."""
    # Iterators instead of recursion and lists: nothing is made that is not taken.
    waiting = [iter([("", value)])]
    while waiting:
        place, value = next(waiting[-1], (None, None))
        if place is None:
            waiting.pop()
        elif len(waiting) <= MAX_DEPTH and isinstance(value, dict) and value:
            waiting.append(_items(place, value))
        elif len(waiting) <= MAX_DEPTH and isinstance(value, list) and value:
            waiting.append(_entries(place, value))
        else:
            is_scalar = not isinstance(value, dict | list)
            yield place, value if is_scalar else type(value).__name__


def _items(place: str, value: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    return ((place + _name(key), value[key]) for key in sorted(value))


def _entries(place: str, values: list[object]) -> Iterator[tuple[str, object]]:
    return ((f"{place}[{index}]", part) for index, part in enumerate(values))


def _name(key: str) -> str:
    if len(key) > MAX_KEY:
        return f".{json.dumps(key[:MAX_KEY], ensure_ascii=False)}…"
    return "." + (key if _PLAIN.fullmatch(key) else json.dumps(key, ensure_ascii=False))


def _show(value: object) -> str:
    if value is _NOTHING:
        return "nothing"
    kind = "text " if isinstance(value, Text) else ""
    # Piece by piece: no more is spelled than is shown.
    pieces = json.JSONEncoder(ensure_ascii=False).iterencode(value)
    text = "".join(islice(pieces, MAX_SHOWN + 1))
    return kind + (text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")
