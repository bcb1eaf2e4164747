"""When the model said nothing, as the journal has it, and which response saw it.

Pure. Must not judge: it raises `Untestable` where the evidence shows no such silence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from ..evidence.untestable import Untestable
from ..model import Evidence, UpstreamCall
from ..profiles import Profile, schema
from .journal import first_call, watched
from .streams import Stream, the_stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """A time in which the model said nothing, seen from one response; in seconds."""

    stream: Stream
    start: float
    end: float
    what: str


def declared(profile: Profile) -> schema.Heartbeat:
    """Return what the profile says of heartbeats; `Untestable` if it says nothing."""
    if profile.heartbeat is None:
        raise Untestable("the profile declares no heartbeat")
    return profile.heartbeat


def _silence(
    stream: Stream, start: float | None, end: float | None, what: str
) -> Silence:
    """Make a silence of what the journal and the transcript know of its limits."""
    seen = stream.transcript
    if start is None or seen.head_at is None:
        raise Untestable(f"the provider's journal shows no silence {what}")
    start = max(start, seen.head_at)
    end = seen.ending.at if end is None else min(end, seen.ending.at)
    return Silence(stream=stream, start=start, end=max(start, end), what=what)


def before_headers(evidence: Evidence, profile: Profile) -> Silence:
    """Find the time before the model's response head."""
    stream = the_stream(evidence, "stream", profile)
    call = first_call(evidence, stream.exchange)
    return _silence(
        stream,
        call.at("accepted"),
        _first(call.at("headers_sent"), evidence.marks.get("released")),
        "before the model's response head",
    )


def before_token(evidence: Evidence, profile: Profile) -> Silence:
    """Find the time between the model's response head and its first token."""
    stream = the_stream(evidence, "stream", profile)
    call = watched(evidence, stream.exchange, profile)
    start, end = (
        call.at("headers_sent"),
        _first(call.at("token_sent"), call.at("ended")),
    )
    return _silence(stream, start, end, "before the first token")


def between_tokens(evidence: Evidence, profile: Profile) -> Silence:
    """Find the longest pause between two tokens of the model."""
    stream = the_stream(evidence, "stream", profile)
    call = watched(evidence, stream.exchange, profile)
    return _silence(stream, *_longest_pause(call), "between two tokens")


def after_resume(evidence: Evidence, profile: Profile) -> Silence:
    """Find the same pause as the reader of the resumed response sees it."""
    stream = the_stream(evidence, "resumed", profile)
    call = watched(evidence, evidence.exchange("stream"), profile)
    return _silence(stream, *_longest_pause(call), "after a resume, between two tokens")


def _longest_pause(call: UpstreamCall) -> tuple[float | None, float | None]:
    """Return the limits of the longest time between two tokens of a call."""
    sent = [event.at for event in call.events if event.name == "token_sent"]
    ended = call.at("ended")
    if sent and ended is not None:
        sent.append(ended)
    pauses = list(pairwise(sent))
    if not pauses:
        return None, None
    return max(pauses, key=lambda pause: pause[1] - pause[0])


def _first(*instants: float | None) -> float | None:
    known = [instant for instant in instants if instant is not None]
    return min(known, default=None)


def long_silences(evidence: Evidence, profile: Profile) -> Iterator[Silence]:
    """Yield each silence of the probe that is long enough to need a heartbeat."""
    due_s = declared(profile).interval_s
    for find in (before_token, between_tokens, after_resume):
        try:
            silence = find(evidence, profile)
        except Untestable:
            continue  # this probe is not made for that silence
        if silence.end - silence.start > due_s:
            yield silence
