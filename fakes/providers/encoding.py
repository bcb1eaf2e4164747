"""JSON and event frames, as every provider needs them.

Pure text and bytes; must not know what they say.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..content import Answer

__all__ = ["MARK", "cut_behind_mark", "dumps", "event", "mark_end", "seconds"]

# Stands behind the last piece of an answer that is cut there once it is encoded.
# Private-use characters: JSON leaves them alone, and nobody says them.
MARK: Final = "\uf8ff\ue000\uf8ff"


def dumps(value: object) -> str:
    """Encode JSON without white space, as UTF-8 text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event(data: str, *, name: str | None = None) -> bytes:
    """Frame one server-sent event."""
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {data}\n\n".encode()


def mark_end(answer: Answer, count: int) -> Answer:
    """Keep `count` pieces of an answer, with a mark behind the last of them."""
    return answer.head(count).mark_end(MARK)


def cut_behind_mark(encoded: str) -> bytes:
    """Return everything before the mark."""
    return encoded.rpartition(MARK)[0].encode()


def seconds(value: float) -> str:
    """Spell a number of seconds without an exponent or needless digits."""
    return f"{value:f}".rstrip("0").rstrip(".")
