"""Checks of topic `resume`: nothing lost, nothing twice, no other user's.

Pure. Which event a reader came back after is read from its own request, never guessed
from a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..evidence.continuation import (
    find_differences,
    find_failure,
    find_gaps,
    identity,
    rest_of,
    shown,
)
from ..evidence.cuts import find_losses, pieces_of
from ..evidence.endings import find_bad_end
from ..evidence.journal import calls_of
from ..evidence.refusals import (
    described,
    find_telltales,
    find_wrong_refusal,
    find_wrong_shape,
    is_refused,
    the_answer,
)
from ..evidence.streams import Stream, answers, is_event_stream, read, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import ended, few, is_given_up, last_event
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.pointer import show
from ..profiles.schema import Refused, Resume
from ..profiles.typed import Outcome, TypedEvent, parse_id
from ..wire import EndingKind
from .registry import Sample, check

_ID_LIMIT_BYTES = 4096
"""Longer header values may be refused by HTTP itself: RFC 9110, section 5.4."""

_CLIENT_ERRORS = range(400, 500)


@check("resume.every-cut-of-finished")
def judge_every_cut_of_finished(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Compare every resume of a finished stream with the rest of that stream."""
    whole = _finished(evidence, profile)
    cuts = _resumes(evidence, whole, profile)
    findings = []
    for cut in cuts:
        rest = rest_of(whole, cut.resumed_after)
        if rest:
            findings += list(find_differences(cut, rest))
    yield from few(findings, "resumes")
    # Of a very long stream the probe cuts only some places, and says how many.
    wanted = evidence.facts.get("cuts", len(_ids(whole)))
    if isinstance(wanted, int) and len(cuts) < wanted:
        raise Untestable(f"the probe made only {len(cuts)} of {wanted} resumes")


@check("resume.replay-closes")
def judge_replay_closes(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the server ends every replay, and soon after the terminal event."""
    whole = _finished(evidence, profile)
    findings: list[Finding] = []
    looked = False
    for cut in _resumes(evidence, whole, profile):
        if cut.terminal_at is None:
            continue
        looked = True
        yield Sample(seconds=cut.transcript.ending.at - cut.terminal_at)
        findings += find_bad_end(
            cut,
            since=cut.terminal_at,
            within_s=profile.terminal.close_within_s,
            event="the terminal event",
        )
    if not looked:
        raise Untestable("no resume of the finished stream reached its terminal event")
    yield from few(findings, "resumes")


@check("resume.same-stream-id")
def judge_same_stream_id(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Compare the stream id header of every resumed response with the first one."""
    whole = _finished(evidence, profile)
    name = profile.response.stream_id_header or ""
    wanted = whole.transcript.header(name)
    if wanted is None:
        raise Untestable(f"the first response has no {name} header to compare with")
    resumed = [
        cut
        for cut in _resumes(evidence, whole, profile)
        if is_event_stream(cut.transcript)
    ]
    if not resumed:
        raise Untestable(f"no resume was answered with a stream: {answers(evidence)}")
    findings = [
        cut.find(f"{name}: {wanted}", f"{name}: {cut.transcript.header(name)}")
        for cut in resumed
        if cut.transcript.header(name) != wanted
    ]
    yield from few(findings, "resumes")


@check("resume.finished-stops")
def judge_finished_stops(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a resume after the last event is answered with the declared stop."""
    whole = _finished(evidence, profile)
    last = _ids(whole)[-1] if _ids(whole) else None
    cut = next(
        (c for c in _resumes(evidence, whole, profile) if c.resumed_after == last), None
    )
    if cut is None:
        raise Untestable("the probe did not resume after the stream's last event")
    status = _resume(profile).finished_status
    transcript = cut.transcript
    if transcript.status != status:
        yield cut.find(
            f"{status} for a resume after the last event {last!r}",
            described(transcript),
            at=transcript.head_at,
        )
    elif cut.events or (status == 204 and transcript.body):  # noqa: PLR2004 -- RFC 9110, section 15.3.5: it has no content
        yield cut.find(
            f"{status} without any event", described(transcript), at=transcript.head_at
        )
    elif transcript.ending.kind is not EndingKind.CLEAN:
        yield cut.find(
            f"the {status} answer to be complete",
            f"its end did not come: {ended(cut)}",
            at=transcript.ending.at,
            timed=is_given_up(cut),
        )


@check("resume.live-cuts-lossless")
def judge_live_cuts_lossless(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Compare what a reader that kept being cut has seen with the stored stream."""
    pieces = pieces_of(evidence, profile)
    refused = [piece for piece in pieces if not is_event_stream(piece.seen.transcript)]
    yield from few(
        [
            piece.seen.find(
                f"the stream to go on after {piece.seen.resumed_after!r}",
                described(piece.seen.transcript),
                at=piece.seen.transcript.head_at,
            )
            for piece in refused
        ],
        "resumes",
    )
    if refused:
        return
    last = pieces[-1].seen
    if last.outcome is None and last.transcript.ending.kind is EndingKind.CLOSED_BY_US:
        raise Untestable("the probe stopped cutting before the terminal event")
    if last.outcome is None:
        yield last.find(
            "the stream to go on to its terminal event",
            f"{ended(last)} after {last_event(last)}",
            at=last.transcript.ending.at,
            timed=is_given_up(last),
        )
        return
    whole = the_stream(evidence, "whole", profile)
    yield from few(find_losses(pieces, whole), "events")


@check("resume.live-cuts-without-duplicates")
def judge_live_cuts_without_duplicates(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that no event comes twice to a reader that keeps being cut."""
    pieces = pieces_of(evidence, profile)
    seen: dict[str, str] = {}
    findings = []
    for piece in pieces:
        for event in piece.kept:
            if event.id is None:
                continue
            if event.id in seen:
                findings.append(
                    piece.seen.find(
                        f"only events after {piece.seen.resumed_after!r}, each once",
                        f"{event.name} again; it came in {seen[event.id]!r} before",
                        event=event,
                    )
                )
            seen.setdefault(event.id, piece.seen.label)
    if not seen:
        raise Untestable("no event with an id came in any of the cut responses")
    yield from few(findings, "events")


@check("resume.same-events-live-and-replayed")
def judge_same_events_live_and_replayed(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Compare every event that was read more than once with its first reading."""
    first: dict[str, tuple[str, TypedEvent]] = {}
    compared = 0
    findings = []
    for exchange in evidence.exchanges:
        seen = read(exchange, profile)
        for event in seen.events:
            if event.id is None:
                continue
            label, known = first.setdefault(event.id, (seen.label, event))
            if label == seen.label:
                continue
            compared += 1
            if identity(event) != identity(known):
                findings.append(
                    seen.find(
                        f"event {event.id!r} as in {label!r}: {shown(known)}",
                        shown(event),
                        event=event,
                    )
                )
    if not compared:
        raise Untestable("no event was read more than once, so there is no comparison")
    yield from few(findings, "events")


@check("resume.malformed-refused")
def judge_malformed_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that ids which cannot have been issued are refused."""
    declared = _resume(profile).malformed
    asked = _malformed(evidence, profile)
    for seen in asked:
        text = seen.resumed_after or ""
        to = f"a resume with the malformed id {show(text)}"
        if _is_for_http(text):
            statuses, code = {*_statuses(declared), 400, 431}, None
        else:
            statuses, code = set(_statuses(declared)), _code(declared)
        yield from find_wrong_refusal(
            seen.exchange, profile, statuses=statuses, code=code, to=to
        )


@check("resume.future-refused")
def judge_future_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that an id beyond the last one is refused."""
    stream = the_stream(evidence, "stream", profile)
    if stream.outcome is None:
        raise Untestable("the stream had not ended, so that id may exist by now")
    yield from _refused(
        evidence,
        "future",
        profile,
        declared=_resume(profile).future,
        to="a resume with an id greater than any issued",
    )


@check("resume.unknown-refused")
def judge_unknown_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that an id of no stream is refused."""
    yield from _refused(
        evidence,
        "unknown",
        profile,
        declared=_resume(profile).unknown,
        to="a resume with an id of a stream that does not exist",
    )


@check("resume.foreign-refused")
def judge_foreign_refused(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that another user's stream is refused, and shows none of its events."""
    _foreign(evidence, profile)
    yield from _refused(
        evidence,
        "foreign",
        profile,
        declared=_resume(profile).unknown or Refused(status=404),
        to="a resume with another user's event id",
    )


@check("resume.foreign-like-unknown")
def judge_foreign_like_unknown(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Compare the answers for another user's stream and for one that is none."""
    foreign = _foreign(evidence, profile)
    unknown = the_answer(evidence, "unknown")
    if not (is_refused(foreign) or is_refused(unknown)):
        raise Untestable(f"neither was refused: {answers(evidence)}")
    masks = []
    for exchange in (foreign, unknown):
        text = read(exchange, profile).resumed_after or ""
        id_ = parse_id(text, profile)
        masks += [text, id_.stream if id_ is not None else ""]
    yield from find_telltales(foreign, unknown, profile, masks=masks)


@check("resume.needs-credential")
def judge_needs_credential(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a resume without a credential is refused like a start without one."""
    the_stream(evidence, "stream", profile)  # its id makes this a resume
    exchange = the_answer(evidence, "no-credential")
    assert profile.auth is not None  # noqa: S101 -- a capability this check needs
    yield from find_wrong_refusal(
        exchange,
        profile,
        statuses=[profile.auth.status],
        to="a resume without a credential",
    )


@check("resume.refusals-are-json")
def judge_refusals_are_json(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every refused resume has the declared shape."""
    named = ("future", "unknown", "foreign", "no-credential")
    asked = [
        seen.exchange
        for seen in _malformed(evidence, profile)
        if not _is_for_http(seen.resumed_after or "")
    ]
    asked += [exchange for exchange in evidence.exchanges if exchange.label in named]
    refused = [exchange for exchange in asked if is_refused(exchange)]
    if not refused:
        raise Untestable(f"no resume was refused: {answers(evidence)}")
    for exchange in refused:
        yield from find_wrong_shape(exchange, profile)


@check("resume.takeover-closes-older")
def judge_takeover_closes_older(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See how the older response ends when a newer reader has taken over."""
    older = the_stream(evidence, "first", profile)
    newer = the_stream(evidence, "second", profile)
    if not older.events or newer.transcript.head_at is None:
        raise Untestable(
            "the older reader had read nothing when the newer one came", timed=True
        )
    opened = newer.transcript.head_at
    ending = older.transcript.ending
    if older.is_read_to_end and ending.at < newer.transcript.started_at:
        raise Untestable(
            "the older response had ended before the newer reader came", timed=True
        )
    if older.terminal is not None:
        yield older.find(
            "no terminal event to the older reader: the run goes on for the newer one",
            older.terminal.name,
            event=older.terminal,
        )
        return
    # The older end may well arrive a moment before the newer head.
    since = min(opened, ending.at)
    yield Sample(seconds=ending.at - since)
    yield from find_bad_end(
        older,
        since=since,
        within_s=profile.terminal.close_within_s,
        what="the older response",
        event="the newer one's head",
    )


@check("resume.takeover-continues")
def judge_takeover_continues(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the newer reader gets everything after its id, to the terminal event."""
    older = the_stream(evidence, "first", profile)
    newer = read(the_answer(evidence, "second"), profile)
    after = newer.resumed_after
    if after is None or after not in {event.id for event in older.events}:
        raise Untestable("the newer reader did not come back after an event of `first`")
    if not is_event_stream(newer.transcript):
        yield newer.find(
            f"the stream to go on after {after!r}",
            described(newer.transcript),
            at=newer.transcript.head_at,
        )
        return
    yield from find_differences(newer, rest_of(older, after), is_whole=False)
    yield from find_gaps(newer, profile)
    yield from find_failure(newer)


@check("resume.one-generation")
def judge_one_generation(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """Count the model calls of a stream that was read several times."""
    if not evidence.exchanges:
        raise Untestable("no request was made")
    start = evidence.exchanges[0]
    calls = calls_of(evidence, start)
    if not calls:
        raise Untestable(f"no model call of {start.label!r} is in the journal")
    resumed = [
        seen
        for seen in (read(exchange, profile) for exchange in evidence.exchanges[1:])
        if seen.resumed_after and is_event_stream(seen.transcript)
    ]
    if not resumed:
        raise Untestable(f"no resume was answered with a stream: {answers(evidence)}")
    wanted = profile.steering.calls_per_run
    if len(calls) > wanted:
        extra = calls[wanted].at("accepted")
        yield read(start, profile).find(
            f"{wanted} model calls for one stream that was read "
            f"{len(resumed) + 1} times",
            f"{len(calls)} model calls",
            at=extra,
        )


def _finished(evidence: Evidence, profile: Profile) -> Stream:
    whole = the_stream(evidence, "stream", profile)
    if whole.outcome is not Outcome.SUCCESS:
        raise Untestable(
            f"the stream to compare with did not finish: {ended(whole)} after "
            f"{last_event(whole)}"
        )
    return whole


def _ids(whole: Stream) -> list[str]:
    return [event.id for event in whole.events if event.id is not None]


def _resumes(evidence: Evidence, whole: Stream, profile: Profile) -> list[Stream]:
    """Return the resumes after an event of the finished stream."""
    ids = set(_ids(whole))
    cuts = [read(exchange, profile) for exchange in evidence.labelled("after-")]
    found = [cut for cut in cuts if cut.resumed_after in ids]
    if not found:
        raise Untestable("no resume names an event of the finished stream")
    return found


def _malformed(evidence: Evidence, profile: Profile) -> list[Stream]:
    """Return the resumes with a malformed id.

    An empty one is left out: it is how a client says that it has no last event (HTML,
    "the last event ID string ... is not the empty string").
    """
    seen = [read(exchange, profile) for exchange in evidence.labelled("malformed-")]
    asked = [each for each in seen if (each.resumed_after or "").strip()]
    if not asked:
        raise Untestable("the probe sent no malformed id")
    return asked


def _is_for_http(text: str) -> bool:
    """Tell whether HTTP itself may refuse this header value, unread by the server."""
    return len(text) > _ID_LIMIT_BYTES or not (text.isascii() and text.isprintable())


def _foreign(evidence: Evidence, profile: Profile) -> Exchange:
    """Return the resume by another user; `Untestable` if it was none."""
    stream = the_stream(evidence, "stream", profile)
    foreign = the_answer(evidence, "foreign")
    named = read(foreign, profile).resumed_after
    if foreign.user == stream.exchange.user:
        raise Untestable("the probe had no second user")
    if named not in {event.id for event in stream.events}:
        raise Untestable(f"{named!r} is no event id of the first user's stream")
    return foreign


def _refused(
    evidence: Evidence,
    label: str,
    profile: Profile,
    *,
    declared: Refused | None,
    to: str,
) -> Iterator[Finding]:
    yield from find_wrong_refusal(
        the_answer(evidence, label),
        profile,
        statuses=_statuses(declared),
        code=_code(declared),
        to=to,
    )


def _statuses(declared: Refused | None) -> Iterable[int]:
    return _CLIENT_ERRORS if declared is None else (declared.status,)


def _code(declared: Refused | None) -> str | None:
    return None if declared is None else declared.code


def _resume(profile: Profile) -> Resume:
    assert profile.resume is not None  # noqa: S101 -- a capability these checks need
    return profile.resume
