"""Hand-made evidence: responses as wire bytes, journal records, and a small profile.

Times are seconds of one made-up clock; responses start at 100 unless a test says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from streamproof.conformance.checks import CHECKS, Sample, Untestable
from streamproof.conformance.model import (
    CallEvent,
    Evidence,
    Exchange,
    Finding,
    Request,
    UpstreamCall,
)
from streamproof.conformance.profiles import Profile, parse
from streamproof.conformance.wire import Chunk, Ending, EndingKind, Transcript

SMALL = """
name = "small"
title = "A small protocol"
source = "this file"

[endpoint]
method = "POST"
path = "/streams"
body = { prompt = "{prompt}" }

[[endpoint.invalid]]
name = "prompt is a number"
body = { prompt = 7 }
status = 422
code = "INVALID"

[[endpoint.invalid]]
name = "GET on a POST endpoint"
method = "GET"
status = 405

[response]
stream_id_header = "X-Stream-Id"

[framing]
line_end = "lf"
type = { location = "json-pointer", pointer = "/type" }

[ids]
form = "stream-sequence"

[heartbeat]
form = "comment"

[terminal]
form = "event"
success = [{ type = "done" }]
error = [{ type = "error" }]
cancelled = [{ type = "error", where = { "/code" = "CANCELLED" } }]

[resume]
form = "last-event-id"
malformed = { status = 400, code = "BAD_ID" }
future = { status = 400, code = "BAD_ID" }
unknown = { status = 404, code = "NO_STREAM" }

[cancel]
grace_s = 0.5
within_s = 1.0
explicit = [{ path = "/streams/{stream}" }]

[auth]
expiry = "closes"

[limits]
streams_per_user = 2
code = "TOO_MANY"

[refusal]

[errors]
code = "/code"
message = "/message"
retryable = "/retryable"
cancelled = "CANCELLED"
codes = ["UPSTREAM", "LIMITED", "TIMEOUT", "BROKEN", "CANCELLED"]
timeout_s = 2.0
retries_upstream = true

[errors.upstream]
http_error = ["UPSTREAM"]
rate_limited = ["LIMITED"]
timeout = ["TIMEOUT"]
broken = ["BROKEN"]

[steering]
mode = "prompt"
calls_per_run = 1
token = { type = "token", text = "/text" }
"""

PROFILE = parse(SMALL, origin="small")


def frame(n: int, type_: str, **values: object) -> bytes:
    """Write event `n` of stream s."""
    data = json.dumps({"type": type_, **values})
    return f"id: s-{n}\ndata: {data}\n\n".encode()


def token(n: int, text: str = "word ") -> bytes:
    return frame(n, "token", text=text)


def done(n: int) -> bytes:
    return frame(n, "done")


def error(n: int, code: str = "BROKEN", message: str = "the model failed") -> bytes:
    return frame(n, "error", code=code, message=message, retryable=True)


def cancelled(n: int) -> bytes:
    return error(n, "CANCELLED", "the run was cancelled")


def stream(  # noqa: PLR0913 -- each is a fact of one response
    label: str,
    *frames: bytes,
    at: float = 100.0,
    step_s: float = 0.1,
    ended_at: float | None = None,
    ending: EndingKind = EndingKind.CLEAN,
    after: str | None = None,
    user: str = "ann",
    key: str = "K",
) -> Exchange:
    """Make an event-stream response: its head at `at`, then a frame every `step_s`."""
    chunks = tuple(
        Chunk(at=at + n * step_s, data=data) for n, data in enumerate(frames, 1)
    )
    last = chunks[-1].at if chunks else at
    transcript = Transcript(
        started_at=at,
        connected_at=at,
        request_sent_at=at,
        http_version="1.1",
        status=200,
        headers=(("Content-Type", "text/event-stream"), ("X-Stream-Id", "s")),
        head_at=at,
        chunks=chunks,
        ending=Ending(kind=ending, at=last + 0.01 if ended_at is None else ended_at),
    )
    return Exchange(
        label=label, user=user, request=request(key, after), transcript=transcript
    )


def request(key: str, after: str | None = None, method: str = "POST") -> Request:
    """Make a request whose prompt carries the steering key."""
    headers = () if after is None else (("Last-Event-ID", after),)
    body = json.dumps({"prompt": f"[[fake:say tokens=2 call={key}]]"}).encode()
    return Request(method=method, path="/streams", headers=headers, body=body)


def answer(  # noqa: PLR0913 -- each is a fact of one response
    label: str,
    status: int,
    code: str | None = None,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    at: float = 100.0,
    after: str | None = None,
    user: str = "ann",
    key: str = "K",
    method: str = "POST",
    path: str = "/streams",
) -> Exchange:
    """Make an ordinary response; with `code`, a refusal of the declared shape."""
    if body is None:
        told = {"error": {"code": code, "message": f"refused: {code}"}}
        body = json.dumps(told).encode() if code is not None else b""
    all_headers = {"Content-Type": "application/json", **(headers or {})}
    transcript = Transcript(
        started_at=at,
        connected_at=at,
        request_sent_at=at,
        http_version="1.1",
        status=status,
        headers=tuple(all_headers.items()),
        head_at=at,
        chunks=(Chunk(at=at, data=body),) if body else (),
        ending=Ending(kind=EndingKind.CLEAN, at=at),
    )
    asked = replace(request(key, after, method), path=path)
    return Exchange(label=label, user=user, request=asked, transcript=transcript)


def silence(label: str, ending: EndingKind, *, sent: bool = True) -> Exchange:
    """Make an exchange without a response."""
    transcript = Transcript(
        started_at=100.0,
        request_sent_at=100.0 if sent else None,
        ending=Ending(kind=ending, at=100.0),
    )
    return Exchange(
        label=label, user="ann", request=request("K"), transcript=transcript
    )


def call(
    outcome: str | None = "completed",
    *,
    turn: int = 1,
    key: str = "K",
    tokens: int = 2,
    after_peer_gone: int = 0,
    fault: str | None = None,
    **instants: float,
) -> UpstreamCall:
    """Make a journal record; `instants` are event names and when they happened.

    `tokens` many are generated and sent at the instant called `token_sent`.
    """
    events = [
        CallEvent(name=name, at=at)
        for name, at in instants.items()
        if name != "token_sent"
    ]
    sent = instants.get("token_sent")
    for n in range(1, tokens + 1 if sent is not None else 1):
        events.append(CallEvent(name="token_generated", at=sent or 0.0, n=n))
        events.append(CallEvent(name="token_sent", at=sent or 0.0, n=n))
    return UpstreamCall(
        key=key,
        turn=turn,
        outcome=outcome,
        fault=fault,
        peer=None,
        generated=tokens if sent is not None else 0,
        sent=tokens if sent is not None else 0,
        after_peer_gone=after_peer_gone,
        events=tuple(sorted(events, key=lambda event: event.at)),
    )


def complete_call(turn: int = 1, key: str = "K") -> UpstreamCall:
    """Make the record of a call that was read to its end."""
    return call(
        turn=turn,
        key=key,
        accepted=100.0,
        headers_sent=100.01,
        token_sent=100.02,
        terminator_sent=100.03,
        ended=100.04,
    )


def evidence(
    *exchanges: Exchange,
    calls: tuple[UpstreamCall, ...] = (),
    marks: Mapping[str, float] | None = None,
    facts: Mapping[str, object] | None = None,
) -> Evidence:
    return Evidence(
        probe="hand-made",
        exchanges=exchanges,
        calls=calls,
        marks=marks or {},
        facts=facts or {},
    )


def with_exchanges(base: Evidence, *exchanges: Exchange) -> Evidence:
    """Return the evidence with these exchanges in the place of those of their label."""
    new = {exchange.label: exchange for exchange in exchanges}
    kept = [new.pop(each.label, each) for each in base.exchanges]
    return replace(base, exchanges=(*kept, *new.values()))


def without(base: Evidence, *labels: str) -> Evidence:
    """Return the evidence without the exchanges of these labels."""
    return replace(
        base, exchanges=tuple(e for e in base.exchanges if e.label not in labels)
    )


def findings(id_: str, given: Evidence, profile: Profile = PROFILE) -> list[Finding]:
    """Return what the check finds in the evidence."""
    said = list(CHECKS[id_](given, profile))
    return [each for each in said if isinstance(each, Finding)]


def samples(id_: str, given: Evidence, profile: Profile = PROFILE) -> list[float]:
    """Return what the check measured, in whole milliseconds."""
    said = list(CHECKS[id_](given, profile))
    return [round(each.seconds * 1000) for each in said if isinstance(each, Sample)]


def assert_finding(
    id_: str, given: Evidence, expected: str, got: str, profile: Profile = PROFILE
) -> None:
    """Assert that some finding of the check reads like this."""
    found = findings(id_, given, profile)

    assert found, f"{id_} found nothing"
    assert any(expected in f.expected and got in f.got for f in found), found


MISSED = (
    "at that instant, but it stood",
    "did not outlast its token",
    "the probe did not come back after an event",
    "the grace of",
    "the older reader had read nothing",
    "the older response had ended before",
    "the run timed out on its model",
    "the stream was over before the last request",
    "the token had expired before",
    "the two streams did not run at the same time",
    "not open at one time",
    "may have waited for it",
)
"""How checks word a situation that a late suite may have missed: those are `timed`."""


def assert_untestable(
    id_: str, given: Evidence, why: str, profile: Profile = PROFILE
) -> None:
    """Assert that the check says that this evidence proves nothing, and why."""
    with pytest.raises(Untestable, match=why) as raised:
        list(CHECKS[id_](given, profile))
    assert raised.value.timed == any(words in str(raised.value) for words in MISSED)


def ids_of(topic: str) -> list[str]:
    """Return the ids of every check of a topic, sorted."""
    return sorted(id_ for id_ in CHECKS if id_.startswith(f"{topic}."))
