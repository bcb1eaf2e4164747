"""Heartbeats: whenever nothing else is sent, in the declared form, and only then.

A heartbeat is due one interval after the last byte. What is measured is the silence
between two arrivals at the suite; what proves that there was reason for silence is the
provider's journal. Due within: interval + `profile.heartbeat.tolerance_s`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from ..evidence.silences import (
    Silence,
    after_resume,
    before_headers,
    before_token,
    between_tokens,
    declared,
    long_silences,
)
from ..evidence.streams import Stream, beats, streams
from ..evidence.untestable import Untestable
from ..evidence.words import few, ms
from ..model import Evidence, Finding
from ..profiles import Profile, schema
from ..profiles.items import Heartbeat
from ..profiles.pointer import is_same_json, lookup, parse_json, show
from ..profiles.typed import known_types
from ..wire import AnomalyKind, Block, Comment, Event
from .registry import Sample, check

_EVENT_FIELD = re.compile(rb"^event: ?([^\r\n]*)", re.MULTILINE)

_EARLY = 0.5
"""A heartbeat after less than this part of the interval is too early. Half of it,
because arrivals bunch up on a busy machine."""

_BUSY = 0.75
"""Three heartbeats within this part of the interval: faster than any lateness of one of
them explains. A loop without a pause is off by orders of magnitude."""

_COUNTED_INTERVALS = 3
"""From here on a silence is long enough to see whether heartbeats keep coming."""


# Whether they come


def _arrivals(silence: Silence) -> list[tuple[float, bool]]:
    """Return when something arrived, and whether it was no event of the protocol.

    Any bytes keep a connection alive; their form is judged elsewhere. A heartbeat that
    opens the response comes whether or not there is a silence, and answers for none.
    """
    stream = silence.stream
    opening = _opening(stream)
    ours = _protocol_events(stream) | {beat.item.start for beat in opening}
    return [
        (timed.at, timed.item.start not in ours)
        for timed in stream.transcript.decoded.items
    ]


def _opening(stream: Stream) -> tuple[Heartbeat, ...]:
    """Return the heartbeat that opens a response, where the profile says that one does.

    It is the first of all events; a block without data is none.
    """
    heartbeat = stream.profile.heartbeat
    if heartbeat is None or not heartbeat.opens:
        return ()
    first = min((event.wire.start for event in stream.events[:1]), default=math.inf)
    return tuple(beat for beat in stream.heartbeats[:1] if beat.item.start < first)


def _protocol_events(stream: Stream) -> frozenset[int]:
    """Return the offsets of the events that are of a type the profile knows."""
    known = known_types(stream.profile)
    events = (event for event in stream.events if not known or event.type in known)
    return frozenset(event.wire.start for event in events)


def _judge_silence(silence: Silence, profile: Profile) -> Iterator[Finding | Sample]:
    """Measure every gap that ends in this silence, or should have.

    A gap begins at the last arrival, which may be before the model fell silent.
    """
    heartbeat = declared(profile)
    limit = heartbeat.interval_s + heartbeat.tolerance_s
    arrivals = _arrivals(silence)
    before = [at for at, _ in arrivals if at <= silence.start]
    last = max(before, default=silence.stream.transcript.head_at or silence.start)
    looked = False
    for at, is_heartbeat in arrivals:
        if not silence.start < at <= silence.end:
            continue
        looked = looked or is_heartbeat or at - last > limit
        if is_heartbeat:
            yield Sample(seconds=at - last)
        if at - last > limit:
            yield _late(silence, heartbeat, last, at)
        last = at
    if silence.end - last > limit:
        yield _late(silence, heartbeat, last, silence.end)
    elif not looked and silence.end - silence.start <= limit:
        raise Untestable(
            f"{silence.stream.label}: the model was silent {silence.what} for only "
            f"{ms(silence.end - silence.start)}, too short for a heartbeat due within "
            f"{ms(limit)}"
        )


def _late(
    silence: Silence, heartbeat: schema.Heartbeat, last: float, at: float
) -> Finding:
    limit = heartbeat.interval_s + heartbeat.tolerance_s
    return silence.stream.find(
        f"a heartbeat within {ms(limit)} of silence {silence.what} "
        f"(interval {ms(heartbeat.interval_s)})",
        f"nothing for {ms(at - last)}",
        at=at,
        timed=True,
        beyond_s=at - last - limit,
    )


@check("heartbeat.before-upstream-headers")
def judge_before_upstream_headers(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure the silence while the model holds back its response head."""
    yield from _judge_silence(before_headers(evidence, profile), profile)


@check("heartbeat.before-first-token")
def judge_before_first_token(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure the silence between the model's head and its first token."""
    yield from _judge_silence(before_token(evidence, profile), profile)


@check("heartbeat.mid-stream")
def judge_mid_stream(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure the silence of a model that stalls between two tokens."""
    yield from _judge_silence(between_tokens(evidence, profile), profile)


@check("heartbeat.after-resume")
def judge_after_resume(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure the silence that the reader of a resumed stream sees."""
    yield from _judge_silence(after_resume(evidence, profile), profile)


@check("heartbeat.keeps-coming")
def judge_keeps_coming(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Count the heartbeats of a long silence: one less than due, for lateness."""
    heartbeat = declared(profile)
    looked = False
    for silence in long_silences(evidence, profile):
        length = silence.end - silence.start
        due = math.floor(length / heartbeat.interval_s)
        if due < _COUNTED_INTERVALS:
            continue
        looked = True
        came = sum(
            is_heartbeat and silence.start < at <= silence.end
            for at, is_heartbeat in _arrivals(silence)
        )
        if came < due - 1:
            yield silence.stream.find(
                f"{due} heartbeats in {ms(length)} of silence {silence.what}",
                f"{came}",
                at=silence.end,
                timed=True,
            )
    if not looked:
        raise Untestable("the model was never silent for three intervals")


# How they look


def _with_heartbeats(evidence: Evidence, profile: Profile) -> tuple[Stream, ...]:
    found = tuple(s for s in streams(evidence, profile) if s.heartbeats)
    if not found:
        raise Untestable("no heartbeat of the declared form came")
    return found


def _form(heartbeat: schema.Heartbeat) -> str:
    data = "" if heartbeat.data is None else f" {heartbeat.data!r}"
    match heartbeat.form:
        case "comment":
            return f"a comment{data}"
        case "event":
            with_data = f" with data{data}" if data else ""
            return f"an event {heartbeat.event or 'message'!r}{with_data}"
        case _:
            return f"an event of type {heartbeat.type!r}{data}"


@check("heartbeat.declared-form")
def judge_declared_form(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold what comes in a silence against the declared form."""
    heartbeat = declared(profile)
    found: list[Finding] = []
    looked = False
    for stream in streams(evidence, profile):
        for beat in stream.heartbeats:
            looked = True
            if not _is_declared_data(beat.item, heartbeat):
                got = f"{_word(beat.item)} instead"
                found.append(
                    stream.find(
                        _form(heartbeat), got, offset=beat.item.start, at=beat.at
                    )
                )
    for silence in long_silences(evidence, profile):
        for item in _strangers(silence, profile):
            looked = True
            found.append(
                silence.stream.find(
                    f"{_form(heartbeat)} in a silence", _word(item), offset=item.start
                )
            )
    if not looked:
        raise Untestable("nothing came while the model was silent")
    yield from few(found, "heartbeats")


def _is_declared_data(item: Event | Comment, heartbeat: schema.Heartbeat) -> bool:
    if heartbeat.data is None:
        return True
    if isinstance(item, Comment):
        return item.text.strip() == heartbeat.data.strip()
    if item.data == heartbeat.data:
        return True
    said = parse_json(item.data)
    return is_same_json(said, parse_json(heartbeat.data)) and isinstance(
        said, dict | list
    )


def _strangers(silence: Silence, profile: Profile) -> Iterator[Event | Comment]:
    """Yield what keeps a silent stream alive in a form that was not declared.

    Besides heartbeats of the declared form, another form does no harm unless the
    profile calls it fatal; alone, it is not what was promised.
    """
    stream = silence.stream
    fatal = declared(profile).fatal_forms
    has_declared = any(
        silence.start < beat.at <= silence.end
        for beat in stream.heartbeats[len(_opening(stream)) :]
    )
    ours = _protocol_events(stream) | {beat.item.start for beat in stream.heartbeats}
    for timed in stream.transcript.decoded.items:
        item = timed.item
        if isinstance(item, Block) or item.start in ours:
            continue
        is_silent = silence.start < timed.at <= silence.end
        form = "comment" if isinstance(item, Comment) else "event"
        if is_silent and (form in fatal or not has_declared):
            yield item


def _word(item: Event | Comment) -> str:
    if isinstance(item, Comment):
        return f"a comment {show(item.text)}"
    return f"an event {item.type!r} with data {show(item.data)}"


@check("heartbeat.without-id")
def judge_without_id(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find heartbeats that carry an id, or come with one that moves the cursor."""
    found = []
    for stream in _with_heartbeats(evidence, profile):
        suspects: list[tuple[str, Event | Block]] = [
            ("a heartbeat", beat.item)
            for beat in stream.heartbeats
            if isinstance(beat.item, Event)
        ]
        suspects += [
            ("a block without data", timed.item)
            for timed in stream.transcript.decoded.items
            if isinstance(timed.item, Block)
        ]
        found += [
            stream.find(
                "heartbeats that leave the last event id alone",
                f"{what} with id {show(item.id)}",
                offset=item.start,
            )
            for what, item in suspects
            if item.id is not None
        ]
    yield from few(found, "heartbeats")


@check("heartbeat.between-events-only")
def judge_between_events_only(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find heartbeats that were written between the lines of an event."""
    heartbeat = declared(profile)
    looked = False
    found = []
    for stream in streams(evidence, profile):
        inside = [*_torn_by_comment(stream), *_torn_by_event(stream, heartbeat)]
        looked = looked or bool(stream.heartbeats) or bool(inside)
        found += [
            stream.find(
                "heartbeats between events only",
                "one between the lines of an event",
                offset=offset,
            )
            for offset in inside
        ]
    if not looked:
        raise Untestable("no heartbeat came")
    yield from few(found, "heartbeats")


def _torn_by_comment(stream: Stream) -> Iterator[int]:
    for beat in stream.heartbeats:
        if isinstance(beat.item, Comment) and beat.item.inside_block:
            yield beat.item.start


def _torn_by_event(stream: Stream, heartbeat: schema.Heartbeat) -> Iterator[int]:
    """Yield where the lines of a heartbeat event stand among those of another.

    Without a blank line between them, two events become one: with two `event` fields,
    or with the heartbeat's data as one line of more.
    """
    body = stream.transcript.body
    starts = [timed.item.start for timed in stream.transcript.decoded.items]
    for anomaly in stream.transcript.anomalies:
        if anomaly.kind is AnomalyKind.DUPLICATE_FIELD and heartbeat.form == "event":
            block = max((at for at in starts if at <= anomaly.start), default=0)
            names = set(_EVENT_FIELD.findall(body[block : anomaly.end]))
            if (heartbeat.event or "message").encode() in names and len(names) > 1:
                yield anomaly.start
    for timed in stream.transcript.events:
        parts = timed.item.data.split("\n")
        if heartbeat.data and len(parts) > 1 and heartbeat.data in parts:
            yield timed.item.start


# At the start of every response


@check("heartbeat.opens-response")
def judge_opens_response(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find responses that begin with anything but a heartbeat."""
    found = []
    for stream in streams(evidence, profile):
        if _opening(stream):
            continue
        if not stream.events and not stream.is_read_to_end:
            continue  # we left before anything came
        first = stream.events[0].name if stream.events else "no event at all"
        expected = f"{_form(declared(profile))} as the first event of the response"
        event = stream.events[0] if stream.events else None
        found.append(stream.find(expected, first, event=event))
    yield from few(found, "responses")


@check("heartbeat.opening-carries-cursor-value")
def judge_opening_carries_cursor_value(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Compare what opens a resumed response with the event at its cursor."""
    pointer = declared(profile).cursor_value
    if pointer is None:
        raise Untestable("the profile declares no value of the event at the cursor")
    seen = streams(evidence, profile)
    told = {
        event.id: lookup(event.data, pointer)
        for stream in seen
        for event in stream.events
        if event.id is not None
    }
    found = []
    looked = False
    for stream in seen:
        cursor = stream.resumed_after
        opening = _opening(stream)
        if cursor not in told or not opening:
            continue
        looked = True
        beat = beats(stream)[0]
        value = lookup(beat.data, pointer)
        if not is_same_json(value, told[cursor]):
            expected = (
                f"at {pointer} what the event {cursor!r} has, {show(told[cursor])}"
            )
            got = f"{show(value)} in the heartbeat that opens the response"
            found.append(stream.find(expected, got, event=beat))
    if not looked:
        raise Untestable("no resumed response began with a heartbeat")
    yield from few(found, "responses")


# Only when they are needed


@check("heartbeat.not-too-often")
def judge_not_too_often(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find heartbeats that follow each other much faster than the interval."""
    interval_s = declared(profile).interval_s
    found = []
    for stream in _with_heartbeats(evidence, profile):
        beats = stream.heartbeats
        for first, third in zip(beats, beats[2:], strict=False):
            span = third.at - first.at
            if span < interval_s * _BUSY:
                expected = f"at most one heartbeat in {ms(interval_s)}"
                got = f"three within {ms(span)}"
                found.append(
                    stream.find(
                        expected, got, offset=third.item.start, at=third.at, timed=True
                    )
                )
    yield from few(found, "heartbeats")


@check("heartbeat.only-when-idle")
def judge_only_when_idle(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find heartbeats soon after an event, where the connection was not idle."""
    heartbeat = declared(profile)
    found = []
    looked = False
    for stream in streams(evidence, profile):
        if stream.resumed_after is not None:
            continue  # replayed events arrive at once, however old they are
        looked = looked or len(stream.events) > 1
        ours = _protocol_events(stream)
        for beat in stream.heartbeats:
            # By place, not by time: what was read in one go has one time.
            before = (
                event.at
                for event in stream.events
                if event.wire.start in ours and event.wire.end <= beat.item.start
            )
            last = max(before, default=None)
            if last is not None and beat.at - last < heartbeat.interval_s * _EARLY:
                expected = f"a heartbeat only after {ms(heartbeat.interval_s)} without"
                got = f"one {ms(beat.at - last)} after an event"
                found.append(
                    stream.find(
                        f"{expected} any event",
                        got,
                        offset=beat.item.start,
                        at=beat.at,
                        timed=True,
                    )
                )
    if not looked:
        raise Untestable("no event stream had events")
    yield from few(found, "heartbeats")


@check("heartbeat.none-after-terminal")
def judge_none_after_terminal(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find heartbeats after the terminal signal."""
    looked = False
    for stream in streams(evidence, profile):
        end = stream.terminal_end
        if end is None:
            continue
        looked = True
        after = [beat for beat in stream.heartbeats if beat.item.start >= end]
        if after:
            yield stream.find(
                "no heartbeat after the terminal signal",
                f"{len(after)}",
                offset=after[0].item.start,
                at=after[0].at,
            )
    if not looked:
        raise Untestable("no stream had a terminal signal")
