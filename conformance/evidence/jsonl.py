r"""The JSONL form of evidence, so that it can be kept and judged again.

    {"schema": "streamproof.evidence", "version": 1, "probe": "replay", …}
    {"exchange": "stream", "user": …, "method": "POST", "body": {"text": "…"}, …}
    the lines of that exchange's transcript, see `wire.jsonl`
    {"call": "replay-7f3a", "turn": 1, "events": […], …}

Pure. Nothing is left out and nothing replaced: take credentials out first. Facts come
back as JSON has them, a tuple as a list.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from ..errors import EvidenceError
from ..model import CallEvent, Evidence, Exchange, Request, UpstreamCall
from ..wire import Transcript, jsonl
from ..wire.errors import TranscriptError

SCHEMA = "streamproof.evidence"
VERSION = 1

_STARTS = ("exchange", "call")  # keys of the lines that do not belong to a transcript


class _Line(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True
    )


class _Head(_Line):
    schema_: Literal["streamproof.evidence"] = Field(alias="schema")
    version: Literal[1]
    probe: str
    marks: dict[str, float]
    facts: dict[str, JsonValue]
    missing: str
    error: str
    late_s: float
    is_cut: bool


class _Exchange(_Line):
    label: str = Field(alias="exchange")
    user: str
    token: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: dict[str, str]


class _Event(_Line):
    name: str
    at: float
    n: int | None


class _Call(_Line):
    key: str = Field(alias="call")
    turn: int
    outcome: str | None
    fault: str | None
    peer: str | None
    generated: int
    sent: int
    after_peer_gone: int
    events: tuple[_Event, ...]


_LineT = TypeVar("_LineT", bound=_Line)


def dump(evidence: Evidence) -> str:
    """Write `evidence`; the text ends in a line feed.

    Raises `ValueError` for a time that is not finite, `TypeError` for a fact that is no
    JSON value.
    """
    return "".join(_dump(evidence))


def load(text: str) -> Evidence:
    """Read what `dump` wrote.

    Raises:
        EvidenceError: the text is something else; the message names the line.
    """
    # Not `splitlines`, which splits at more than LF.
    lines = text.removesuffix("\n").split("\n")
    head = _read(_Head, lines, 0)
    starts = [n for n in range(1, len(lines)) if _kind(lines, n) in _STARTS]
    if len(lines) > 1 and starts[:1] != [1]:
        _fail(1, f"expected an exchange or a call, got {lines[1][:40]!r}")
    exchanges, calls = [], []
    for n, end in pairwise((*starts, len(lines))):
        if _kind(lines, n) == "exchange":
            exchanges.append(_load_exchange(lines, n, end))
        else:
            calls.append(_load_call(lines, n, end))
    return Evidence(
        probe=head.probe,
        exchanges=tuple(exchanges),
        calls=tuple(calls),
        marks=head.marks,
        facts=head.facts,
        missing=head.missing,
        error=head.error,
        late_s=head.late_s,
        is_cut=head.is_cut,
    )


def _dump(evidence: Evidence) -> Iterator[str]:
    yield _row(
        {
            "schema": SCHEMA,
            "version": VERSION,
            "probe": evidence.probe,
            "marks": dict(evidence.marks),
            "facts": dict(evidence.facts),
            "missing": evidence.missing,
            "error": evidence.error,
            "late_s": evidence.late_s,
            "is_cut": evidence.is_cut,
        }
    )
    for exchange in evidence.exchanges:
        request = exchange.request
        yield _row(
            {
                "exchange": exchange.label,
                "user": exchange.user,
                "token": exchange.token,
                "method": request.method,
                "path": request.path,
                "headers": request.headers,
                "body": jsonl.dump_bytes(request.body),
            }
        )
        yield jsonl.dump(exchange.transcript)
    for call in evidence.calls:
        events = [{"name": e.name, "at": e.at, "n": e.n} for e in call.events]
        yield _row(
            {
                "call": call.key,
                "turn": call.turn,
                "outcome": call.outcome,
                "fault": call.fault,
                "peer": call.peer,
                "generated": call.generated,
                "sent": call.sent,
                "after_peer_gone": call.after_peer_gone,
                "events": events,
            }
        )


def _row(values: dict[str, object]) -> str:
    return json.dumps(values, allow_nan=False) + "\n"


def _load_exchange(lines: Sequence[str], n: int, end: int) -> Exchange:
    head = _read(_Exchange, lines, n)
    try:
        body = jsonl.load_bytes(head.body, line=n + 1)
        text = "\n".join(lines[n + 1 : end])
        transcript = Transcript.from_jsonl(text, first_line=n + 2)
    except TranscriptError as problem:
        raise EvidenceError(str(problem)) from problem
    return Exchange(
        label=head.label,
        user=head.user,
        request=Request(
            method=head.method, path=head.path, headers=head.headers, body=body
        ),
        transcript=transcript,
        token=head.token,
    )


def _load_call(lines: Sequence[str], n: int, end: int) -> UpstreamCall:
    if end > n + 1:
        _fail(n + 1, f"expected an exchange or a call, got {lines[n + 1][:40]!r}")
    call = _read(_Call, lines, n)
    return UpstreamCall(
        key=call.key,
        turn=call.turn,
        outcome=call.outcome,
        fault=call.fault,
        peer=call.peer,
        generated=call.generated,
        sent=call.sent,
        after_peer_gone=call.after_peer_gone,
        events=tuple(CallEvent(name=e.name, at=e.at, n=e.n) for e in call.events),
    )


def _kind(lines: Sequence[str], n: int) -> str | None:
    """Return the first key of a line, which tells what the line is."""
    try:
        values = json.loads(lines[n])
    # RecursionError: brackets nested deeper than the interpreter's stack.
    except (ValueError, RecursionError):
        return None
    return next(iter(values), None) if isinstance(values, dict) else None


def _read(shape: type[_LineT], lines: Sequence[str], n: int) -> _LineT:
    try:
        return shape.model_validate_json(lines[n])
    except ValidationError as problem:
        found = problem.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"])) or "the line"
        _fail(n, f"{where}: {found['msg'].lower()}, got {lines[n][:40]!r}")


def _fail(n: int, message: str) -> NoReturn:
    raise EvidenceError(f"line {n + 1}: {message}")
