"""Event types that a profile names, held against those that its protocol has.

Pure. A name that is spelt in two ways makes a check look for events that never come.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .grammar import Grammar
from .invariants import Place
from .schema import EventMatch, Profile

Key = tuple[str | int, ...]
Contradiction = tuple[Key, str]

_ANY = "*"
_OF_INVARIANTS = (
    *("type", "opens", "closes", "to_type", "counts"),
    *("by", "since", "after", "items", "sources", "rest"),
)


def is_named(type_: str, names: Iterable[str]) -> bool:
    """Tell whether a type is among the names; `data-*` stands for all that begin so."""
    return any(
        type_.startswith(name[:-1]) if name.endswith(_ANY) else type_ == name
        for name in names
    )


def unknown_types(profile: Profile) -> Iterator[Contradiction]:
    """Yield each key that names a type which the protocol has not.

    The protocol has the types of its grammar, or without one of its payloads. A
    profile with neither leaves the types open.
    """
    known = _main_types(profile)
    if known is None:
        return
    place = profile.framing.type
    known |= set(place.known) | set(place.named)
    if profile.order is not None:
        known |= set(profile.order.anywhere)
    told = known | set(profile.payloads)
    grammar = _grammar_types(profile)
    after = profile.order.error_after if profile.order is not None else ""
    if after and after not in grammar:
        yield _unknown(("order", "error_after"), after, grammar)
    for key, type_ in (*_named_types(profile), *_terminal_types(profile)):
        if not is_named(type_, told):
            yield _unknown(key, type_, told)
    known |= {match.type for _, match in terminal_matches(profile) if match.type}
    known |= _heartbeat_types(profile)
    for type_ in profile.payloads:
        if not _overlaps(type_, known):
            yield _unknown(("payloads", type_), type_, known)


def _heartbeat_types(profile: Profile) -> set[str]:
    heartbeat = profile.heartbeat
    if heartbeat is None:
        return set()
    return {name for name in (heartbeat.event, heartbeat.type) if name}


def terminal_matches(profile: Profile) -> Iterator[tuple[Key, EventMatch]]:
    """Yield every event that ends a stream, with its key."""
    terminal = profile.terminal
    for name, matches in (
        ("success", terminal.success),
        ("error", terminal.error),
        ("cancelled", terminal.cancelled),
    ):
        for index, match in enumerate(matches):
            yield ("terminal", name, index), match


def _main_types(profile: Profile) -> set[str] | None:
    """Return the types of a stream that goes well; None if the profile names none."""
    place = profile.framing.type
    if place.location == "none":
        return {place.default}
    if place.location == "present-key":
        return set(place.keys)
    if profile.order is not None:
        return _grammar_types(profile)
    if profile.payloads or place.known:
        return set(profile.payloads)
    return None


def _grammar_types(profile: Profile) -> set[str]:
    order = profile.order
    return set() if order is None else set(Grammar(order.grammar).names())


def _terminal_types(profile: Profile) -> Iterator[tuple[Key, str]]:
    """Yield the types that end a stream, as far as they must be known.

    An error stands outside a grammar, so only its payload can make its type known;
    and that only where no other type goes without a payload.
    """
    has_all = bool(profile.payloads) and _grammar_types(profile) <= set(
        profile.payloads
    )
    for key, match in terminal_matches(profile):
        if match.type is not None and (key[1] == "success" or has_all):
            yield (*key, "type"), match.type


def _named_types(profile: Profile) -> Iterator[tuple[Key, str]]:
    """Yield the types named outside of grammar, payloads and terminals."""
    if profile.framing.type.location in ("none", "present-key"):
        for type_ in sorted(_grammar_types(profile)):
            yield ("order", "grammar"), type_
    for index, type_ in enumerate(profile.ids.only_on):
        yield ("ids", "only_on", index), type_
    for type_ in profile.framing.type.event_fields:
        yield ("framing", "type", "event_fields", type_), type_
    for key, name in _optional_types(profile):
        if name is not None:
            yield key, name
    for index, invariant in enumerate(profile.invariants):
        for field in _OF_INVARIANTS:
            key = ("invariants", index, field)
            yield from _types_in(key, getattr(invariant, field, None))


def _types_in(key: Key, value: object) -> Iterator[tuple[Key, str]]:
    """Yield the types that a field of an invariant names: one, several, or a place."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Place):
        yield (*key, "type"), value.type
    elif isinstance(value, tuple):
        for index, each in enumerate(value):
            yield (*key, index), each


def _optional_types(profile: Profile) -> Iterator[tuple[Key, str | None]]:
    if (place := profile.response.stream_id) is not None:
        yield ("response", "stream_id", "event"), place.event
    if profile.resume is not None:
        yield ("resume", "snapshot"), profile.resume.snapshot
    for name, capture in profile.endpoint.captures.items():
        yield ("endpoint", "captures", name, "event"), capture.event
    if profile.steering.token is not None:
        yield ("steering", "token", "type"), profile.steering.token.type
    for index, side in enumerate(profile.sides):
        for n, step in enumerate(side.requests):
            for m, same in enumerate(step.expect.same):
                key = ("sides", index, "requests", n, "expect", "same", m, "event")
                yield key, same.event


def _overlaps(name: str, names: Iterable[str]) -> bool:
    """Tell whether a name, which may end in `*`, and one of the names have types."""
    return is_named(name, names) or any(is_named(each, [name]) for each in names)


def _unknown(key: Key, got: str, known: Iterable[str]) -> Contradiction:
    words = ", ".join(sorted(known)) or "none"
    return key, f"expected a type that the profile has ({words}), got {got!r}"
