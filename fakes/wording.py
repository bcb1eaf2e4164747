"""What pydantic complains of, in the words of this package: expected this, got that.

One table for scripts and cassettes. Pure. Must not know what is read.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

__all__ = ["MAX_SHOWN", "expected_and_got", "suggestion"]

# A refused text is quoted that far.
MAX_SHOWN: Final = 80
# Below this a word is like none of those known.
ALIKE: Final = 0.5

# How pydantic says what should have come, and how we do.
_SAID: Final = (
    ("Input should be ", ""),
    ("greater than or equal to ", "at least "),
    ("less than or equal to ", "at most "),
    ("greater than ", "more than "),
    ("a valid integer", "a whole number"),
    ("a valid number", "a number"),
    ("a valid string", "a text"),
    ("a valid boolean", "true or false"),
    ("a valid tuple", "a list"),
    ("a valid list", "a list"),
    ("a valid array", "a list"),
    ("a valid dictionary", "a table of keys"),
    ("an object", "a table of keys"),
)
# Complaints that are worded after something else than what came.
_WORDED: Final = {
    "missing": "expected a value, got nothing",
    "too_short": "expected at least {min_length} in the list, got {actual_length}",
    "too_long": "expected at most {max_length} in the list, got {actual_length}",
    "string_too_long": "expected at most {max_length} characters, got more",
    "json_invalid": "expected JSON, got text with an error: {error}",
    "union_tag_not_found": "expected a table of keys",
    "model_type": "expected a table of keys",
    "string_pattern_mismatch": "expected a text that matches {pattern}",
}
# In which what came is said already, or cannot be shown.
_COMPLETE: Final = frozenset(
    {"missing", "too_short", "too_long", "string_too_long", "json_invalid"}
)


def expected_and_got(complaint: ErrorDetails) -> str:
    """Say what was expected and what came, without where."""
    kind, context = complaint["type"], complaint.get("ctx", {})
    if kind == "value_error":
        return str(context["error"])
    worded = _WORDED.get(kind)
    expected = worded.format(**context) if worded else f"expected {_said(complaint)}"
    if kind in _COMPLETE:
        return expected
    return f"{expected}, got {repr(complaint['input'])[:MAX_SHOWN]}"


def suggestion(word: str, known: Iterable[str]) -> str:
    """Name the known word that is like `word`, or all if none is."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=ALIKE)
    return f"did you mean {near[0]!r}" if near else f"known are {', '.join(known)}"


def _said(complaint: ErrorDetails) -> str:
    message = complaint["msg"]
    for theirs, ours in _SAID:
        message = message.replace(theirs, ours)
    return message[:1].lower() + message[1:] if message[1:2].islower() else message
