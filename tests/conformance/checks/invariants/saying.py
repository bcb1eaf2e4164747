"""What an invariant says of a stream of hand-made events."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter
from tests.conformance.checks.timelines import HEADERS, RICH, body, fields

from streamproof.conformance.checks.invariants import violations
from streamproof.conformance.evidence.streams import read
from streamproof.conformance.model import Exchange
from streamproof.conformance.profiles import Profile
from streamproof.conformance.profiles.invariants import Invariant
from streamproof.conformance.wire import EndingKind

ADAPTER: TypeAdapter[Invariant] = TypeAdapter(Invariant)

Given = tuple[str, dict[str, Any]]
Rule = dict[str, Any]

DONE: Given = ("done", {})


def told(
    *events: Given,
    after: str | None = None,
    header: str | None = None,
    ending: EndingKind = EndingKind.CLEAN,
) -> Exchange:
    """Make a response of these events, 10 ms apart, numbered from 1."""
    frames = [
        fields(n, json.dumps({"type": type_, **values}))
        for n, (type_, values) in enumerate(events, 1)
    ]
    headers = HEADERS if header is None else {**HEADERS, "X-Session-Id": header}
    return body("stream", *frames, after=after, headers=headers, ending=ending)


def judged(
    kind: str, rule: Rule, exchange: Exchange, profile: Profile = RICH
) -> list[str]:
    """Return `expected / got` of every violation in a response."""
    values = {"kind": kind, "name": "rule", **rule}
    invariant = ADAPTER.validate_json(json.dumps(values))
    found = violations(invariant, read(exchange, profile))
    return [f"{f.expected} / {f.got}" for f in found]


def said(kind: str, rule: Rule, *events: Given, after: str | None = None) -> list[str]:
    """Return `expected / got` of every violation in a stream of these events."""
    return judged(kind, rule, told(*events, after=after))
