"""Ids that a probe makes up: of no stream, beyond the last one, or of no form. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

from ..profiles import Profile

_CHANGED = 12
"""How many characters of a stream id are changed. At the end, where the forms in use
(UUID, base64, hex) have nothing but chance, so that the result is still well-formed;
twelve hex digits are 48 bits, so that it is nobody else's."""

_CYCLES = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF")
_UPPER = "GHIJKLMNOPQRSTUVWXYZ"
_NEXT = str.maketrans(
    {
        letter: cycle[(n + 1) % len(cycle)]
        for cycle in (*_CYCLES, _UPPER)
        for n, letter in enumerate(cycle)
    }
)
_NUMBER = re.compile(r"[0-9]{1,18}")
_LONG = 10_000

_GARBAGE = (
    "abc",
    "-1",
    "9e99",
    "1.5",
    "' OR 1=1 --",
    "null",
    "ünïcödé☃",
    "9" * _LONG + "x",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """An id taken apart: event `n` of `stream`, which is empty for plain numbers."""

    stream: str
    n: int

    @classmethod
    def read(cls, id_: str, profile: Profile) -> Self | None:
        """Take an id apart; None where the declared form does not allow that."""
        match profile.ids.form:
            case "stream-sequence":
                stream, _, n = id_.rpartition(profile.ids.separator)
                if not stream:
                    return None
            case "sequence":
                stream, n = "", id_
            case _:
                return None
        return cls(stream=stream, n=int(n)) if _NUMBER.fullmatch(n) else None

    def write(self, profile: Profile) -> str:
        """Put the id together again."""
        head = f"{self.stream}{profile.ids.separator}" if self.stream else ""
        return f"{head}{self.n}"


def unknown_stream(stream: str) -> str:
    """Return a stream id like this one, of a stream that does not exist."""
    return stream[:-_CHANGED] + stream[-_CHANGED:].translate(_NEXT)


def malformed_ids(profile: Profile, position: Position) -> tuple[str, ...]:
    """Return ids that cannot have been issued; `position` is a real one.

    Left out is what some server might well take for well-formed, such as `abc-1`.
    """
    found = list(_GARBAGE)
    if position.stream:
        separator, stream = profile.ids.separator, position.stream
        tails = ("", "x", "1.5", "9e99", f"1{separator}x")
        found += [stream, f"{separator}1"]
        found += [f"{stream}{separator}{tail}" for tail in tails]
    # A separator or a stream of its own may make an id of garbage.
    unread = (each for each in found if Position.read(each, profile) is None)
    return tuple(dict.fromkeys(unread))
