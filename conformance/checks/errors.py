"""Checks of topic `errors`: what a reader is told when model or request is at fault.

Pure. A stream is judged only when the provider's journal shows the fault that the
probe ordered; otherwise something else ended it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.continuation import find_failure
from ..evidence.endings import find_bad_end
from ..evidence.internals import find_internals
from ..evidence.journal import calls_of, describe, key_of, shown_calls
from ..evidence.refusals import (
    described,
    find_wrong_refusal,
    find_wrong_shape,
    is_refused,
    the_answer,
)
from ..evidence.streams import Stream, answers, is_event_stream, read
from ..evidence.untestable import Untestable
from ..evidence.words import ended, is_given_up, last_event, ms
from ..model import Evidence, Finding, UpstreamCall
from ..profiles import Profile
from ..profiles.pointer import lookup, show
from ..profiles.schema import Errors
from ..profiles.typed import Outcome, TypedEvent
from ..wire import EndingKind
from .registry import Check, Sample, check

RETRY_TOLERANCE_S = 0.02
"""How much too early a retry may be seen: twice the coarsest timer of an event loop."""

_FAULTS = {
    "http-error-code": "http_error",
    "rate-limited-code": "rate_limited",
    "dropped-fin": "broken",
    "dropped-rst": "broken",
    "truncated": "broken",
}
"""Requirement, and the kind of failure whose codes the profile lists."""


def _told_as(kind: str) -> Check:
    """Make the check that this kind of fault ends the stream in a declared code."""

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        codes: tuple[str, ...] = getattr(_errors(profile).upstream, kind)
        _faulted(evidence)
        yield from _ends_in(evidence, profile, codes)

    return judge


for _id, _kind in _FAULTS.items():
    check(f"errors.{_id}")(_told_as(_kind))


@check("errors.error-event")
def judge_error_event(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the provider's in-stream error object is told.

    It is an error that the model reports and a broken answer at once; either code does.
    """
    upstream = _errors(profile).upstream
    _faulted(evidence)
    codes = tuple(dict.fromkeys(upstream.http_error + upstream.broken))
    yield from _ends_in(evidence, profile, codes)


@check("errors.mute-model-timeout")
def judge_mute_model_timeout(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a model without a first token is given up in time."""
    call = _silent(evidence)
    if call.sent:
        raise Untestable(f"the model was not mute: {describe(call)}")
    yield from _times_out(evidence, profile, since=_at(call, "accepted"))


@check("errors.stalled-model-timeout")
def judge_stalled_model_timeout(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a model that falls silent between tokens is given up in time."""
    call = _silent(evidence)
    sent = [event.at for event in call.events if event.name == "token_sent"]
    if not sent:
        raise Untestable(f"the model sent no token before it stalled: {describe(call)}")
    yield from _times_out(evidence, profile, since=sent[-1])


@check("errors.one-terminal")
def judge_one_terminal(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Count the terminal events of a failed stream, and what follows the first."""
    _calls(evidence)
    seen = read(the_answer(evidence, "stream"), profile)
    first = seen.terminal
    if first is None:
        raise Untestable(f"no terminal event came: {described(seen.transcript)}")
    for event in seen.events[seen.events.index(first) + 1 :]:
        what = "a second terminal event" if event.outcome is not None else "an event"
        yield seen.find(
            f"nothing after the terminal event {first.name}",
            f"{what}: {event.name}",
            event=event,
        )


@check("errors.told-in-full")
def judge_told_in_full(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the error event has a code and a message."""
    seen, terminal = _failed_stream(evidence, profile)
    errors = _errors(profile)
    for what, pointer in (("code", errors.code), ("message", errors.message)):
        value = lookup(terminal.data, pointer)
        if not isinstance(value, str) or not value.strip():
            yield seen.find(
                f"a {what} at {pointer} of the error event",
                f"{show(value)} in {show(terminal.data)}",
                event=terminal,
            )


@check("errors.retryable-declared")
def judge_retryable_declared(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the error event says whether trying again can help."""
    seen, terminal = _failed_stream(evidence, profile)
    pointer = _errors(profile).retryable
    if pointer is None:
        raise Untestable("the profile does not say where `retryable` stands")
    value = lookup(terminal.data, pointer)
    if not isinstance(value, bool):
        yield seen.find(
            f"true or false at {pointer} of the error event",
            f"{show(value)} in {show(terminal.data)}",
            event=terminal,
        )


@check("errors.no-internals")
def judge_no_internals(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Look for the server's inside in everything that tells of a failure."""
    looked = False
    marker = evidence.facts.get("marker")
    for exchange in evidence.exchanges:
        seen = read(exchange, profile)
        has_failed = is_refused(exchange) or seen.outcome is Outcome.ERROR
        if not has_failed and seen.outcome is not None:
            continue
        looked = looked or exchange.transcript.status is not None
        for internal in find_internals(seen, profile, marker=marker):
            yield seen.find(
                "an error that shows nothing of the server's inside",
                internal.what,
                offset=internal.offset,
            )
    if not looked:
        raise Untestable(f"nothing was told of a failure: {answers(evidence)}")


@check("errors.clean-end")
def judge_clean_end(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See how and how soon the response ends after the error event."""
    seen, terminal = _failed_stream(evidence, profile)
    ending = seen.transcript.ending
    if ending.kind is EndingKind.CLEAN:
        yield Sample(seconds=ending.at - terminal.at)
    yield from find_bad_end(
        seen,
        since=terminal.at,
        within_s=profile.terminal.close_within_s,
        event="the error event",
    )


@check("errors.tokens-before-error-arrive")
def judge_tokens_before_error_arrive(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Count the model's words before the error against those that the model sent.

    Words, not events, because a server may put several tokens into one event: the
    model's tokens in these probes are one word each.
    """
    seen, terminal = _failed_stream(evidence, profile)
    sent = sum(call.sent for call in shown_calls(evidence, seen.exchange, profile))
    if not sent:
        raise Untestable("the model sent no token before it failed")
    words = sum(
        len(seen.token_text(event).split())
        for event in seen.tokens()
        if event.wire.end <= terminal.wire.start
    )
    if words < sent:
        yield seen.find(
            f"the {sent} tokens that the model sent, then the error event",
            f"{words} of them before {terminal.name}",
            event=terminal,
        )


@check("errors.retry-honours-retry-after")
def judge_retry_honours_retry_after(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a rate-limited call is tried again, and not too early."""
    wait = evidence.facts.get("retry_after_s")
    exchange = the_answer(evidence, "stream")
    calls = calls_of(evidence, exchange)
    refused = next((call for call in calls if call.fault == "fail"), None)
    if not isinstance(wait, int | float) or refused is None:
        raise Untestable("the journal shows no model call that was refused once")
    seen = read(exchange, profile)
    refused_at = _at(refused, "ended")
    later = [call for call in calls if call.turn > refused.turn]
    if not later:
        yield seen.find(
            f"the model call to be tried again after its Retry-After of {ms(wait)}",
            f"no further model call, {ended(seen)} after {last_event(seen)}",
            at=refused_at,
        )
        return
    gap = _at(later[0], "accepted") - refused_at
    yield Sample(seconds=gap)
    if gap < wait - RETRY_TOLERANCE_S:
        yield seen.find(
            f"the next model call not before its Retry-After of {ms(wait)} is over",
            f"it came after {ms(gap)}",
            at=_at(later[0], "accepted"),
        )
    if seen.outcome is Outcome.SUCCESS:
        return
    unread = [call for call in later if call.at("terminator_sent") is None]
    if unread:
        raise Untestable(
            f"the run had more trouble than ordered: {describe(unread[0])}"
        )
    yield from find_failure(seen)


@check("errors.not-retried-after-tokens")
def judge_not_retried_after_tokens(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a call which failed after its first token was the run's last."""
    failed = _faulted(evidence)
    if not failed.sent:
        raise Untestable(f"the model call failed before a token: {describe(failed)}")
    stream = the_answer(evidence, "stream")
    for call in calls_of(evidence, stream):
        if call.turn > failed.turn:
            yield read(stream, profile).find(
                f"no model call after call {failed.turn} failed with "
                f"{failed.sent} tokens shown",
                describe(call),
                at=call.at("accepted"),
            )


@check("errors.invalid-requests-refused")
def judge_invalid_requests_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every declared invalid request is refused as declared."""
    declared = profile.endpoint.invalid
    asked = evidence.labelled("invalid-")
    if len(asked) != len(declared):
        raise Untestable(f"the probe sent {len(asked)} of {len(declared)} requests")
    for exchange, wrong in zip(asked, declared, strict=True):
        yield from find_wrong_refusal(
            exchange,
            profile,
            statuses=[wrong.status],
            code=wrong.code,
            to=f"an invalid request ({wrong.name})",
        )


@check("errors.refusal-shape")
def judge_refusal_shape(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every refused request has the declared shape."""
    refused = [exchange for exchange in evidence.exchanges if is_refused(exchange)]
    if not refused:
        raise Untestable(f"no request was refused: {answers(evidence)}")
    for exchange in refused:
        yield from find_wrong_shape(exchange, profile)


@check("errors.allow-header")
def judge_allow_header(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every 405 names the allowed methods.

    RFC 9110, section 15.5.6: "The origin server MUST generate an Allow header field in
    a 405 response"; section 10.2.1: an empty one is allowed, and says none.
    """
    refused = [each for each in evidence.exchanges if each.transcript.status == 405]  # noqa: PLR2004 -- the status
    if not refused:
        raise Untestable(f"no request was answered with 405: {answers(evidence)}")
    for exchange in refused:
        if exchange.transcript.header("Allow") is None:
            yield read(exchange, profile).find(
                f"Allow with the 405 for {exchange.request.method}",
                "no such header",
                at=exchange.transcript.head_at,
            )


@check("errors.invalid-reach-no-model")
def judge_invalid_reach_no_model(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that no invalid request has a model call."""
    keyed = [
        exchange
        for exchange in evidence.labelled("invalid-")
        if key_of(exchange) is not None
    ]
    if not keyed:
        raise Untestable("no invalid request has room for a steering key")
    accepted = [exchange for exchange in keyed if not is_refused(exchange)]
    for call in evidence.calls:
        labels = " or ".join(exchange.label for exchange in accepted or keyed)
        yield read((accepted or keyed)[0], profile).find(
            "no model call for an invalid request",
            f"{describe(call)} for {labels}",
            at=call.at("accepted"),
        )


@check("errors.unknown-path-refused")
def judge_unknown_path_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a path below the endpoint that does not exist is refused."""
    yield from find_wrong_refusal(
        the_answer(evidence, "unknown-path"),
        profile,
        statuses=[404, 405],
        to="a path below the endpoint that does not exist",
    )


def _faulted(evidence: Evidence) -> UpstreamCall:
    """Return the last call that the scripted fault ended; `Untestable` if none."""
    calls = _calls(evidence)
    failed = [call for call in calls if call.outcome == "faulted"]
    if not failed:
        raise Untestable(
            "the journal does not show the fault: "
            + "; ".join(describe(call) for call in calls)
        )
    return failed[-1]


def _silent(evidence: Evidence) -> UpstreamCall:
    """Return the run's last call, which never got to its end."""
    call = _calls(evidence)[-1]
    if call.at("terminator_sent") is not None or call.outcome == "faulted":
        raise Untestable(f"the model did not stall: {describe(call)}")
    return call


def _calls(evidence: Evidence) -> tuple[UpstreamCall, ...]:
    stream = the_answer(evidence, "stream")
    calls = calls_of(evidence, stream)
    if not calls:
        raise Untestable(
            f"the run never reached the model: {described(stream.transcript)}"
        )
    return calls


def _ends_in(
    evidence: Evidence, profile: Profile, codes: tuple[str, ...]
) -> Iterator[Finding]:
    """Find what is wrong unless the stream ends in an error with one of the codes."""
    exchange = the_answer(evidence, "stream")
    seen = read(exchange, profile)
    wanted = f" with code {' or '.join(map(repr, codes))}" if codes else ""
    expected = f"a terminal error event{wanted}"
    terminal = seen.terminal
    if not is_event_stream(exchange.transcript):
        yield seen.find(
            expected, described(exchange.transcript), at=exchange.transcript.head_at
        )
    elif terminal is None:
        yield seen.find(
            expected,
            f"{ended(seen)} after {last_event(seen)}",
            at=exchange.transcript.ending.at,
            timed=is_given_up(seen),
        )
    elif terminal.outcome is not Outcome.ERROR:
        yield seen.find(
            expected,
            f"{terminal.name}, which says {terminal.outcome}",
            event=terminal,
        )
    elif codes and (code := lookup(terminal.data, _errors(profile).code)) not in codes:
        yield seen.find(expected, f"code {show(code)}", event=terminal)


def _times_out(
    evidence: Evidence, profile: Profile, *, since: float
) -> Iterator[Finding | Sample]:
    """Find what is wrong unless the run times out within the bound of `since`."""
    errors = _errors(profile)
    yield from _ends_in(evidence, profile, errors.upstream.timeout)
    seen = read(the_answer(evidence, "stream"), profile)
    terminal = seen.terminal
    if terminal is None:
        return
    took = terminal.at - since
    yield Sample(seconds=took)
    # As much time to tell the timeout as to close after it: the profile has no other.
    bound = errors.timeout_s + profile.terminal.close_within_s
    if took > bound:
        yield seen.find(
            f"the terminal event within {ms(bound)} of the model's last sign of life",
            f"{terminal.name} after {ms(took)}",
            event=terminal,
            timed=True,
            beyond_s=took - bound,
        )


def _failed_stream(evidence: Evidence, profile: Profile) -> tuple[Stream, TypedEvent]:
    """Return the failed stream and its error event; `Untestable` if it tells none."""
    _calls(evidence)
    seen = read(the_answer(evidence, "stream"), profile)
    terminal = seen.terminal
    if terminal is None or terminal.outcome is not Outcome.ERROR:
        raise Untestable(
            f"the stream told no error: {described(seen.transcript)}, {ended(seen)} "
            f"after {last_event(seen)}"
        )
    return seen, terminal


def _at(call: UpstreamCall, name: str) -> float:
    at = call.at(name)
    if at is None:
        raise Untestable(f"the journal does not say {name!r} of {describe(call)}")
    return at


def _errors(profile: Profile) -> Errors:
    assert profile.errors is not None  # noqa: S101 -- a capability these checks need
    return profile.errors
