"""Checks of topic `cancellation`: a cancelled run stops where it costs, at the model.

Pure. That the HTTP response ended proves nothing here; every check on a model call
reads the provider's journal, and only if that call stood where the probe wanted it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from ..evidence.continuation import find_gaps, pass_over_timeout
from ..evidence.endings import find_bad_end
from ..evidence.journal import (
    CLOCK_TOLERANCE_S,
    Phase,
    calls_of,
    describe,
    is_cancelled,
    under_way,
)
from ..evidence.labels import label_of
from ..evidence.refusals import (
    described,
    find_telltales,
    find_wrong_refusal,
    find_wrong_shape,
    is_refused,
    the_answer,
    unlike_schema,
)
from ..evidence.streams import (
    Stream,
    answers,
    is_event_stream,
    read,
    streams,
    the_stream,
)
from ..evidence.untestable import Untestable
from ..evidence.words import ended, is_given_up, last_event, ms
from ..model import Evidence, Exchange, Finding, UpstreamCall
from ..profiles import Profile
from ..profiles.placeholders import PLACEHOLDER
from ..profiles.pointer import is_same_json, lookup, parse_json, show
from ..profiles.schema import Cancel, ExplicitCancel
from ..profiles.typed import Outcome
from ..wire import EndingKind
from .registry import Check, Sample, check

_REFUSED = ("bare-cancel", "foreign-cancel", "unknown-cancel")

_PHASES = {
    "before-headers": Phase.BEFORE_HEADERS,
    "before-first-token": Phase.BEFORE_FIRST_TOKEN,
    "midstream": Phase.MIDSTREAM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What ended a run early: the model call under way, when, and within which bound.

    `at` is an instant, `grace_s` and `bound_s` count from it, in seconds.
    """

    stream: Stream
    call: UpstreamCall
    at: float
    grace_s: float
    bound_s: float
    cause: str


JudgeOne = Callable[[Evidence, Profile, int], Iterator[Finding | Sample]]


def _every_cancel(judge_one: JudgeOne) -> Check:
    """Make the check that judges each cancel request of the profile alike.

    They are counted from 0. A run that its reader left was ended in one way only.
    """

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        is_left = "left" in evidence.marks
        unproven: Untestable | None = None
        for form in range(1 if is_left else len(_cancel(profile).explicit)):
            try:
                yield from judge_one(evidence, profile, form)
            except Untestable as problem:
                unproven = unproven or problem
        if unproven is not None:
            raise unproven

    return judge


def _end(
    evidence: Evidence, profile: Profile, form: int = 0, phase: Phase | None = None
) -> _End:
    """Read how the probe ended its run; `Untestable` if the call was not under way."""
    stream = _reader(evidence, profile, form)
    cancel = _cancel(profile)
    if (mark := label_of("cancel_sent", form)) in evidence.marks:
        at, grace_s = evidence.marks[mark], 0.0
        cause = f"the cancel request{_which(profile, form)}"
    elif "left" in evidence.marks:
        at, grace_s = evidence.marks["left"], cancel.grace_s
        cause = "the reader's leaving"
    else:
        raise Untestable("the probe neither cancelled the run nor left")
    return _End(
        stream=stream,
        call=under_way(evidence, stream.exchange, at, phase),
        at=at,
        grace_s=grace_s,
        bound_s=grace_s + cancel.within_s,
        cause=cause,
    )


def _reader(evidence: Evidence, profile: Profile, form: int) -> Stream:
    """Return what the reader had seen when its run was ended.

    That is nothing at all where the target holds its head back until the model speaks:
    who leaves then has left all the same.
    """
    label = label_of("stream", form)
    exchange = the_answer(evidence, label)
    left = exchange.transcript.ending.kind is EndingKind.CLOSED_BY_US
    if exchange.transcript.status is None and left:
        return read(exchange, profile)
    return the_stream(evidence, label, profile)


def _closes_call(phase: Phase) -> Check:
    """Make the check that a run ended in this phase closes its model call in time."""

    @_every_cancel
    def judge(
        evidence: Evidence, profile: Profile, form: int
    ) -> Iterator[Finding | Sample]:
        end = _end(evidence, profile, form, phase)
        gone = end.call.at("peer_gone")
        expected = (
            f"the model call to be closed within {ms(end.bound_s)} of {end.cause}"
        )
        if gone is None or not is_cancelled(end.call):
            yield end.stream.find(expected, describe(end.call), at=end.at)
            return
        took = gone - end.at
        yield Sample(seconds=took)
        if took > end.bound_s:
            got = f"closed after {ms(took)}: {describe(end.call)}"
            yield end.stream.find(
                expected, got, at=gone, timed=True, beyond_s=took - end.bound_s
            )

    return judge


for _name, _phase in _PHASES.items():
    for _how in ("explicit", "fin", "rst"):
        check(f"cancellation.{_how}-{_name}")(_closes_call(_phase))


@check("cancellation.grace-kept")
def judge_grace_kept(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the model call lives on for the grace after the reader has left."""
    end = _end(evidence, profile)
    gone = end.call.at("peer_gone")
    if gone is None:
        raise Untestable(f"the model call was never closed: {describe(end.call)}")
    took = gone - end.at
    yield Sample(seconds=took)
    if took < end.grace_s - CLOCK_TOLERANCE_S:
        yield end.stream.find(
            f"the run to go on for {ms(end.grace_s)} after {end.cause}",
            f"its model call was closed after {ms(took)}",
            at=gone,
            timed=True,
            beyond_s=end.grace_s - CLOCK_TOLERANCE_S - took,
        )


@check("cancellation.no-tokens-after")
@_every_cancel
def judge_no_tokens_after(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that the model stopped: cancelled, and not one token more."""
    end = _end(evidence, profile, form)
    call = end.call
    late = sum(
        event.name == "token_generated" and event.at > end.at + end.bound_s
        for event in call.events
    )
    wasted = max(call.after_peer_gone, late)
    if not is_cancelled(call) or wasted:
        yield end.stream.find(
            "a cancelled model call and no token generated after its end",
            f"{describe(call)}, {wasted} of them too late",
            at=end.at,
        )


@check("cancellation.no-further-calls")
@_every_cancel
def judge_no_further_calls(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that no model call starts once the run's call has been closed."""
    end = _end(evidence, profile, form)
    gone = end.call.at("peer_gone")
    over = gone if gone is not None else end.at + end.bound_s
    for call in calls_of(evidence, end.stream.exchange):
        accepted = call.at("accepted")
        if call.turn != end.call.turn and accepted is not None and accepted > over:
            yield end.stream.find(
                f"no model call after {end.cause} had ended the run",
                f"{ms(accepted - end.at)} after it: {describe(call)}",
                at=accepted,
            )


@check("cancellation.reader-told")
@_every_cancel
def judge_reader_told(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that the connected reader is told of the cancel, once and in time."""
    end = _end(evidence, profile, form)
    yield from _find_untold_cancel(end.stream, profile)
    terminal = end.stream.terminal
    if terminal is None:
        return
    took = terminal.at - end.at
    yield Sample(seconds=took)
    if took > end.bound_s:
        yield end.stream.find(
            f"the terminal event within {ms(end.bound_s)} of {end.cause}",
            f"{terminal.name} after {ms(took)}",
            event=terminal,
            timed=True,
            beyond_s=took - end.bound_s,
        )


@check("cancellation.accepted-answer")
@_every_cancel
def judge_accepted_answer(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See how a cancel of a running stream is answered."""
    _end(evidence, profile, form)
    yield from _answered(
        the_answer(evidence, label_of("cancel", form)),
        profile,
        statuses={_explicit(profile, form).accepted_status},
        to=f"a cancel of a running stream{_which(profile, form)}",
    )


@check("cancellation.idempotent-answer")
@_every_cancel
def judge_idempotent_answer(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that a second cancel succeeds, whether or not the run has ended by then."""
    _end(evidence, profile, form)
    explicit = _explicit(profile, form)
    yield from _answered(
        the_answer(evidence, label_of("cancel-again", form)),
        profile,
        statuses={explicit.accepted_status, explicit.finished_status},
        code=explicit.finished_code,
        to=f"a second cancel of the same stream{_which(profile, form)}",
    )


@check("cancellation.finished-answer")
@_every_cancel
def judge_finished_answer(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See how a cancel of a finished stream is answered."""
    stream = the_stream(evidence, "stream", profile)
    if stream.outcome is None or not stream.is_read_to_end:
        raise Untestable(f"the stream did not finish: {ended(stream)}")
    yield from _answered(
        the_answer(evidence, label_of("cancel-finished", form)),
        profile,
        statuses={_explicit(profile, form).finished_status},
        code=_explicit(profile, form).finished_code,
        to=f"a cancel of a finished stream{_which(profile, form)}",
    )


@check("cancellation.foreign-refused")
@_every_cancel
def judge_foreign_refused(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that another user's cancel is refused and does nothing."""
    foreign, stream, call = _foreign(evidence, profile, form)
    asked = foreign.transcript.started_at
    yield from find_wrong_refusal(
        foreign,
        profile,
        statuses=[_explicit(profile, form).unknown_status],
        to=f"another user's cancel{_which(profile, form)}",
        code=_explicit(profile, form).unknown_code,
    )
    gone = call.at("peer_gone")
    own = evidence.marks.get(label_of("cancel_sent", form))
    pass_over_timeout(stream)
    if gone is not None and (own is None or gone < own - CLOCK_TOLERANCE_S):
        yield stream.find(
            "the run to go on after another user's cancel",
            f"its model call was closed {ms(gone - asked)} after that",
            at=gone,
        )


@check("cancellation.foreign-like-unknown")
@_every_cancel
def judge_foreign_like_unknown(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """Compare the answers for another user's stream and for one that is none."""
    foreign, _, _ = _foreign(evidence, profile, form)
    unknown = the_answer(evidence, label_of("unknown-cancel", form))
    if not (is_refused(foreign) or is_refused(unknown)):
        raise Untestable(f"neither was refused: {answers(evidence)}")
    explicit = _explicit(profile, form)
    masks = [*_named(foreign, explicit), *_named(unknown, explicit)]
    yield from find_telltales(foreign, unknown, profile, masks=masks)


@check("cancellation.unknown-refused")
@_every_cancel
def judge_unknown_refused(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that a cancel of no stream is refused."""
    yield from find_wrong_refusal(
        the_answer(evidence, label_of("unknown-cancel", form)),
        profile,
        statuses=[_explicit(profile, form).unknown_status],
        to=f"a cancel of a stream that does not exist{_which(profile, form)}",
        code=_explicit(profile, form).unknown_code,
    )


@check("cancellation.needs-credential")
@_every_cancel
def judge_needs_credential(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that a cancel without a credential is refused like a start without one."""
    stream = the_stream(evidence, label_of("stream", form), profile)
    bare = the_answer(evidence, label_of("bare-cancel", form))
    under_way(evidence, stream.exchange, bare.transcript.started_at)
    assert profile.auth is not None  # noqa: S101 -- a capability this check needs
    yield from find_wrong_refusal(
        bare,
        profile,
        statuses=[profile.auth.status],
        code=profile.auth.code,
        to=f"a cancel without a credential{_which(profile, form)}",
    )


@check("cancellation.answer-payload")
@_every_cancel
def judge_answer_payload(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that the answers to cancels have bodies as declared."""
    explicit = _explicit(profile, form)
    names = ("cancel", "cancel-again", "cancel-finished")
    labels = [label_of(name, form) for name in names]
    count = 0
    for exchange in (each for each in evidence.exchanges if each.label in labels):
        status, schema = exchange.transcript.status, None
        if status == explicit.finished_status and exchange.label != labels[0]:
            schema = explicit.finished
        elif status == explicit.accepted_status:
            schema = explicit.accepted
        if schema is not None:
            count += 1
            yield from unlike_schema(exchange, profile, schema)
    if not count and (explicit.accepted is not None or explicit.finished is not None):
        raise Untestable(f"no cancel was answered as declared: {answers(evidence)}")


@check("cancellation.reason-told")
@_every_cancel
def judge_reason_told(
    evidence: Evidence, profile: Profile, form: int
) -> Iterator[Finding | Sample]:
    """See that the terminal event has what the cancel request makes it tell."""
    end = _end(evidence, profile, form)
    terminal = end.stream.terminal
    if terminal is None or terminal.outcome is not Outcome.CANCELLED:
        raise Untestable(f"no event says cancelled: {last_event(end.stream)} is last")
    for pointer, value in _explicit(profile, form).tells.items():
        found = lookup(terminal.data, pointer)
        if not is_same_json(found, value):
            yield end.stream.find(
                f"{show(value)} at {pointer} of the terminal event after {end.cause}",
                show(found),
                event=terminal,
            )


@check("cancellation.refusals-are-json")
def judge_refusals_are_json(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every refused cancel has the declared shape."""
    refused = [
        exchange
        for exchange in evidence.exchanges
        if exchange.label.startswith(_REFUSED) and is_refused(exchange)
    ]
    if not refused:
        raise Untestable(f"no cancel was refused: {answers(evidence)}")
    for exchange in refused:
        yield from find_wrong_shape(exchange, profile)


@check("cancellation.log-tells-later")
def judge_log_tells_later(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that who comes back after the cancel reads how the run ended."""
    end = _end(evidence, profile)
    if not is_cancelled(end.call):
        raise Untestable(f"the run was not cancelled: {describe(end.call)}")
    later = read(the_answer(evidence, "afterwards"), profile)
    if not later.resumed_after:
        raise Untestable("the reader had seen no event id to come back with")
    if not is_event_stream(later.transcript):
        yield later.find(
            f"the events after {later.resumed_after!r}, the last one saying cancelled",
            described(later.transcript),
            at=later.transcript.head_at,
        )
        return
    yield from find_gaps(later, profile)
    yield from _find_untold_cancel(later, profile)


@check("cancellation.normal-end-is-no-cancel")
def judge_normal_end_is_no_cancel(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every model call of a completed run was read to its end."""
    completed = [
        stream
        for stream in streams(evidence, profile)
        if stream.outcome is Outcome.SUCCESS
    ]
    calls = [
        (stream, call)
        for stream in completed
        for call in calls_of(evidence, stream.exchange)
    ]
    if not calls:
        raise Untestable("the journal has no model call of a completed stream")
    for stream, call in calls:
        # The provider notes the terminator before it writes the last byte of it, so
        # a call that was read to its end always has that note.
        if is_cancelled(call) or call.at("terminator_sent") is None:
            yield stream.find(
                "every model call of a completed run to be read to its end",
                describe(call),
                at=call.at("peer_gone"),
            )


def _find_untold_cancel(seen: Stream, profile: Profile) -> Iterator[Finding]:
    """Find what is wrong unless the response ends in exactly one cancelled event."""
    terminals = [event for event in seen.events if event.outcome is not None]
    if not terminals:
        yield seen.find(
            "a terminal event that says cancelled",
            f"{ended(seen)} after {last_event(seen)}",
            at=seen.transcript.ending.at,
            timed=is_given_up(seen),
        )
        return
    first = terminals[0]
    code = profile.errors.cancelled if profile.errors is not None else None
    pointer = profile.errors.code if profile.errors is not None else ""
    if first.outcome is not Outcome.CANCELLED:
        yield seen.find(
            "a terminal event that says cancelled",
            f"{first.name}, which says {first.outcome}: {show(first.data)}",
            event=first,
        )
    elif code is not None and lookup(first.data, pointer) != code:
        yield seen.find(
            f"{code!r} at {pointer} of the terminal event",
            show(lookup(first.data, pointer)),
            event=first,
        )
    after = seen.events[seen.events.index(first) + 1 :]
    if after:
        yield seen.find(
            "nothing after the terminal event", after[0].name, event=after[0]
        )
    yield from find_bad_end(seen, since=first.at, event="the terminal event")


def _answered(
    exchange: Exchange,
    profile: Profile,
    *,
    statuses: set[int],
    to: str,
    code: str | None = None,
) -> Iterator[Finding]:
    """Find what is wrong unless an answer has one of these statuses.

    Where it is a refusal, it has this code as well.
    """
    transcript = exchange.transcript
    if transcript.status not in statuses:
        wanted = " or ".join(str(status) for status in sorted(statuses))
        yield read(exchange, profile).find(
            f"{wanted} for {to}", described(transcript), at=transcript.head_at
        )
    elif is_refused(exchange):
        yield from find_wrong_refusal(
            exchange, profile, statuses=statuses, code=code, to=to
        )


def _foreign(
    evidence: Evidence, profile: Profile, form: int
) -> tuple[Exchange, Stream, UpstreamCall]:
    """Return the other user's cancel and the run it was aimed at, then under way."""
    stream = the_stream(evidence, label_of("stream", form), profile)
    foreign = the_answer(evidence, label_of("foreign-cancel", form))
    if foreign.user == stream.exchange.user:
        raise Untestable("the probe had no second user")
    call = under_way(evidence, stream.exchange, foreign.transcript.started_at)
    return foreign, stream, call


def _named(exchange: Exchange, form: ExplicitCancel) -> list[str]:
    """Return the values of the placeholders in a cancel request: ids, mostly.

    The target's own prefix may stand before the path that the profile declares.
    """
    pattern = PLACEHOLDER.sub("\0", form.path)
    pattern = re.escape(pattern).replace("\0", "([^/?]+)")
    in_path = re.search(f"{pattern}$", exchange.request.path)
    found = [unquote(text) for text in in_path.groups()] if in_path else []
    body = parse_json(exchange.request.body.decode())
    return found + list(_filled_in(form.body, body))


def _filled_in(template: object, value: object) -> Iterator[str]:
    """Find the texts of a value that the template has a placeholder for."""
    if isinstance(template, str) and PLACEHOLDER.search(template):
        yield str(value)
    elif isinstance(template, dict) and isinstance(value, dict):
        for key in template:
            yield from _filled_in(template[key], value.get(key))
    elif isinstance(template, list) and isinstance(value, list):
        for left, right in zip(template, value, strict=False):
            yield from _filled_in(left, right)


def _which(profile: Profile, form: int) -> str:
    """Name the cancel request, where the profile declares several."""
    explicit = _cancel(profile).explicit
    if len(explicit) == 1:
        return ""
    return f" by {explicit[form].method} {explicit[form].path}"


def _cancel(profile: Profile) -> Cancel:
    if profile.cancel is None:
        raise Untestable("the profile declares no cancellation")
    return profile.cancel


def _explicit(profile: Profile, form: int) -> ExplicitCancel:
    return _cancel(profile).explicit[form]
