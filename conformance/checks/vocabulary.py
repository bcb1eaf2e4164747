"""Event vocabulary: types, where they stand, payloads, and rules between values."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.schemas import breach_of
from ..evidence.streams import Stream, streams
from ..evidence.untestable import Untestable
from ..evidence.words import few
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.pointer import MISSING, show
from ..profiles.type_names import is_named
from ..profiles.typed import known_types
from .invariants import violations
from .registry import check


def _told(evidence: Evidence, profile: Profile) -> tuple[Stream, ...]:
    """Return the streams with events; raise `Untestable` if there is none."""
    found = tuple(stream for stream in streams(evidence, profile) if stream.events)
    if not found:
        raise Untestable("no event stream had an event")
    return found


@check("vocabulary.known-types")
def judge_types(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find events of a type that the protocol does not have."""
    known = known_types(profile)
    found = [
        stream.find(
            f"a type of the protocol: {', '.join(sorted(known))}",
            f"{event.name} with data {show(event.wire.data)}",
            event=event,
        )
        for stream in _told(evidence, profile)
        for event in stream.events
        if event.type is None or not is_named(event.type, known)
    ]
    yield from few(found, "events")


@check("vocabulary.event-field")
def judge_event_field(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the `event:` field of every event against what the profile says of it."""
    place = profile.framing.type
    found: list[Finding] = []
    for stream in _told(evidence, profile):
        for event in stream.events:
            wanted = place.event_field
            if wanted is None and place.location == "both":
                wanted = event.type
            field = event.wire.event_field
            if field is None and place.event_field_optional:
                continue
            if wanted is not None and field != wanted:
                got = "no event field" if field is None else f"event: {field}"
                where = f"{got} in {event.name}"
                found.append(stream.find(f"event: {wanted}", where, event=event))
    yield from few(found, "events")


@check("vocabulary.payload-schema")
def judge_payloads(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the JSON of every event against the schema of its type."""
    # Replays repeat the same events word for word; each is validated once.
    known: dict[tuple[str, str], str] = {}
    found: list[Finding] = []
    for stream in _told(evidence, profile):
        for event in stream.events:
            name = payload_name(event.type, profile)
            if name is None or event.data is MISSING:
                continue
            key = (name, event.wire.data)
            if key not in known:
                known[key] = breach_of(profile.payloads[name], event.data)
            if known[key]:
                expected = f"the payload of {event.type} as its schema has it"
                got = f"{event.name}: {known[key]}"
                found.append(stream.find(expected, got, event=event))
    if not known:
        raise Untestable("no event had a type with a declared payload")
    yield from few(found, "events")


def payload_name(type_: str | None, profile: Profile) -> str | None:
    """Return the name of the payload for a type: its own, or else one with `*`."""
    if type_ is None or type_ in profile.payloads:
        return type_
    return next((name for name in profile.payloads if is_named(type_, [name])), None)


@check("vocabulary.invariants")
def judge_invariants(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find values that contradict each other over a stream."""
    found = [
        finding
        for stream in _told(evidence, profile)
        for invariant in profile.invariants
        for finding in violations(invariant, stream)
    ]
    yield from few(found, "places")
