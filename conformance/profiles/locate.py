"""Find the line of a key in TOML text, so that an error can point at it.

`tomllib` keeps no positions. Pure; used only to word an error message, never to read
a value.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADER = re.compile(r"^\s*(\[{1,2})\s*(.+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(
    r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*[^\s=]+)*)\s*="""
)
_PART = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)'|([^\s.]+))\s*\.?""")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Return the 1-based line of the key at `path`, or of its nearest parent.

    Array-of-tables items are counted through the integers in `path`; a key inside an
    inline table is found as the line its table starts on. None when nothing matches.
    """
    positions: dict[tuple[str | int, ...], int] = {}
    counts: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _indexed(_parts(header[2]), counts, grows=header[1] == "[[")
            positions.setdefault(table, number)
        elif key := _KEY.match(line):
            positions.setdefault((*table, *_parts(key[1])), number)
    wanted = tuple(path)
    while wanted:
        if wanted in positions:
            return positions[wanted]
        wanted = wanted[:-1]
    return None


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(a or b or c for a, b, c in _PART.findall(dotted))


def _indexed(
    parts: tuple[str, ...], counts: dict[tuple[str | int, ...], int], *, grows: bool
) -> tuple[str | int, ...]:
    """Put the item number behind every part that names an array of tables."""
    table: tuple[str | int, ...] = ()
    for position, part in enumerate(parts):
        table = (*table, part)
        if grows and position == len(parts) - 1:
            counts[table] = counts.get(table, -1) + 1
        if table in counts:
            table = (*table, counts[table])
    return table
