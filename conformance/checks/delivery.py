"""Delivery: the head and the first event come at once, tokens as they are produced."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.journal import first_call, shown_calls, watched
from ..evidence.streams import Stream, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import few, ms
from ..model import Evidence, Finding
from ..profiles import Profile, schema
from ..profiles.pointer import show
from ..profiles.typed import TypedEvent
from .registry import Sample, check


def _latency(profile: Profile) -> schema.Latency:
    if profile.latency is None:
        raise Untestable("the profile declares no latency")
    return profile.latency


def _asked_at(stream: Stream) -> float:
    """Return when the request was complete, in seconds."""
    seen = stream.transcript
    return seen.started_at if seen.request_sent_at is None else seen.request_sent_at


def _held(evidence: Evidence, profile: Profile) -> tuple[Stream, float]:
    """Return the stream and when its model first answered, which must be after."""
    stream = the_stream(evidence, "stream", profile)
    call = first_call(evidence, stream.exchange)
    answered = call.at("headers_sent")
    released = evidence.marks.get("released", stream.transcript.ending.at)
    return stream, released if answered is None else answered


@check("delivery.head-in-time")
def judge_head_in_time(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure from the request to the response head, while the model says nothing."""
    bound = _latency(profile).head_s
    stream, model_at = _held(evidence, profile)
    head_at = stream.transcript.head_at
    if head_at is None:
        raise Untestable("the transcript has no time of the head")
    yield from _judge_latency(stream, "the response head", head_at, bound, model_at)


@check("delivery.first-event-in-time")
def judge_first_event_in_time(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure from the request to the first event, while the model says nothing.

    A heartbeat is one where the profile says that every response begins with it.
    """
    bound = _latency(profile).first_event_s
    stream, model_at = _held(evidence, profile)
    arrivals = [event.at for event in stream.events[:1]]
    if profile.heartbeat is not None and profile.heartbeat.opens:
        arrivals += [beat.at for beat in stream.heartbeats[:1]]
    if not arrivals:
        yield stream.find(f"a first event within {ms(bound)}", "none at all")
        return
    at = min(arrivals)
    yield from _judge_latency(stream, "the first event", at, bound, model_at)


def _judge_latency(
    stream: Stream, what: str, at: float, bound: float, model_at: float
) -> Iterator[Finding | Sample]:
    seconds = at - _asked_at(stream)
    has_waited = at >= model_at
    if has_waited and seconds <= bound:
        raise Untestable(
            f"the model answered after {ms(model_at - _asked_at(stream))} already, so "
            f"that {what} may have waited for it",
            timed=True,
        )
    yield Sample(seconds=seconds)
    if seconds > bound:
        late = ", after the model's answer" if has_waited else ""
        yield stream.find(
            f"{what} within {ms(bound)} of the request",
            f"{ms(seconds)}{late}",
            at=at,
            timed=not has_waited,
            beyond_s=seconds - bound,
        )


@check("delivery.tokens-as-produced")
def judge_tokens_as_produced(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure from the model's token to its arrival, for every token of a call.

    Where words are gathered, from the token that made their portion full.
    """
    bound = _latency(profile).token_s
    stream = the_stream(evidence, "stream", profile)
    call = watched(evidence, stream.exchange, profile)
    sent = [event.at for event in call.events if event.name == "token_sent"]
    if not sent or sent[-1] - sent[0] <= bound:
        raise Untestable("the model sent its tokens all at once, so no delay can show")
    arrived = list(_arrivals_of_words(stream, len(sent)))
    found: list[Finding] = []
    portion = _words_per_event(profile)
    full = [
        sent[min(n - n % portion + portion, len(sent)) - 1] for n in range(len(sent))
    ]
    for n, (full_at, (at, event)) in enumerate(zip(full, arrived, strict=False), 1):
        lag = at - full_at
        yield Sample(seconds=max(0.0, lag))
        if lag > bound:
            expected = f"token {n} within {ms(bound)} of the model sending it"
            found.append(
                stream.find(
                    expected, ms(lag), event=event, timed=True, beyond_s=lag - bound
                )
            )
    if len(arrived) < len(sent):
        found.append(
            stream.find(f"{len(sent)} tokens to time", f"{len(arrived)} that arrived")
        )
    yield from few(found, "tokens")


def _arrivals_of_words(
    stream: Stream, limit: int
) -> Iterator[tuple[float, TypedEvent]]:
    """Yield when each word of the joined token text arrived: a token is one word."""
    for event in stream.tokens():
        for _ in stream.token_text(event).split():
            if limit == 0:
                return
            limit -= 1
            yield event.at, event


@check("delivery.one-event-per-token")
def judge_one_event_per_token(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find events that carry more than one of the model's tokens."""
    stream = the_stream(evidence, "stream", profile)
    calls = shown_calls(evidence, stream.exchange, profile)
    if not stream.tokens() or not sum(call.sent for call in calls):
        raise Untestable("no token of the model arrived")
    portion = _words_per_event(profile)
    wanted = "one token" if portion == 1 else f"at most {portion} tokens"
    found = [
        stream.find(
            f"{wanted} of the model in one event",
            f"{show(stream.token_text(event))} in {event.name}",
            event=event,
        )
        for event in stream.tokens()
        if len(stream.token_text(event).split()) > portion
    ]
    yield from few(found, "events")


def _words_per_event(profile: Profile) -> int:
    token = profile.steering.token
    return 1 if token is None else token.words
