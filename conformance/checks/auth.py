"""Checks of topic `auth`: who may start a stream, decided before anything else.

Pure. A server that refuses everybody proves nothing: every check on a refusal asks
that the same user's valid request was accepted in the same run.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..evidence.continuation import rest_of, to_success, unbroken, unlike_rest
from ..evidence.journal import CLOCK_TOLERANCE_S, describe, is_over, key_of, last_call
from ..evidence.refusals import described, is_refused, refused_with, shaped, the_answer
from ..evidence.streams import answers, is_event_stream, read, the_stream
from ..evidence.untestable import Untestable
from ..evidence.words import ended, is_given_up, ms
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.schema import Auth
from ..wire import EndingKind
from .registry import Check, Sample, check

EXPIRY_TOLERANCE_S = 0.25
"""How far `exp` may be missed for the clocks' sake.

`exp` is wall time, which the suite and the server each read on their own; this is an
order above what NTP leaves between two machines of one network.
"""

_REFUSED = {
    "none": "a request without a credential",
    "malformed": "a request whose token is no token",
    "wrong-scheme": "a request with the token under another scheme",
    "alg-none": "a request with an unsigned token",
    "bad-signature": "a request with a token that somebody else signed",
    "wrong-algorithm": "a request with a token signed by an algorithm not configured",
    "expired": "a request with an expired token",
    "query-token": "a request with its token in the query",
    "none-and-invalid-body": "an invalid request without a credential",
}
"""Label of each refused request and what it is."""

_IDS = {
    "no-credential": "none",
    "malformed": "malformed",
    "wrong-scheme": "wrong-scheme",
    "alg-none": "alg-none",
    "bad-signature": "bad-signature",
    "wrong-algorithm": "wrong-algorithm",
    "expired": "expired",
    "query-token-refused": "query-token",
    "before-validation": "none-and-invalid-body",
}
"""Which refused request each plain requirement is about."""


def _refuses(label: str) -> Check:
    """Make the check that this request is refused with the declared status."""

    def refuses(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
        exchange = the_answer(evidence, label)
        _accepted(evidence)
        yield from refused_with(
            exchange, profile, statuses=[_auth(profile).status], to=_REFUSED[label]
        )

    return refuses


for _id, _label in _IDS.items():
    check(f"auth.{_id}")(_refuses(_label))


@check("auth.challenge")
def challenge(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
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
def challenge_names_error(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that the challenge names an error where a token was sent.

    RFC 6750, section 3.1: without any authentication information, it should not.
    """
    sent = ("alg-none", "bad-signature", "wrong-algorithm", "expired")
    with_token = [each for each in _unauthorized(evidence) if each.label in sent]
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
def refused_as_json(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that every refusal has the declared shape."""
    refused = [each for each in _asked(evidence) if is_refused(each)]
    if not refused:
        raise Untestable(f"no request was refused: {answers(evidence)}")
    for exchange in refused:
        yield from shaped(exchange, profile)


@check("auth.before-upstream")
def before_upstream(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See that no refused request reached the model, while valid ones do."""
    valid = {key_of(exchange) for exchange in _accepted(evidence)}
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
def takes_no_slot(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
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
def expiry_closes(evidence: Evidence, profile: Profile) -> Iterator[Finding | Sample]:
    """See when and how the response ends whose token runs out."""
    stream = the_stream(evidence, "stream", profile)
    expires = _expires(evidence)
    # A slow server may start its first model call after that instant: that is no less
    # a run that goes on.
    last = last_call(evidence, stream.exchange)
    if is_over(last, expires):
        raise Untestable(f"the run did not outlast its token: {describe(last)}")
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
    if ending.kind is not EndingKind.CLEAN:
        yield stream.find(
            "the response to end properly at the token's expiry",
            f"{ended(stream)} {ms(late)} after it",
            at=ending.at,
            timed=is_given_up(stream),
        )
        return
    yield Sample(seconds=late)
    if late > bound:
        yield stream.find(
            f"the end of the response within {ms(bound)} of the token's expiry",
            f"{ms(late)} after it",
            at=ending.at,
            timed=True,
            beyond_s=late - bound,
        )
    elif late < -EXPIRY_TOLERANCE_S:
        yield stream.find(
            "the response to stay open until the token's expiry",
            f"its end {ms(-late)} before",
            at=ending.at,
            timed=True,
            beyond_s=-late - EXPIRY_TOLERANCE_S,
        )


@check("auth.expiry-resumable")
def expiry_resumable(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding | Sample]:
    """See that a fresh token continues the stream, complete and to its success."""
    stream = the_stream(evidence, "stream", profile)
    resumed = read(the_answer(evidence, "resumed"), profile)
    after = resumed.resumed_after
    if after is None or after not in {event.id for event in stream.events}:
        raise Untestable("the probe did not come back after an event of the stream")
    if resumed.transcript.started_at < _expires(evidence) - CLOCK_TOLERANCE_S:
        raise Untestable("the probe came back before the token had expired")
    if not is_event_stream(resumed.transcript):
        yield resumed.find(
            f"the stream to go on after {after!r} with a fresh token",
            described(resumed.transcript),
            at=resumed.transcript.head_at,
        )
        return
    yield from unlike_rest(resumed, rest_of(stream, after), is_whole=False)
    yield from unbroken(resumed, profile)
    yield from to_success(resumed)


def _asked(evidence: Evidence) -> list[Exchange]:
    """Return the requests that must have been refused."""
    return [exchange for exchange in evidence.exchanges if exchange.label in _REFUSED]


def _accepted(evidence: Evidence) -> list[Exchange]:
    """Return the valid starts that were accepted; `Untestable` if there is none."""
    valid = evidence.labelled("valid-")
    accepted = [each for each in valid if is_event_stream(each.transcript)]
    if not accepted:
        raise Untestable(f"no valid request was accepted: {answers(evidence)}")
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
