"""Event vocabulary: types, where they stand, payloads, and rules between values."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.schemas import breach_of
from ..evidence.streams import beats, streams_with_events
from ..evidence.untestable import Untestable
from ..evidence.words import few
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.pointer import MISSING, lookup, show
from ..profiles.schema import TypeLocation
from ..profiles.type_names import is_named
from ..profiles.typed import Outcome, known_types
from .invariants import violations
from .registry import check


@check("vocabulary.known-types")
def judge_known_types(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find events of a type that the protocol does not have."""
    known = known_types(profile)
    found = [
        stream.find(
            f"a type of the protocol: {', '.join(sorted(known))}",
            f"{event.name} with data {show(event.wire.data)}",
            event=event,
        )
        for stream in streams_with_events(evidence, profile)
        for event in stream.events
        if event.type is None or not is_named(event.type, known)
    ]
    yield from few(found, "events")


@check("vocabulary.event-field")
def judge_event_field(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the `event:` field of every event against what the profile says of it."""
    place = profile.framing.type
    found: list[Finding] = []
    for stream in streams_with_events(evidence, profile):
        # Where every frame is data only, a heartbeat is no exception.
        events = [*stream.events, *(beats(stream) if place.data_only else ())]
        for event in events:
            field = event.wire.event_field
            wanted = _event_field(event.type, place)
            is_free = wanted is None and not place.data_only
            if is_free or (field is None and place.event_field_optional):
                continue
            if field != wanted:
                expected = "no event field" if wanted is None else f"event: {wanted}"
                got = "no event field" if field is None else f"event: {field}"
                where = f"{got} in {event.name}"
                found.append(stream.find(expected, where, event=event))
    yield from few(found, "events")


def _event_field(type_: str | None, place: TypeLocation) -> str | None:
    """Return the `event:` field that events of a type have; None where it is free."""
    for name, field in place.event_fields.items():
        if type_ is not None and is_named(type_, [name]):
            return field
    return type_ if place.location == "both" else place.event_field


@check("vocabulary.payload-schema")
def judge_payload_schema(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the JSON of every event against the schema of its type."""
    # Replays repeat the same events word for word; each is validated once.
    known: dict[tuple[str, str], str] = {}
    found: list[Finding] = []
    for stream in streams_with_events(evidence, profile):
        for event in (*stream.events, *beats(stream)):
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


@check("vocabulary.error-codes")
def judge_error_codes(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find error events with a code that the profile does not list."""
    errors = profile.errors
    if errors is None or not errors.codes:
        raise Untestable("the profile lists no error codes")
    found: list[Finding] = []
    looked = False
    for stream in streams_with_events(evidence, profile):
        for event in stream.events:
            if event.outcome not in (Outcome.ERROR, Outcome.CANCELLED):
                continue
            looked = True
            code = lookup(event.data, errors.code)
            if code not in errors.codes:
                expected = f"at {errors.code} one of {', '.join(errors.codes)}"
                got = f"{show(code)} in {event.name}"
                found.append(stream.find(expected, got, event=event))
    if not looked:
        raise Untestable("no stream told an error")
    yield from few(found, "events")


@check("vocabulary.invariants")
def judge_invariants(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find values that contradict each other over a stream."""
    found = [
        finding
        for stream in streams_with_events(evidence, profile)
        for invariant in profile.invariants
        for finding in violations(invariant, stream)
    ]
    yield from few(found, "places")
