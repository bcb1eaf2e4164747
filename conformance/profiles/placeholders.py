"""Placeholders: the names in braces that stand in a profile's requests. Pure.

`{prompt}` is the probe's user text, `{uuid}` a UUID that is fresh for every request,
`{session}` one that is fresh for every stream and the same in all that is asked about
it, `{stream}` the id of a stream, `{cursor}` the id of an event. Every name in a table
`captures` is one more, with a value out of an answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

from pydantic import JsonValue

PROMPT = "prompt"
UUID = "uuid"
SESSION = "session"
STREAM = "stream"
CURSOR = "cursor"

FRESH = frozenset({UUID, SESSION})
"""Those that every request can have."""

OWN = frozenset({PROMPT, UUID, STREAM, CURSOR})
"""Those that nothing can be captured as. A session may well be named by the target."""

PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_-]*)\}")

Values = Mapping[str, JsonValue]
"""The value of each placeholder that has one. Not every number has to be a text."""


def placeholders(value: JsonValue) -> set[str]:
    """Return the names in braces in all texts of a JSON value."""
    if isinstance(value, str):
        return set(PLACEHOLDER.findall(value))
    if isinstance(value, list):
        return {name for each in value for name in placeholders(each)}
    if isinstance(value, dict):
        return {name for each in value.values() for name in placeholders(each)}
    return set()


def fill(value: JsonValue, values: Values) -> JsonValue:
    """Put in the values, wherever they stand in a JSON value.

    A text that is nothing but a placeholder becomes its value, a number too. What has
    no value stays as it is.
    """
    if isinstance(value, str):
        whole = PLACEHOLDER.fullmatch(value)
        if whole is not None and whole[1] in values:
            return values[whole[1]]
        return fill_text(value, values)
    if isinstance(value, list):
        return [fill(each, values) for each in value]
    if isinstance(value, dict):
        return {key: fill(each, values) for key, each in value.items()}
    return value


def fill_text(text: str, values: Values) -> str:
    """Put the values in a text."""
    return PLACEHOLDER.sub(lambda found: _text_of(found, values), text)


def fill_path(path: str, values: Values) -> str:
    """Put the values in a path, encoded so that each is one segment of it."""
    return PLACEHOLDER.sub(
        lambda found: (
            quote(_text_of(found, values), safe="") if found[1] in values else found[0]
        ),
        path,
    )


def _text_of(found: re.Match[str], values: Values) -> str:
    value = values.get(found[1], found[0])
    return value if isinstance(value, str) else str(value)
