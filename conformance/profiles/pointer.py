"""JSON values of events: reading them strictly, finding and comparing parts of them.

Pure. Knows nothing of streams or profiles.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import Final, NoReturn

_SHOWN = 120  # characters of a value that a message quotes


class Missing(Enum):
    """The type of `MISSING`, which no JSON value can be mistaken for."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""There is no value there: a pointer leads nowhere, or a text is not JSON."""


def parse_json(text: str) -> object:
    """Return the value of a JSON text (RFC 8259), or `MISSING` if it is none.

    `NaN` and `Infinity`, which Python reads, are not JSON: RFC 8259, section 6.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return MISSING


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def lookup(document: object, pointer: str) -> object:
    """Return what a JSON pointer (RFC 6901) leads to in `document`, or `MISSING`."""
    if not pointer:
        return document
    for token in pointer.split("/")[1:]:
        # Section 4: "by first transforming any occurrence of the sequence '~1' to '/',
        # and then transforming any occurrence of the sequence '~0' to '~'".
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(key, MISSING)
        elif isinstance(document, list) and key.isascii() and key.isdigit():
            document = document[int(key)] if int(key) < len(document) else MISSING
        else:
            return MISSING
    return document


def is_same_json(left: object, right: object) -> bool:
    """Compare as JSON does: `true` is not 1, but 1.0 is."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            is_same_json(left[key], right[key]) for key in left
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(
            is_same_json(a, b) for a, b in zip(left, right, strict=True)
        )
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left == right


def first_difference(left: object, right: object) -> str | None:
    """Return a pointer to the first place where two values differ; None if nowhere."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in (*left, *(key for key in right if key not in left)):
            inner = first_difference(left.get(key, MISSING), right.get(key, MISSING))
            if inner is not None:
                return f"/{key.replace('~', '~0').replace('/', '~1')}{inner}"
        return None
    if isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (a, b) in enumerate(zip(left, right, strict=True)):
            if (inner := first_difference(a, b)) is not None:
                return f"/{index}{inner}"
        return None
    return None if is_same_json(left, right) else ""


def without(value: object, pointers: Iterable[str]) -> object:
    """Return a JSON value without the members at these pointers."""
    for pointer in pointers:
        value = _without(value, pointer.split("/")[1:])
    return value


def _without(value: object, tokens: Sequence[str]) -> object:
    if not tokens or not isinstance(value, dict):
        return value
    key = tokens[0].replace("~1", "/").replace("~0", "~")
    if len(tokens) == 1:
        return {name: each for name, each in value.items() if name != key}
    return {
        name: _without(each, tokens[1:]) if name == key else each
        for name, each in value.items()
    }


def is_number(value: object) -> bool:
    """Tell whether a JSON value is a number; `true` and `false` are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def show(value: object) -> str:
    """Word a value for a message: JSON in ASCII, cut to a readable length."""
    if value is MISSING:
        return "nothing"
    text = json.dumps(value, default=repr)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
