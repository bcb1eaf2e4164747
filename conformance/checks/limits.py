"""Checks of topic `limits`: so many streams per user, and every slot comes back.

Pure. A burst proves something only if its accepted streams were open at one time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from ..evidence.journal import calls_of, key_of
from ..evidence.refusals import (
    described,
    find_wrong_refusal,
    find_wrong_shape,
    the_answer,
)
from ..evidence.streams import Stream, is_event_stream, read
from ..evidence.untestable import Untestable
from ..evidence.words import ended, few
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.schema import Limits
from ..profiles.typed import Outcome
from ..wire import EndingKind
from .registry import Check, Sample, check

_DELAY_SECONDS = re.compile(r"[0-9]+")


@check("limits.exact-under-burst")
def judge_exact_under_burst(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Count the accepted of many simultaneous starts."""
    starts = _starts(evidence)
    accepted = [start for start in starts if _is_accepted(start, evidence, profile)]
    limit = _limits(profile).streams_per_user
    if len(starts) <= limit:
        raise Untestable(f"{len(starts)} starts cannot pass a limit of {limit}")
    if len(accepted) > limit:
        _open_together(starts, accepted)
    if len(accepted) != limit:
        labels = ", ".join(start.label for start in accepted) or "none"
        yield Finding(
            expected=f"exactly {limit} of {len(starts)} simultaneous starts accepted",
            got=f"{len(accepted)} accepted ({labels})",
            exchange=accepted[-1].label if accepted else starts[0].label,
        )


@check("limits.refusal-status")
def judge_refusal_status(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a request that is not accepted is refused with the declared status."""
    findings = [
        finding
        for start in _over(evidence, profile)
        for finding in find_wrong_refusal(
            start,
            profile,
            statuses=[_limits(profile).status],
            to="a start over the limit",
        )
    ]
    yield from few(findings, "starts")


@check("limits.refusal-shape")
def judge_refusal_shape(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that these refusals are JSON with the declared code."""
    limits = _limits(profile)
    findings = []
    for start in _refused(evidence, profile):
        wrong = list(find_wrong_shape(start, profile))
        findings += wrong or list(
            find_wrong_refusal(
                start,
                profile,
                statuses=[limits.status],
                code=limits.code,
                to="a start over the limit",
            )
        )
    yield from few(findings, "starts")


@check("limits.retry-after")
def judge_retry_after(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that these refusals say when to come back.

    RFC 9110, section 10.2.3: "Retry-After = HTTP-date / delay-seconds", the latter a
    non-negative decimal integer.
    """
    findings = []
    for start in _refused(evidence, profile):
        value = start.transcript.header("Retry-After")
        if value is None or not _is_retry_after(value.strip()):
            got = f"Retry-After: {value}" if value is not None else "no Retry-After"
            findings.append(
                read(start, profile).find(
                    "Retry-After with whole seconds or an HTTP-date",
                    f"{got} with {described(start.transcript)}",
                    at=start.transcript.head_at,
                )
            )
    yield from few(findings, "starts")


@check("limits.refused-reach-no-model")
def judge_refused_reach_no_model(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that only accepted starts have model calls."""
    starts = _starts(evidence)
    accepted = [start for start in starts if is_event_stream(start.transcript)]
    refused = [start for start in starts if not is_event_stream(start.transcript)]
    if not refused:
        raise Untestable("no start was refused")
    if not any(calls_of(evidence, start) for start in accepted):
        raise Untestable("not even an accepted start reached the model")
    if any(key_of(start) in {key_of(each) for each in accepted} for start in refused):
        raise Untestable("refused and accepted starts share a steering key")
    findings = [
        read(start, profile).find(
            "no model call for a start over the limit",
            f"{len(calls)} of them with {described(start.transcript)}",
            at=calls[0].at("accepted"),
        )
        for start in refused
        if (calls := calls_of(evidence, start))
    ]
    yield from few(findings, "starts")


@check("limits.per-user")
def judge_per_user(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that another user can start while this one is at the limit."""
    over = _refused(evidence, profile)
    other = the_answer(evidence, "other-user")
    if other.user == over[0].user:
        raise Untestable("the probe had no second user")
    if not is_event_stream(other.transcript):
        yield read(other, profile).find(
            "another user's start to be accepted",
            described(other.transcript),
            at=other.transcript.head_at,
        )


@check("limits.resume-takes-no-slot")
def judge_resume_takes_no_slot(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a reader comes back to its stream while the user is at the limit."""
    _refused(evidence, profile)
    resumed = read(the_answer(evidence, "resumed"), profile)
    if not resumed.resumed_after:
        raise Untestable("the reader had seen no event id to come back with")
    if not is_event_stream(resumed.transcript):
        yield resumed.find(
            f"the stream to go on after {resumed.resumed_after!r}, limit or not",
            described(resumed.transcript),
            at=resumed.transcript.head_at,
        )


def _gives_back(way: str) -> Check:
    """Make the check that streams which ended this way left no slot behind."""

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        used = _used(evidence, profile, way)
        limit = _limits(profile).streams_per_user
        again = evidence.labelled("again-")
        refused = [each for each in again if not is_event_stream(each.transcript)]
        if len(again) < limit and not refused:
            raise Untestable(f"the probe made only {len(again)} starts afterwards")
        for exchange in refused:
            yield read(exchange, profile).find(
                f"{limit} free slots after {used} streams that ended by {way}",
                described(exchange.transcript),
                at=exchange.transcript.head_at,
                timed=True,
            )

    return judge


for _way in ("complete", "error", "cancel", "leave", "early-leave"):
    check(f"limits.slot-back-after-{_way}")(_gives_back(_way))


def _used(evidence: Evidence, profile: Profile, way: str) -> int:
    """Count the streams that took a slot and ended this way.

    Raises `Untestable` unless there are enough of them to fill every slot.
    """
    starts = evidence.labelled("used-") or (
        # One stream of the burst goes on, and ends, in its resumed response.
        *evidence.labelled("start-"),
        *evidence.labelled("resumed"),
    )
    seen = [read(start, profile) for start in starts]
    matching = [each for each in seen if _has_ended(each, way)]
    limit = _limits(profile).streams_per_user
    if len(matching) < limit:
        got = "; ".join(f"{each.label}: {_state(each)}" for each in seen[:limit])
        raise Untestable(
            f"expected {limit} streams that ended by {way}, got {len(matching)} "
            f"({got or 'none'})"
        )
    return len(matching)


def _has_ended(seen: Stream, way: str) -> bool:
    transcript = seen.transcript
    if way == "early-leave":
        is_ours = transcript.ending.kind is EndingKind.CLOSED_BY_US
        return is_ours and transcript.request_sent_at is not None
    if not is_event_stream(transcript):
        return False
    match way:
        case "complete":
            return seen.outcome is Outcome.SUCCESS
        case "error":
            return seen.outcome is Outcome.ERROR
        case "cancel":
            return seen.outcome in (Outcome.CANCELLED, Outcome.ERROR)
        case _:
            left = transcript.ending.kind is EndingKind.CLOSED_BY_US
            return left and seen.outcome is None


def _state(seen: Stream) -> str:
    outcome = seen.outcome or "no terminal event"
    return f"{described(seen.transcript)}, {outcome}, {ended(seen)}"


def _starts(evidence: Evidence) -> tuple[Exchange, ...]:
    """Return the burst; `Untestable` unless every start of it has an answer."""
    starts = evidence.labelled("start-")
    silent = [start for start in starts if start.transcript.status is None]
    if not starts or silent:
        raise Untestable(
            f"{len(silent)} of {len(starts)} simultaneous starts got no answer"
        )
    return starts


def _is_accepted(start: Exchange, evidence: Evidence, profile: Profile) -> bool:
    """Tell a stream from a refusal, also from one that comes inside a stream.

    The model of every accepted start is held, so that a stream which the target ended
    after one event at most, without a model call, is a refusal too late for a status.
    """
    if not is_event_stream(start.transcript):
        return False
    seen = read(start, profile)
    is_mute = seen.is_read_to_end and len(seen.events) <= 1
    return not is_mute or key_of(start) is None or bool(calls_of(evidence, start))


def _over(evidence: Evidence, profile: Profile) -> list[Exchange]:
    """Return the starts that were not accepted; `Untestable` if there is none."""
    over = [
        start
        for start in _starts(evidence)
        if not _is_accepted(start, evidence, profile)
    ]
    if not over:
        raise Untestable("every start was accepted, so none shows a refusal")
    return over


def _refused(evidence: Evidence, profile: Profile) -> list[Exchange]:
    """Return the starts refused for the limit; `Untestable` if there is none."""
    status = _limits(profile).status
    refused = [
        each for each in _over(evidence, profile) if each.transcript.status == status
    ]
    if not refused:
        raise Untestable(f"no start was refused with {status}: the limit was not met")
    return refused


def _open_together(starts: tuple[Exchange, ...], accepted: list[Exchange]) -> None:
    """Raise `Untestable` if a stream ended while starts were still being answered."""
    last = max(start.transcript.head_at or 0.0 for start in starts)
    for start in accepted:
        if start.transcript.ending.at < last:
            raise Untestable(
                f"{start.label} ended before the last start had its answer, "
                "so the accepted streams were not open at one time",
                timed=True,
            )


def _is_retry_after(value: str) -> bool:
    if _DELAY_SECONDS.fullmatch(value):
        return True
    try:
        # An HTTP-date says GMT (RFC 9110, section 5.6.7), which makes it aware.
        return parsedate_to_datetime(value).tzinfo is not None
    except ValueError:
        return False


def _limits(profile: Profile) -> Limits:
    assert profile.limits is not None  # noqa: S101 -- a capability these checks need
    return profile.limits
