"""Checks of topic `auth`: who may start a stream, decided before anything else.

Pure. A server that refuses everybody proves nothing: every check on a refusal asks
that the same user's valid request was accepted in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..evidence.continuation import find_differences, find_failure, find_gaps, rest_of
from ..evidence.endings import find_bad_end
from ..evidence.journal import CLOCK_TOLERANCE_S, describe, is_over, key_of, last_call
from ..evidence.labels import in_form
from ..evidence.refusals import (
    described,
    find_wrong_refusal,
    find_wrong_shape,
    is_refused,
    the_answer,
)
from ..evidence.streams import Stream, answers, is_event_stream, read, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import ms
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.schema import Auth
from ..profiles.typed import Outcome
from ..wire import EndingKind
from .registry import Check, Sample, check

EXPIRY_TOLERANCE_S = 0.25
"""How far `exp` may be missed for the clocks' sake.

`exp` is wall time, which the suite and the server each read on their own; this is an
order above what NTP leaves between two machines of one network.
"""

_FAULTS = {
    "malformed": "a request whose token is no token",
    "alg-none": "a request with an unsigned token",
    "bad-signature": "a request with a token signed with another key",
    "wrong-algorithm": "a request with a token signed by an algorithm not configured",
    "expired": "a request with an expired token",
}
"""What can be wrong with a credential, in whatever form it is sent."""

_OTHERS = {
    "none": "a request without a credential",
    "wrong-scheme": "a request with the token under another scheme",
    "query-token": "a request with its token in the query",
    "cookie-token": "a request with its token in a cookie",
    "none-and-invalid-body": "an invalid request without a credential",
    "none-and-unknown-path": "a request to an unknown path without a credential",
    "none-and-wrong-method": "a request with an unserved method and no credential",
}
"""Label of each other refused request and what it is."""

_PLACES = {
    "bearer": "in the Authorization header",
    "query": "in the query",
    "cookie": "in a cookie",
    "header": "in its header",
}

_IDS = {
    "no-credential": "none",
    "wrong-scheme": "wrong-scheme",
    "query-token-refused": "query-token",
    "cookie-token-refused": "cookie-token",
    "before-validation": "none-and-invalid-body",
}
"""Which refused request each plain requirement is about."""


def _refuses(label: str) -> Check:
    """Make the check that this request is refused with the declared status."""

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        exchange = the_answer(evidence, label)
        _accepted(evidence, profile)
        yield from find_wrong_refusal(
            exchange, profile, statuses=[_auth(profile).status], to=_OTHERS[label]
        )

    return judge


def _refuses_in_every_form(fault: str) -> Check:
    """Make the check that a credential with this fault is refused in every form.

    A form in which not even a good one is accepted proves nothing.
    """

    def judge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        forms = _auth(profile).forms
        for form in forms:
            exchange = the_answer(evidence, in_form(fault, form, forms[0]))
            _accepted(evidence, profile, form)
            where = f" {_PLACES[form]}" if len(forms) > 1 else ""
            yield from find_wrong_refusal(
                exchange,
                profile,
                statuses=[_auth(profile).status],
                to=f"{_FAULTS[fault]}{where}",
            )

    return judge


for _id, _label in _IDS.items():
    check(f"auth.{_id}")(_refuses(_label))

for _fault in _FAULTS:
    check(f"auth.{_fault}")(_refuses_in_every_form(_fault))


@check("auth.before-routing")
def judge_before_routing(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a missing credential is told before a wrong path or method."""
    _accepted(evidence, profile)
    for label in ("none-and-unknown-path", "none-and-wrong-method"):
        yield from find_wrong_refusal(
            the_answer(evidence, label),
            profile,
            statuses=[_auth(profile).status],
            to=_OTHERS[label],
        )


@check("auth.refusal-code")
def judge_refusal_code(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every refusal with the declared status has the declared code."""
    auth = _auth(profile)
    asked = [each for each in _asked(evidence) if each.transcript.status == auth.status]
    if not asked:
        raise Untestable(f"no request was refused so: {answers(evidence)}")
    for exchange in asked:
        yield from find_wrong_refusal(
            exchange,
            profile,
            statuses=[auth.status],
            code=auth.code,
            to="a request without a good credential",
        )


@check("auth.every-form-accepted")
def judge_every_form_accepted(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that each form starts a stream, and serves at the other endpoints too."""
    auth = _auth(profile)
    _accepted(evidence, profile)
    for form in auth.forms[1:]:
        start = the_answer(evidence, f"accepted-{form}")
        if not is_event_stream(start.transcript):
            yield _refused_good(start, profile, f"a stream for a token {_PLACES[form]}")
        for what in ("resumed", "cancelled"):
            for other in evidence.labelled(f"{what}-{form}"):
                if other.transcript.status == auth.status:
                    wanted = f"a token {_PLACES[form]} to count for what is {what} too"
                    yield _refused_good(other, profile, wanted)


@check("auth.first-form-decides")
def judge_first_form_decides(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See which of two credentials counts, the first one good or bad."""
    auth = _auth(profile)
    for form, other in pairwise(auth.forms):
        _accepted(evidence, profile, form)
        _accepted(evidence, profile, other)
        good = the_answer(evidence, f"good-{form}-bad-{other}")
        if not is_event_stream(good.transcript):
            wanted = f"the good token {_PLACES[form]} to decide, not the bad one"
            yield _refused_good(good, profile, f"{wanted} {_PLACES[other]}")
        yield from find_wrong_refusal(
            the_answer(evidence, f"good-{other}-bad-{form}"),
            profile,
            statuses=[auth.status],
            to=f"a bad token {_PLACES[form]} beside a good one {_PLACES[other]}",
        )


def _refused_good(exchange: Exchange, profile: Profile, expected: str) -> Finding:
    transcript = exchange.transcript
    return read(exchange, profile).find(
        expected, described(transcript), at=transcript.head_at
    )


@check("auth.challenge")
def judge_challenge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that every 401 carries a challenge of the declared scheme.

    RFC 9110, section 15.5.2: "The server generating a 401 response MUST send a
    WWW-Authenticate header field".
    """
    wanted = _auth(profile).challenge
    for exchange in _unauthorized(evidence):
        schemes = [
            value.split(maxsplit=1)[0]
            for value in exchange.transcript.header_all("WWW-Authenticate")
            if value.strip()
        ]
        # RFC 9110, section 11.1: the scheme's name is "case-insensitive".
        names = {scheme.rstrip(",").lower() for scheme in schemes}
        if not names or (wanted is not None and wanted.lower() not in names):
            yield read(exchange, profile).find(
                f"WWW-Authenticate: {wanted or 'a challenge'}",
                f"{', '.join(schemes) or 'no such header'} with "
                f"{described(exchange.transcript)}",
                at=exchange.transcript.head_at,
            )


@check("auth.challenge-names-error")
def judge_challenge_names_error(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the challenge names an error where a token was sent.

    RFC 6750, section 3.1: without any authentication information, it should not.
    """
    sent = ("alg-none", "bad-signature", "wrong-algorithm", "expired")
    with_token = [
        each for each in _unauthorized(evidence) if each.label.startswith(sent)
    ]
    if not with_token:
        raise Untestable(f"no request with a token was refused: {answers(evidence)}")
    for exchange in with_token:
        values = exchange.transcript.header_all("WWW-Authenticate")
        if not any("error=" in value.replace(" ", "").lower() for value in values):
            yield read(exchange, profile).find(
                'WWW-Authenticate with error="invalid_token" or another error',
                ", ".join(values) or "no such header",
                at=exchange.transcript.head_at,
            )


@check("auth.refused-as-json")
def judge_refused_as_json(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that every refusal has the declared shape."""
    refused = [each for each in _asked(evidence) if is_refused(each)]
    if not refused:
        raise Untestable(f"no request was refused: {answers(evidence)}")
    for exchange in refused:
        yield from find_wrong_shape(exchange, profile)


@check("auth.before-upstream")
def judge_before_upstream(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that no refused request reached the model, while valid ones do."""
    valid = {key_of(exchange) for exchange in _accepted(evidence, profile)}
    if not any(call.key in valid for call in evidence.calls):
        raise Untestable("not even an accepted request reached the model")
    asked = {key_of(each): each for each in reversed(_asked(evidence))}
    if not asked.keys() - {None}:
        raise Untestable("no refused request carries a steering key")
    for call in evidence.calls:
        if call.key in asked:
            yield read(asked[call.key], profile).find(
                "no model call for a request without a valid credential",
                f"{describe(call)} for {_senders(evidence, call.key)}",
                at=call.at("accepted"),
            )


@check("auth.takes-no-slot")
def judge_takes_no_slot(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the user can open all streams after requests that were refused."""
    status = _auth(profile).status
    refused = [each for each in _asked(evidence) if each.transcript.status == status]
    valid = evidence.labelled("valid-")
    if not refused or not valid:
        raise Untestable(f"expected refusals, then valid starts: {answers(evidence)}")
    assert profile.limits is not None  # noqa: S101 -- a capability this check needs
    if len(valid) < profile.limits.streams_per_user:
        raise Untestable(f"the probe made only {len(valid)} valid starts")
    for exchange in valid:
        if not is_event_stream(exchange.transcript):
            yield read(exchange, profile).find(
                f"all {len(valid)} streams to open after {len(refused)} refusals",
                described(exchange.transcript),
                at=exchange.transcript.head_at,
            )


@check("auth.expiry-closes")
def judge_expiry_closes(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See when and how the response ends whose token runs out."""
    stream = _expiring(evidence, profile)
    expires = _expires(evidence)
    # A slow server may start its first model call after that instant: that is no less
    # a run that goes on.
    last = last_call(evidence, stream.exchange)
    if is_over(last, expires):
        raise Untestable(
            f"the run did not outlast its token: {describe(last)}", timed=True
        )
    ending = stream.transcript.ending
    bound = profile.terminal.close_within_s + EXPIRY_TOLERANCE_S
    if stream.terminal is not None:
        yield stream.find(
            "no terminal event at the token's expiry: the run goes on",
            stream.terminal.name,
            event=stream.terminal,
        )
        return
    late = ending.at - expires
    if ending.kind is EndingKind.CLEAN:
        yield Sample(seconds=late)
    yield from find_bad_end(
        stream, since=expires, within_s=bound, event="the token's expiry"
    )
    if ending.kind is EndingKind.CLEAN and late < -EXPIRY_TOLERANCE_S:
        yield stream.find(
            "the response to stay open until the token's expiry",
            f"its end {ms(-late)} before",
            at=ending.at,
            timed=True,
            beyond_s=-late - EXPIRY_TOLERANCE_S,
        )


@check("auth.expiry-resumable")
def judge_expiry_resumable(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a fresh token continues the stream, complete and to its success."""
    stream = _expiring(evidence, profile)
    resumed = read(the_answer(evidence, "resumed"), profile)
    after = resumed.resumed_after
    if after is None or after not in {event.id for event in stream.events}:
        raise Untestable(
            "the probe did not come back after an event of the stream", timed=True
        )
    if resumed.transcript.started_at < _expires(evidence) - CLOCK_TOLERANCE_S:
        raise Untestable("the probe came back before the token had expired")
    if not is_event_stream(resumed.transcript):
        yield resumed.find(
            f"the stream to go on after {after!r} with a fresh token",
            described(resumed.transcript),
            at=resumed.transcript.head_at,
        )
        return
    yield from find_differences(resumed, rest_of(stream, after), is_whole=False)
    yield from find_gaps(resumed, profile)
    _pass_over_grace(evidence, resumed)
    yield from find_failure(resumed)


def _expiring(evidence: Evidence, profile: Profile) -> Stream:
    """Return the stream whose token ran out; `Untestable` if it ran out before."""
    seen = the_answer(evidence, "stream").transcript
    answered = seen.ending.at if seen.head_at is None else seen.head_at
    if not is_event_stream(seen) and answered >= _expires(evidence):
        raise Untestable(
            "the token had expired before the request for the stream was answered: "
            f"{described(seen)}",
            timed=True,
        )
    return the_stream(evidence, "stream", profile)


def _pass_over_grace(evidence: Evidence, resumed: Stream) -> None:
    """Raise `Untestable` when the run may have been cancelled for want of a reader."""
    cancel, seen = resumed.profile.cancel, resumed.transcript
    if cancel is None or seen.head_at is None:
        return
    away_s = seen.head_at - _expires(evidence)
    if resumed.outcome is Outcome.CANCELLED and away_s > cancel.grace_s:
        raise Untestable(
            f"the probe came back {ms(away_s)} after the expiry, when the grace of "
            f"{ms(cancel.grace_s)} was over",
            timed=True,
        )


def _asked(evidence: Evidence) -> list[Exchange]:
    """Return the requests that must have been refused."""
    refused = (*_FAULTS, *_OTHERS)
    return [each for each in evidence.exchanges if each.label.startswith(refused)]


def _accepted(
    evidence: Evidence, profile: Profile, form: str | None = None
) -> list[Exchange]:
    """Return the valid starts that were accepted; `Untestable` if there is none.

    By default those with the credential in the first form of the profile.
    """
    is_first = form in (None, _auth(profile).forms[0])
    valid = evidence.labelled("valid-" if is_first else f"accepted-{form}")
    accepted = [each for each in valid if is_event_stream(each.transcript)]
    if not accepted:
        where = "" if is_first else f" with its token {_PLACES[str(form)]}"
        raise Untestable(f"no valid request{where} was accepted: {answers(evidence)}")
    return accepted


def _unauthorized(evidence: Evidence) -> list[Exchange]:
    found = [each for each in _asked(evidence) if each.transcript.status == 401]  # noqa: PLR2004 -- the status
    if not found:
        raise Untestable(f"no request was answered with 401: {answers(evidence)}")
    return found


def _senders(evidence: Evidence, key: str) -> str:
    """Name the requests that can have caused a call: those accepted, or else all."""
    labels = [each.label for each in _asked(evidence) if key_of(each) == key]
    accepted = [
        each.label
        for each in _asked(evidence)
        if key_of(each) == key and not is_refused(each)
    ]
    return " or ".join(accepted or labels)


def _expires(evidence: Evidence) -> float:
    if "expires" not in evidence.marks:
        raise Untestable("the probe does not say when its token expired")
    return evidence.marks["expires"]


def _auth(profile: Profile) -> Auth:
    assert profile.auth is not None  # noqa: S101 -- a capability these checks need
    return profile.auth
