"""Ids that a probe makes up: of no stream, beyond the last one, or of no form. Pure."""

from __future__ import annotations

import hashlib
from uuid import UUID

from ...profiles import Profile
from ...profiles.typed import EventId, parse_id

_CHANGED = 12
"""How many characters of a stream id are changed. At the end, where the forms in use
(UUID, base64, hex) have nothing but chance, so that the result is still well-formed;
twelve hex digits are 48 bits, so that no other stream has it."""

_CYCLES = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF")
_UPPER = "GHIJKLMNOPQRSTUVWXYZ"
_NEXT = str.maketrans(
    {
        letter: cycle[(n + 1) % len(cycle)]
        for cycle in (*_CYCLES, _UPPER)
        for n, letter in enumerate(cycle)
    }
)
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


def unknown_id(known: str) -> str:
    """Return an id like this one, of a stream or session that does not exist."""
    return known[:-_CHANGED] + known[-_CHANGED:].translate(_NEXT)


def make_uuid(text: str) -> str:
    """Return a UUID of version 4 that is the same for the same text."""
    digest = hashlib.sha256(text.encode()).digest()
    return str(UUID(bytes=digest[:16], version=4))


def malformed_ids(profile: Profile, known: EventId) -> tuple[str, ...]:
    """Return ids that cannot have been issued; `known` is a real one.

    Left out is what some server might well take for well-formed, such as `abc-1`.
    """
    found = list(_GARBAGE)
    if known.stream:
        separator, stream = profile.ids.separator, known.stream
        tails = ("", "x", "1.5", "9e99", f"1{separator}x")
        found += [stream, f"{separator}1"]
        found += [f"{stream}{separator}{tail}" for tail in tails]
    # A separator or a stream of its own may make an id of garbage.
    unread = (each for each in found if parse_id(each, profile) is None)
    return tuple(dict.fromkeys(unread))
