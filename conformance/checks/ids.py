"""Event ids: there, well-formed, in sequence, unique, unguessable; and `retry`."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence

from ..evidence.streams import Stream, streams_with_events
from ..evidence.untestable import Untestable
from ..evidence.words import few
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.pointer import show
from ..profiles.typed import EventId, TypedEvent, form_id, parse_id
from ..wire import Block
from .registry import check

_CLASSES = (
    (re.compile(r"[0-9]+"), 10),
    (re.compile(r"[0-9a-f]+|[0-9A-F]+"), 16),
    (re.compile(r"[a-z0-9]+|[A-Z0-9]+"), 36),
    (re.compile(r"[A-Za-z0-9]+"), 62),
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[0-9a-f]{4}-.{12}")
_UUID_BITS = {"4": 122, "7": 74}  # RFC 9562, sections 5.4 and 5.7; others are no secret
_CHANCE_BITS = 32
"""Two random ids that begin alike for longer than this are none: chance 2^-32."""


def _ids(
    evidence: Evidence, profile: Profile
) -> Iterator[tuple[Stream, TypedEvent, str]]:
    """Yield every id; raise `Untestable` at the end if there was none."""
    looked = False
    for stream in streams_with_events(evidence, profile):
        for event in stream.events:
            if event.id is not None:
                looked = True
                yield stream, event, event.id
    if not looked:
        raise Untestable("no event carried an id")


@check("ids.on-every-event")
def judge_on_every_event(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find events without an id of their own: one cannot resume after them."""
    found = [
        stream.find("an id on every event", event.name, event=event)
        for stream in streams_with_events(evidence, profile)
        for event in stream.events
        if event.id is None
    ]
    yield from few(found, "events")


@check("ids.declared-form")
def judge_declared_form(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find ids of another form than the profile declares."""
    found = []
    for stream, event, id_ in _ids(evidence, profile):
        if profile.ids.form == "opaque":
            is_right = bool(id_)
        else:
            is_right = parse_id(id_, profile) is not None
        if not is_right:
            found.append(stream.find(_form(profile), show(id_), event=event))
    yield from few(found, "events")


def _form(profile: Profile) -> str:
    match profile.ids.form:
        case "stream-sequence":
            separator = profile.ids.separator
            return f"an id of the form <stream>{separator}<n>, n without leading zeros"
        case "sequence":
            return "an id that is a number without leading zeros"
        case _:
            return "an id that is not empty"


@check("ids.without-gaps")
def judge_without_gaps(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Follow the numbers of each response, from the first or from the resumed one."""
    found = []
    looked = False
    for stream in streams_with_events(evidence, profile):
        due = _first_due(stream, profile)
        for event in stream.events:
            id_ = parse_id(event.id or "", profile)
            if id_ is None:
                continue  # that it lacks an id, or has another form, is found elsewhere
            looked = True
            if due is not None and id_.n != due:
                expected = form_id(EventId(stream=id_.stream, n=due), profile)
                found.append(
                    stream.find(f"id {expected} next", event.name, event=event)
                )
            due = id_.n + profile.ids.step
    if not looked:
        raise Untestable("no event carried an id of the declared form")
    yield from few(found, "places")


def _first_due(stream: Stream, profile: Profile) -> int | None:
    """Return the number of the first event; None after a resume we cannot read."""
    if stream.resumed_after is None:
        return profile.ids.first
    after = parse_id(stream.resumed_after, profile)
    return None if after is None else after.n + profile.ids.step


@check("ids.unique")
def judge_unique(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find an id that comes twice in one response."""
    found = []
    seen: set[tuple[str, str]] = set()
    for stream, event, id_ in _ids(evidence, profile):
        if (stream.label, id_) in seen:
            expected = "every id once in a response"
            got = f"{show(id_)} a second time, on {event.type}"
            found.append(stream.find(expected, got, event=event))
        seen.add((stream.label, id_))
    yield from few(found, "events")


@check("ids.ascii")
def judge_ascii(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find ids that a `Last-Event-ID` header cannot carry everywhere."""
    found = [
        stream.find("an id of printable ASCII", show(id_), event=event)
        for stream, event, id_ in _ids(evidence, profile)
        if not (id_.isascii() and id_.isprintable())
    ]
    yield from few(found, "events")


def _stream_ids(evidence: Evidence, profile: Profile) -> dict[str, Stream]:
    """Return the first exchange of every stream id, over fresh streams."""
    found: dict[str, Stream] = {}
    for stream in streams_with_events(evidence, profile):
        if stream.resumed_after is None:
            id_ = parse_id(stream.events[0].id or "", profile)
            if id_ is not None:
                found.setdefault(id_.stream, stream)
    if not found:
        raise Untestable("no event carried an id of the declared form")
    return found


@check("ids.stream-differs")
def judge_stream_differs(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find two streams that share a stream id."""
    found = _stream_ids(evidence, profile)
    fresh = [
        stream
        for stream in streams_with_events(evidence, profile)
        if stream.resumed_after is None
        and parse_id(stream.events[0].id or "", profile) is not None
    ]
    if len(fresh) < 2:  # noqa: PLR2004 -- two to compare
        raise Untestable("only one stream carried ids of the declared form")
    for stream in fresh:
        id_ = parse_id(stream.events[0].id or "", profile)
        first = found[id_.stream] if id_ is not None else stream
        if first is not stream:
            yield stream.find(
                f"a stream id of its own, other than that of {first.label}",
                stream.events[0].name,
                event=stream.events[0],
            )


@check("ids.unguessable")
def judge_unguessable(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Bound from above how many random bits the stream ids can hold.

    The bound never accuses a right server: every character counts as random over the
    smallest alphabet it can come from, less what streams share by more than chance.
    """
    found = _stream_ids(evidence, profile)
    wanted = profile.ids.min_entropy_bits
    for id_, stream in found.items():
        others = [other for other in found if other != id_]
        bits = max_entropy_bits(id_, others)
        if bits < wanted:
            shown = ", ".join(show(each) for each in (id_, *others)[:3])
            yield stream.find(
                f"stream ids with at least {wanted} unguessable bits",
                f"at most {bits:.0f} bits in {shown}",
                event=stream.events[0],
            )
            return


def max_entropy_bits(id_: str, others: Sequence[str]) -> float:
    """Return how many random bits `id_` can hold at most, given its siblings."""
    if uuid := _UUID.fullmatch(id_.lower()):
        return _UUID_BITS.get(uuid[1], 0)
    per_character = math.log2(_alphabet(re.sub(r"[-_]", "", id_)))
    shared = max((_shared(id_, other) for other in others), default=0)
    if shared * per_character <= _CHANCE_BITS:
        shared = 0
    return (len(id_) - shared) * per_character


def _alphabet(text: str) -> int:
    return next((size for form, size in _CLASSES if form.fullmatch(text)), 64)


def _shared(left: str, right: str) -> int:
    """Return how many characters two ids share at their ends together."""
    prefix = _common(left, right)
    return prefix + _common(left[prefix:][::-1], right[prefix:][::-1])


def _common(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


@check("ids.retry-on-first-event")
def judge_retry_on_first_event(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Hold the first event with an id of every response against the declared `retry`.

    Where no event of a response has an id, its first event is held against it.
    """
    if profile.retry is None:
        raise Untestable("the profile declares no retry")
    has_ids = profile.ids.form != "none"
    which = "the first event with an id" if has_ids else "the first event"
    wanted = f"retry: {profile.retry.first_event_ms} as a field of {which}"
    found = []
    for stream in streams_with_events(evidence, profile):
        with_id = (event for event in stream.events if event.id is not None)
        first = next(with_id, stream.events[0])
        if first.wire.retry_ms != profile.retry.first_event_ms:
            alone = _lone_retry(stream)
            got = f"{first.name} with retry: {first.wire.retry_ms}"
            if first.wire.retry_ms is None:
                got = f"{first.name} without retry"
            if alone is not None:
                got += f", and retry: {alone.retry_ms} in a block without data"
            found.append(stream.find(wanted, got, event=first))
    yield from few(found, "responses")


def _lone_retry(stream: Stream) -> Block | None:
    for timed in stream.transcript.decoded.items:
        if isinstance(timed.item, Block) and timed.item.retry_ms is not None:
            return timed.item
    return None
