"""A stream from its first event to its end: order, one end, nothing lost or mixed."""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.journal import calls_of, key_of, shown_calls
from ..evidence.streams import (
    Stream,
    answers,
    is_event_stream,
    read,
    streams,
    the_stream,
)
from ..evidence.untestable import Untestable
from ..evidence.words import ended, few, is_given_up, last_event, ms
from ..model import Evidence, Finding
from ..profiles import Profile
from ..profiles.grammar import Grammar, Mismatch
from ..profiles.pointer import show
from ..profiles.type_names import is_named
from ..profiles.typed import Outcome, TypedEvent
from ..wire import EndingKind
from .registry import Sample, check

_BROKEN = frozenset(
    {EndingKind.PREMATURE_EOF, EndingKind.RESET, EndingKind.PROTOCOL_ERROR}
)


# Order


@check("lifecycle.order")
def judge_order(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the order of types against the grammar, over resumes as well."""
    if profile.order is None:
        raise Untestable("the profile declares no order")
    grammar = Grammar(profile.order.grammar)
    history = _History()
    looked = False
    for stream in streams(evidence, profile):
        start = history.up_to(stream.resumed_after)
        if start is None or not stream.events:
            continue
        looked = True
        types = history.remember(start, stream)
        mismatch = grammar.mismatch(
            types, complete=stream.outcome is Outcome.SUCCESS
        ) or _early_error(types, stream, profile.order.error_after)
        # A fault in what came before a resume is a finding of that response.
        if mismatch is not None and mismatch.index >= len(start):
            yield _out_of_order(stream, mismatch, len(start))
    if not looked:
        raise Untestable("no event stream had an event")


class _History:
    """The types of every response so far, and how far each event id stands in them."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[list[str], int]] = {}

    def up_to(self, id_: str | None) -> list[str] | None:
        """Return the types up to and including this event; None if it is unknown.

        Without an id a response starts from nothing.
        """
        if id_ is None:
            return []
        if id_ not in self._places:
            return None
        types, count = self._places[id_]
        return types[:count]

    def remember(self, start: list[str], stream: Stream) -> list[str]:
        """Return the types of a response that went on from `start`, and keep them."""
        types = list(start)
        for event in _up_to_end(stream):
            if _has_place(event, stream):
                types.append(event.type or "")
            if event.id is not None:
                self._places[event.id] = (types, len(types))
        return types


def _up_to_end(stream: Stream) -> Iterator[TypedEvent]:
    """Yield the events up to success, without an error."""
    for event in stream.events:
        if event.outcome in (None, Outcome.SUCCESS):
            yield event
        if event.outcome is not None:
            return


def _has_place(event: TypedEvent, stream: Stream) -> bool:
    """Tell whether the grammar speaks of an event: not of those that come anywhere."""
    order = stream.profile.order
    return order is None or not is_named(event.type or "", order.anywhere)


def _early_error(types: list[str], stream: Stream, error_after: str) -> Mismatch | None:
    """Find an error before the first event that may precede one."""
    terminal = stream.terminal
    if terminal is None or terminal.outcome is Outcome.SUCCESS or not error_after:
        return None
    if error_after in types:
        return None
    return Mismatch(index=len(types), got=terminal.type, allowed=(error_after,))


def _out_of_order(stream: Stream, mismatch: Mismatch, offset: int) -> Finding:
    index = mismatch.index - offset
    events = [event for event in _up_to_end(stream) if _has_place(event, stream)]
    if stream.terminal is not None and stream.terminal not in events:
        events.append(stream.terminal)
    event = events[index] if index < len(events) else None
    before = events[index - 1] if index > 0 else None
    after = f"after {before.name}" if before is not None else "at the start"
    got = "the end of the stream" if mismatch.got is None else mismatch.got
    if event is not None and mismatch.got is not None:
        got = event.name
    expected = f"{' or '.join(mismatch.allowed)} as event {mismatch.index + 1}, {after}"
    return stream.find(expected, got, event=event or before)


# The end


@check("lifecycle.completes")
def judge_completes(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the end of an undisturbed run against success."""
    looked = False
    for stream in streams(evidence, profile):
        if stream.transcript.ending.kind is EndingKind.CLOSED_BY_US:
            continue
        if stream.resumed_after is not None and not stream.events:
            continue
        looked = True
        if stream.outcome is not Outcome.SUCCESS:
            got = f"{last_event(stream)} as the last event, {ended(stream)}"
            if stream.outcome is not None:
                got = f"the outcome {stream.outcome} in {last_event(stream)}"
            event = stream.events[-1] if stream.events else None
            expected = "a run that ends in success"
            yield stream.find(expected, got, event=event, timed=is_given_up(stream))
    if not looked:
        raise Untestable("no stream was read to its end")


@check("lifecycle.one-terminal")
def judge_one_terminal(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Count the terminal signals: one where the stream was read to its end."""
    seen = streams(evidence, profile)
    over = {s.terminal.id for s in seen if s.terminal is not None}
    looked = False
    found = []
    for stream in seen:
        if stream.resumed_after is not None and stream.resumed_after in over:
            continue  # nothing is left to come after the terminal event
        is_cut = stream.transcript.ending.kind in (
            EndingKind.CLOSED_BY_US,
            EndingKind.LIMIT,
        )
        looked = looked or not is_cut
        for count, what in _terminal_counts(stream):
            if count > 1 or (count == 0 and not is_cut):
                expected = f"exactly one {what}"
                got = f"{count} of them, {last_event(stream)} last, {ended(stream)}"
                event = stream.events[-1] if stream.events else None
                timed = count == 0 and is_given_up(stream)
                found.append(stream.find(expected, got, event=event, timed=timed))
    if not looked:
        raise Untestable("no stream was read to its end")
    yield from few(found, "responses")


def _terminal_counts(stream: Stream) -> Iterator[tuple[int, str]]:
    """Yield how often each signal came that the profile's form demands."""
    form = stream.profile.terminal.form
    if form in ("event", "event-then-sentinel", "eof-after-state"):
        count = sum(event.outcome is not None for event in stream.events)
        yield count, "terminal event"
    if form in ("sentinel", "event-then-sentinel"):
        yield len(stream.sentinels), f"{stream.profile.terminal.sentinel} at the end"


@check("lifecycle.nothing-after-terminal")
def judge_nothing_after_terminal(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find bytes after the terminal signal, other than heartbeats and blank lines."""
    looked = False
    found = []
    for stream in streams(evidence, profile):
        end = stream.terminal_end
        if end is None:
            continue
        looked = True
        rest = stream.transcript.body
        for heartbeat in reversed(stream.heartbeats):  # heartbeats are judged as such
            if heartbeat.item.start >= end:
                rest = rest[: heartbeat.item.start] + rest[heartbeat.item.end :]
        rest = rest[end:].strip(b"\r\n")
        if rest:
            text = rest[:200].decode("utf-8", "replace")
            got = f"{len(rest)} bytes: {show(text)}"
            found.append(stream.find("nothing after the end", got, offset=end))
    if not looked:
        raise Untestable("no stream had a terminal signal")
    yield from few(found, "responses")


@check("lifecycle.closes-after-terminal")
def judge_closes_after_terminal(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Measure from the terminal signal to the end of the body."""
    bound = profile.terminal.close_within_s
    looked = False
    for stream in streams(evidence, profile):
        at, ending = stream.terminal_at, stream.transcript.ending
        if at is None or ending.kind in (EndingKind.CLOSED_BY_US, EndingKind.LIMIT):
            continue
        is_open = is_given_up(stream)
        if is_open and ending.at - at <= bound:
            continue  # we left before it was due
        looked = True
        took = ending.at - at
        yield Sample(seconds=took)
        if took > bound:
            state = "still open" if is_open else "closed"
            yield stream.find(
                f"the body to end within {ms(bound)} of the terminal signal",
                f"{state} {ms(took)} after it",
                at=ending.at,
                timed=True,
                beyond_s=took - bound,
            )
    if not looked:
        raise Untestable("no stream was read beyond a terminal signal")


@check("lifecycle.clean-end")
def judge_clean_end(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find responses that broke off instead of ending as HTTP has it."""
    looked = False
    found = []
    for stream in streams(evidence, profile):
        kind = stream.transcript.ending.kind
        looked = looked or kind is EndingKind.CLEAN or kind in _BROKEN
        if kind in _BROKEN:
            expected = "a body that ends as its framing says (the zero-length chunk)"
            got = f"{ended(stream)} after {last_event(stream)}"
            at = stream.transcript.ending.at
            size = len(stream.transcript.body)
            found.append(stream.find(expected, got, offset=size, at=at))
    if not looked:
        raise Untestable("the target ended no stream")
    yield from few(found, "responses")


# What the model said


@check("lifecycle.all-tokens-arrive")
def judge_all_tokens_arrive(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Count the words that arrived against those that the model sent.

    Words, because a server may put several tokens into one event: each token that the
    fake model sends unasked is one word.
    """
    looked = False
    for stream in _fresh_successes(evidence, profile):
        calls = shown_calls(evidence, stream.exchange, profile)
        sent = sum(call.sent for call in calls)
        if not sent:
            continue
        looked = True
        texts = (stream.token_text(event) for event in stream.tokens())
        arrived = sum(len(text.split()) for text in texts)
        if arrived != sent:
            yield stream.find(
                f"all {sent} tokens that the model sent, each once",
                f"{arrived} in {len(stream.tokens())} token events",
            )
    if not looked:
        raise Untestable("no finished stream had a model call that sent tokens")


def _fresh_successes(evidence: Evidence, profile: Profile) -> Iterator[Stream]:
    for stream in streams(evidence, profile):
        is_fresh = stream.resumed_after is None and key_of(stream.exchange) is not None
        if is_fresh and stream.outcome is Outcome.SUCCESS:
            yield stream


@check("lifecycle.one-generation")
def judge_one_generation(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Count the model calls of each run: neither a second run nor a part left out."""
    due = profile.steering.calls_per_run
    if not evidence.calls:
        raise Untestable("the provider's journal has no call of this probe")
    looked = False
    for exchange in evidence.exchanges:
        if key_of(exchange) is None or not is_event_stream(exchange.transcript):
            continue
        made = len(calls_of(evidence, exchange))
        stream = read(exchange, profile)
        is_over = stream.outcome is Outcome.SUCCESS
        looked = looked or is_over
        if made > due or (is_over and made < due):
            expected = f"{due} model calls for this run"
            yield stream.find(expected, f"{made} with key {key_of(exchange)}")
    if not looked:
        raise Untestable("no stream was finished")


@check("lifecycle.streams-do-not-mix")
def judge_streams_do_not_mix(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find words of one stream's model in the other's stream."""
    pair = tuple(the_stream(evidence, label, profile) for label in ("a", "b"))
    if not all(stream.tokens() for stream in pair):
        raise Untestable(f"expected tokens in both streams: {answers(evidence)}")
    if not _overlap(*pair):
        raise Untestable("the two streams did not run at the same time", timed=True)
    said = [set(str(evidence.facts[name]).split()) for name in ("text_a", "text_b")]
    for stream, own, other in zip(pair, said, reversed(said), strict=True):
        for event in stream.tokens():
            foreign = set(stream.token_text(event).split()) & (other - own)
            if foreign:
                yield stream.find(
                    "only what this stream's own model said",
                    f"{show(' '.join(sorted(foreign)))} of the other stream "
                    f"in {event.name}",
                    event=event,
                )
                break


def _overlap(left: Stream, right: Stream) -> bool:
    spans = []
    for stream in (left, right):
        times = [event.at for event in stream.events]
        spans.append((min(times), max(times)))
    (left_start, left_end), (right_start, right_end) = spans
    return left_start < right_end and right_start < left_end
