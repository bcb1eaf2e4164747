"""The head of a stream response: status, media type, caching, declared headers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..evidence.streams import Stream, answer, answers, streams, tokens_of
from ..evidence.untestable import Untestable
from ..evidence.words import few
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.typed import parse_id
from ..wire import EndingKind, Transcript
from .registry import check

_CHARSET = re.compile(r""";\s*charset\s*=\s*"?([^";]*)"?""", re.IGNORECASE)


def _asked(evidence: Evidence) -> tuple[Exchange, ...]:
    """Return the exchanges that ask for a stream and reached the target.

    A cancel goes elsewhere and gets no stream. Whether a resumed stream must have an
    answer other than 200 is for the topic `resume`.
    """
    found = tuple(
        exchange
        for exchange in evidence.exchanges
        if "cancel" not in exchange.label
        and exchange.transcript.ending.kind is not EndingKind.NOT_CONNECTED
    )
    if not found:
        raise Untestable(f"the target was not reached: {answers(evidence)}")
    return found


def _accepted(evidence: Evidence) -> tuple[Exchange, ...]:
    """Return the exchanges answered with 200; raise `Untestable` if there is none."""
    found = tuple(e for e in _asked(evidence) if e.transcript.status == 200)  # noqa: PLR2004 -- the status
    if not found:
        raise Untestable(f"no request was accepted: {answers(evidence)}")
    return found


def _at_head(exchange: Exchange, expected: str, got: str) -> Finding:
    return Finding(expected=expected, got=got, exchange=exchange.label)


def _shown(transcript: Transcript, name: str) -> str:
    values = transcript.header_all(name)
    return f"{name}: {', '.join(values)}" if values else f"no {name}"


@check("headers.status-200")
def judge_status_200(evidence: Evidence, _: Profile) -> Iterator[Finding]:
    """Hold the answer to a valid start of a stream against 200."""
    for exchange in _asked(evidence):
        if exchange.transcript.status != 200:  # noqa: PLR2004 -- the status
            yield _at_head(exchange, "status 200", answer(exchange.transcript))


@check("headers.content-type-event-stream")
def judge_content_type_event_stream(
    evidence: Evidence, _: Profile
) -> Iterator[Finding]:
    """Compare the essence of the media type, without case and parameters."""
    found = []
    for exchange in _accepted(evidence):
        value = exchange.transcript.header("Content-Type") or ""
        if value.partition(";")[0].strip().lower() != "text/event-stream":
            got = _shown(exchange.transcript, "Content-Type")
            found.append(_at_head(exchange, "Content-Type: text/event-stream", got))
    yield from few(found, "responses")


@check("headers.charset-utf-8-or-none")
def judge_charset_utf_8_or_none(
    evidence: Evidence, profile: Profile
) -> Iterator[Finding]:
    """Find a charset parameter that says anything but UTF-8."""
    found = []
    for stream in streams(evidence, profile):
        value = stream.transcript.header("Content-Type") or ""
        charsets = [charset.strip().lower() for charset in _CHARSET.findall(value)]
        if set(charsets) - {"utf-8"}:
            expected = "no charset parameter, or charset=utf-8"
            found.append(_at_head(stream.exchange, expected, f"Content-Type: {value}"))
    yield from few(found, "responses")


@check("headers.not-cacheable")
def judge_not_cacheable(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find streams that a cache may keep and serve again."""
    found = []
    for stream in streams(evidence, profile):
        tokens = tokens_of(stream.transcript, "Cache-Control")
        if not tokens & {"no-cache", "no-store"}:
            expected = "Cache-Control with no-cache or no-store"
            got = _shown(stream.transcript, "Cache-Control")
            found.append(_at_head(stream.exchange, expected, got))
    yield from few(found, "responses")


@check("headers.declared-tokens")
def judge_declared_tokens(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Hold the head against every header that the profile declares."""
    found = []
    for stream in streams(evidence, profile):
        for name, wanted in profile.response.headers.items():
            tokens = tokens_of(stream.transcript, name)
            missing = [token for token in wanted if token.lower() not in tokens]
            if missing:
                expected = f"{name} with {', '.join(missing)}"
                got = _shown(stream.transcript, name)
                found.append(_at_head(stream.exchange, expected, got))
    yield from few(found, "responses")


@check("headers.no-content-length")
def judge_no_content_length(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Find streams whose length was known before they began."""
    for stream in streams(evidence, profile):
        if stream.transcript.header("Content-Length") is not None:
            got = _shown(stream.transcript, "Content-Length")
            yield _at_head(stream.exchange, "no Content-Length on a stream", got)


@check("headers.stream-id-matches")
def judge_stream_id_matches(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Compare the stream id in the head with the one in the event ids."""
    name = profile.response.stream_id_header or ""
    found = []
    looked = False
    for stream in streams(evidence, profile):
        parsed = [parse_id(event.id or "", profile) for event in stream.events]
        in_ids = sorted({id_.stream for id_ in parsed if id_ is not None})
        said = stream.transcript.header(name)
        looked = looked or bool(in_ids)
        if in_ids and in_ids != [said]:
            expected = f"{name}: {in_ids[0]}, as in the event ids"
            if len(in_ids) > 1:
                expected = f"one stream in all ids, not {', '.join(in_ids)}"
            got = _shown(stream.transcript, name)
            found.append(_at_head(stream.exchange, expected, got))
    if not looked:
        raise Untestable("no event carried an id of the declared form")
    yield from few(found, "responses")


@check("headers.same-on-resume")
def judge_same_on_resume(evidence: Evidence, profile: Profile) -> Iterator[Finding]:
    """Compare the head of every resumed response with the one it continues."""
    seen = streams(evidence, profile)
    first = next((s for s in seen if s.resumed_after is None), None)
    resumed = [stream for stream in seen if stream.resumed_after is not None]
    if first is None or not resumed:
        raise Untestable(f"no stream was resumed: {answers(evidence)}")
    found = []
    for stream in resumed:
        for name, original, got in _differences(first, stream, profile):
            expected = f"{name} as in the first response, {original}"
            found.append(_at_head(stream.exchange, expected, got))
    yield from few(found, "headers")


def _differences(
    first: Stream, resumed: Stream, profile: Profile
) -> Iterator[tuple[str, str, str]]:
    """Yield name, first value and resumed value of each header that differs."""
    for name in profile.response.headers:
        if tokens_of(first.transcript, name) != tokens_of(resumed.transcript, name):
            yield name, _shown(first.transcript, name), _shown(resumed.transcript, name)
    literal = ["Content-Type", profile.response.stream_id_header or ""]
    for name in filter(None, literal):
        if first.transcript.header(name) != resumed.transcript.header(name):
            yield name, _shown(first.transcript, name), _shown(resumed.transcript, name)
