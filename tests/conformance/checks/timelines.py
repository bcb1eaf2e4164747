"""Hand-made responses with the time of every byte, for the small profile and pipeline.

`RICH` is the small profile of `situations` with everything else declared that checks of
frames, ids, order and time ask for. A run of it is `start token* done`, ids of `RUN`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from tests.conformance.checks.situations import SMALL, evidence, request

from streamproof.conformance.model import CallEvent, Evidence, Exchange, UpstreamCall
from streamproof.conformance.profiles import Profile, load, parse
from streamproof.conformance.wire import Chunk, Ending, EndingKind, Transcript

RUN = "0123456789abcdef0123456789abcdef"
OTHER = "fedcba98765432100f1e2d3c4b5a6978"

RICH: Profile = parse(
    SMALL
    + """
[response.headers]
Cache-Control = ["no-cache", "no-transform"]

[retry]
first_event_ms = 1000

[latency]

[order]
grammar = "start token* done"
error_after = "start"

[payloads.start]
type = "object"

[payloads.token]
type = "object"
required = ["text"]
properties = { text = { type = "string" } }

[payloads.done]
type = "object"

[payloads.error]
type = "object"

[[invariants]]
kind = "constant"
name = "one subject"
pointer = "/subject"
""",
    origin="rich",
    overrides=("heartbeat.interval_s=1.0", "ids.min_entropy_bits=128"),
)

PIPELINE = load("pipeline", ["heartbeat.interval_s=1.0"])

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache, no-transform",
    "X-Stream-Id": RUN,
    "Transfer-Encoding": "chunked",
}


def fields(n: int, data: str, *, run: str = RUN, retry: bool | None = None) -> bytes:
    """Write event `n` with this data; the first one carries `retry`."""
    has_retry = n == 1 if retry is None else retry
    head = "retry: 1000\n" if has_retry else ""
    return f"{head}id: {run}-{n}\ndata: {data}\n\n".encode()


def event(
    n: int, type_: str, *, run: str = RUN, retry: bool | None = None, **values: object
) -> bytes:
    """Write event `n` of a type with these values."""
    return fields(n, json.dumps({"type": type_, **values}), run=run, retry=retry)


def token(n: int, text: str = "amber ", run: str = RUN) -> bytes:
    return event(n, "token", text=text, run=run)


def response(  # noqa: PLR0913 -- one parameter per thing that tests vary
    label: str,
    *parts: tuple[float, bytes],
    headers: Mapping[str, str] | None = None,
    ending: EndingKind = EndingKind.CLEAN,
    ended_at: float | None = None,
    after: str | None = None,
    key: str | None = "K",
    status: int = 200,
    version: str = "1.1",
) -> Exchange:
    """Make a response of timed parts; it starts at 100, its head comes 10 ms later."""
    last = parts[-1][0] if parts else 100.01
    asked = request(key or "", after)
    return Exchange(
        label=label,
        user="ann",
        request=asked if key is not None else replace(asked, body=b""),
        transcript=Transcript(
            started_at=100.0,
            request_sent_at=100.0,
            http_version=version,
            status=status,
            headers=tuple((HEADERS if headers is None else headers).items()),
            head_at=100.01,
            chunks=tuple(Chunk(at=at, data=data) for at, data in parts),
            ending=Ending(
                kind=ending, at=last + 0.01 if ended_at is None else ended_at
            ),
        ),
    )


def body(
    label: str,
    *frames: bytes,
    headers: Mapping[str, str] | None = None,
    ending: EndingKind = EndingKind.CLEAN,
    after: str | None = None,
    key: str | None = "K",
) -> Exchange:
    """Make a response whose frames come 10 ms apart."""
    parts = [(100.01 + n / 100, data) for n, data in enumerate(frames, 1)]
    return response(label, *parts, headers=headers, ending=ending, after=after, key=key)


def run(label: str = "stream", id_: str = RUN, key: str = "K") -> Exchange:
    """Make the response of a right run with two tokens."""
    return body(
        label,
        event(1, "start", run=id_),
        token(2, run=id_),
        token(3, "birch ", run=id_),
        event(4, "done", run=id_),
        headers={**HEADERS, "X-Stream-Id": id_},
        key=key,
    )


def resumed(label: str = "resumed") -> Exchange:
    """Make the response to a resume after the second event of a run."""
    frames = (token_with_retry(3, "birch "), event(4, "done"))
    return body(label, *frames, after=f"{RUN}-2", key=None)


def token_with_retry(n: int, text: str = "amber ") -> bytes:
    return event(n, "token", text=text, retry=True)


def with_headers(exchange: Exchange, **headers: str | None) -> Exchange:
    """Change headers of a response; `_` stands for `-`, None takes one away."""
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    kept = {**dict(exchange.transcript.headers), **changed}
    values = tuple((k, v) for k, v in kept.items() if v is not None)
    return replace(exchange, transcript=replace(exchange.transcript, headers=values))


def ended_by(exchange: Exchange, kind: EndingKind, at: float | None = None) -> Exchange:
    """Let a response end in another way."""
    seen = exchange.transcript
    ending = Ending(kind=kind, at=seen.ending.at if at is None else at)
    return replace(exchange, transcript=replace(seen, ending=ending))


def call(
    *sent: float, key: str = "K", accepted: float = 100.0, headers: float = 100.01
) -> UpstreamCall:
    """Make the journal record of a call that sent a token at each of these instants."""
    events = [
        CallEvent(name="accepted", at=accepted),
        CallEvent(name="headers_sent", at=headers),
        *(CallEvent(name="token_sent", at=at, n=n) for n, at in enumerate(sent, 1)),
        CallEvent(name="ended", at=(sent[-1] if sent else headers) + 0.001),
    ]
    return UpstreamCall(
        key=key,
        turn=1,
        outcome="completed",
        fault=None,
        peer=None,
        generated=len(sent),
        sent=len(sent),
        after_peer_gone=0,
        events=tuple(events),
    )


def only(*frames: bytes) -> Evidence:
    """Make evidence of one response of these frames."""
    return evidence(body("stream", *frames))


NODES = [
    "intake",
    "objective-map",
    "source-retrieval",
    "blueprint",
    "vignette-gen",
    "stem-gen",
    "answer-key-gen",
    "distractor-gen",
    "rationale-gen",
    "bias-check",
    "fact-check",
    "difficulty-estimate",
    "format-check",
    "assemble",
]


def pipeline_event(n: int, type_: str, step: int, delta: object) -> bytes:
    """Write event `n` of a pipeline run, in the form of the protocol page."""
    node = NODES[step - 1]
    left = 0 if type_ == "node-complete" and step == len(NODES) else 100
    progress = {"node": node, "step": step, "total": 14, "etaMs": left}
    data = {"type": type_, "node": node, "delta": delta, "progress": progress}
    retry = "retry: 1000\n" if n == 1 else ""
    return (
        f"{retry}id: {RUN}-{n}\nevent: state_delta\ndata: {json.dumps(data)}\n\n"
    ).encode()


def pipeline_frames() -> list[bytes]:
    """Write a whole pipeline run, two tokens per node."""
    frames: list[bytes] = []
    for step in range(1, 15):
        for type_, delta in (
            ("node-enter", {"status": "running"}),
            ("token-stream", {"text": "amber "}),
            ("token-stream", {"text": "birch"}),
            ("node-complete", {"status": "complete", "output": "amber birch"}),
        ):
            frames.append(pipeline_event(len(frames) + 1, type_, step, delta))
    return frames
