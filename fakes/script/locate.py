"""Find the line of a key in TOML text, so that a mistake can be pointed at.

`tomllib` keeps no positions. This walks the same grammar (https://toml.io/en/v1.0.0)
over text that `tomllib` has accepted, and only notes where keys and elements are.
Pure; used to word a message, never to read a value.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["line_of"]

Place: TypeAlias = tuple[str | int, ...]

_BLANK: Final = re.compile(r"(?:[\s,]|#[^\n]*)*")
_KEY: Final = re.compile(
    r"""[ \t]*(?P<part>[A-Za-z0-9_-]+|"(?:\\.|[^"\\])*"|'[^']*')[ \t]*(?P<dot>\.?)"""
)
# A string, or what is none. Longest first: three quotes also begin a string of one.
_SIMPLE: Final = re.compile(
    r"""\"{3}(?:\\.|(?!\"{3}).)*\"{3,5}|'{3}(?:(?!'{3}).)*'{3,5}"""
    r"""|"(?:\\.|[^"\\])*"|'[^']*'|[^,\]}#\n]*""",
    re.DOTALL,
)


def line_of(text: str, place: Sequence[str | int]) -> int | None:
    """Return the 1-based line of the key or element at a place, or of what it is in.

    The place is that of the value in the parsed document: keys, and numbers for
    elements of arrays. None when not even the first of it is there.
    """
    found = _Walk(text).offsets
    wanted = tuple(place)
    while wanted and wanted not in found:
        wanted = wanted[:-1]
    if not wanted:
        return None
    ends = [match.start() for match in re.finditer("\n", text)]
    return bisect_right(ends, found[wanted]) + 1


class _Walk:
    """One pass over a document."""

    def __init__(self, text: str) -> None:
        self.offsets: dict[Place, int] = {}
        self._text = text
        self._at = 0
        # How many tables each array of tables has.
        self._counts: dict[Place, int] = {}
        self._document()

    def _document(self) -> None:
        table: Place = ()
        while not self._is_over():
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _is_over(self) -> bool:
        """Skip what means nothing; True at the end of the text."""
        blank = _BLANK.match(self._text, self._at)
        self._at = blank.end() if blank else self._at
        return self._at >= len(self._text)

    def _header(self) -> Place:
        """Read `[table]` or `[[table]]`; return where its keys are."""
        start = self._at
        grows = self._text.startswith("[[", start)
        self._at += 1 + grows
        table: Place = ()
        parts = self._key()
        for last, part in enumerate(parts, 1 - len(parts)):
            table = (*table, part)
            if grows and last == 0:
                self._counts[table] = self._counts.get(table, -1) + 1
                self.offsets.setdefault(table, start)
            if table in self._counts:
                table = (*table, self._counts[table])
            self.offsets.setdefault(table, start)
        self._at += 1 + grows
        return table

    def _pair(self, table: Place) -> None:
        """Read `key = value`."""
        start = self._at
        place = table
        for part in self._key():
            place = (*place, part)
            self.offsets.setdefault(place, start)
        self._at += 1
        self._value(place)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while match := _KEY.match(self._text, self._at):
            self._at = match.end()
            parts.append(_unquoted(match["part"]))
            if not match["dot"]:
                break
        return parts

    def _value(self, place: Place) -> None:
        self._is_over()
        if self._text.startswith("{", self._at):
            self._at += 1
            while not self._is_over() and self._text[self._at] != "}":
                self._pair(place)
            self._at += 1
        elif self._text.startswith("[", self._at):
            self._elements(place)
        elif match := _SIMPLE.match(self._text, self._at):
            self._at = match.end()

    def _elements(self, place: Place) -> None:
        self._at += 1
        index = 0
        while not self._is_over() and self._text[self._at] != "]":
            self.offsets[*place, index] = self._at
            self._value((*place, index))
            index += 1
        self._at += 1


def _unquoted(part: str) -> str:
    if part.startswith("'"):
        return part[1:-1]
    if not part.startswith('"'):
        return part
    try:
        return str(json.loads(part))
    except ValueError:
        # `\U0001F600` is TOML alone; a key spelled so is pointed at by its table.
        return part
