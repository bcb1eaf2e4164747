"""JSON and event frames, as every provider needs them.

Pure text and bytes; must not know what they say.
"""

from __future__ import annotations

import json
import re
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..content import Answer

__all__ = [
    "BLANK_EVENT",
    "MARK",
    "NOTICE",
    "SLOT",
    "comment",
    "compact",
    "cut_behind_mark",
    "dumps",
    "event",
    "fill_slots",
    "is_object",
    "mark_end",
    "seconds",
    "words_in",
]

# Stands behind the last piece of an answer that is cut there once it is encoded.
# Private-use characters: JSON leaves them alone, and no script says them.
MARK: Final = "\uf8ff\ue000\uf8ff"
# Stands, as a string, where an object comes that is spelled already.
SLOT: Final = "\uf8ff\ue001\uf8ff"

# What a frame of a type that no client knows has to say.
NOTICE: Final = "Nobody knows frames of this type."
# An event whose data is empty: no JSON at all.
BLANK_EVENT: Final = b"data: \n\n"
# What OpenRouter sends while a model has nothing to say,
# https://openrouter.ai/docs/api-reference/streaming
PROCESSING: Final = "OPENROUTER PROCESSING"

# Of every character of ASCII, whether it is white space or in a word.
_WORDS: Final = bytes(ord(" " if chr(at).isspace() else "x") for at in range(256))

# White space between the tokens of JSON, whole or broken off; strings go untouched.
_SPACE: Final = re.compile(r'("(?:[^"\\]|\\.)*(?:"|\\?\Z))|[ \t\r\n]+')


def dumps(value: object) -> str:
    """Encode JSON without white space, as UTF-8 text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def event(data: str, *, name: str | None = None) -> bytes:
    """Frame one server-sent event."""
    head = "" if name is None else f"event: {name}\n"
    return f"{head}data: {data}\n\n".encode()


def comment(text: str | None) -> bytes:
    """Frame a comment, which no client may notice."""
    return f": {PROCESSING if text is None else text}\n\n".encode()


def mark_end(answer: Answer, count: int) -> Answer:
    """Keep `count` pieces of an answer, with a mark behind the last of them."""
    return answer.head(count).mark_end(MARK)


def cut_behind_mark(encoded: str) -> bytes:
    """Return everything before the mark."""
    return encoded.rpartition(MARK)[0].encode()


def seconds(value: float) -> str:
    """Spell a number of seconds without an exponent or needless digits."""
    return f"{value:f}".rstrip("0").rstrip(".")


def words_in(text: str) -> int:
    """Count the words of a text, which may be millions, without making them."""
    if not text.isascii():
        return len(text.split())
    # Where a word starts there is white space before it.
    return (b" " + text.encode().translate(_WORDS)).count(b" x")


def is_object(text: str) -> bool:
    """Tell whether a text is a whole JSON object."""
    try:
        return isinstance(json.loads(text), dict)
    except (json.JSONDecodeError, RecursionError):
        return False


def compact(text: str) -> str:
    """Take the white space out of JSON and keep its spelling, also when cut off."""
    return _SPACE.sub(r"\1", text)


def fill_slots(encoded: str, objects: Iterable[str]) -> str:
    """Put objects as they are spelled in place of the slots, in order.

    Slots behind the last object stay. However many there are, it is copied once.
    """
    slot = f'"{SLOT}"'
    first, *others = encoded.split(slot)
    filled = chain(objects, repeat(slot))
    woven = zip(filled, others, strict=False)
    return "".join([first, *chain.from_iterable(woven)])
