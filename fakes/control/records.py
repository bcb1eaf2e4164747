"""A call's record as a test reads it: attributes instead of JSON.

Pure values. Must not know where the JSON came from.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..calls.call import Outcome
from ..net.link import Peer
from ..script import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CallRecord", "EventRecord", "RequestRecord", "Tokens", "record_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """How many the model made, the kernel took, and came after the peer had left."""

    generated: int
    sent: int
    after_peer_gone: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened at a time (s, monotonic); tokens have their number."""

    at: float
    name: str
    n: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRecord:
    """What a call asked, without its credentials.

    Args:
        headers: names in lower case.
        body: as text, where it is not too long to be kept.
        body_left_out: bytes of a body that was too long.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: str
    body_left_out: int = 0

    @property
    def json(self) -> Any:  # noqa: ANN401 -- whatever a client sends
        """The body as a value.

        Raises:
            ValueError: it is no JSON, or too long to be kept.
        """
        if self.body_left_out:
            raise ValueError(
                f"expected a body that is kept, got one of {self.body_left_out} bytes"
            )
        return json.loads(self.body)

    @property
    def model(self) -> str | None:
        """The model that is asked, from the body or the path."""
        found = _MODEL.search(self.path)
        told: str | None = self.json.get("model") or (found[1] if found else None)
        return told

    @property
    def messages(self) -> list[Any]:
        """The prompt's messages, in the provider's form; a bare text is the user's."""
        asked = self.json
        fields = ("messages", "input", "contents", "prompt")
        prompt: Any = next((asked[name] for name in fields if name in asked), [])
        if isinstance(prompt, str):
            return [{"role": "user", "content": prompt}]
        return list(prompt)

    @property
    def tools(self) -> list[Any]:
        """The tools that are offered, in the provider's form."""
        return list(self.json.get("tools") or [])

    def __str__(self) -> str:
        """Say the most of it in one line."""
        if self.body_left_out:
            return f"{self.method} {self.path}, {self.body_left_out} bytes"
        text = " ".join(self.body.split())
        shown = f"{text[:MAX_SHOWN]}…" if len(text) > MAX_SHOWN else text
        return f"{self.method} {self.path} {shown}"


_MODEL = re.compile(r"/models/([^/:]+):")
# Of a body in a report; the whole is in the record.
MAX_SHOWN = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One call, as `fakes/README.md` describes its record.

    Args:
        events: empty where a listing left them out.
        request: None once the fakes have no room for it.
    """

    key: str | None
    turn: int
    ordinal: int
    provider: str | None
    model: str | None
    stream: bool
    script: str | None
    status: int | None
    outcome: Outcome | None
    fault: Fault | None
    refusal: str | None
    peer: Peer | None
    tokens: Tokens
    events: tuple[EventRecord, ...] = ()
    events_left_out: int = 0
    request: RequestRecord | None = None

    def time_of(self, name: str, n: int = 1) -> float | None:
        """Return when the n-th event of that name happened, None if it did not."""
        times = [event.at for event in self.events if event.name == name]
        return times[n - 1] if len(times) >= n else None

    def __str__(self) -> str:
        """Say the most of it in one line."""
        of = "" if self.key is None else f" (turn {self.turn} of {self.key})"
        who = f"{self.provider} {self.model}" if self.provider else "of no provider"
        ended = self.outcome or "running"
        fault = "" if self.fault is None else f" {self.fault}"
        peer = "" if self.peer is None else f", peer left by {self.peer}"
        wasted = self.tokens.after_peer_gone
        after = f", {wasted} generated after that" if wasted else ""
        why = "" if self.refusal is None else f": {self.refusal}"
        return (
            f"call {self.ordinal}{of} {who}: "
            f"{self.status} {ended}{fault}, {self.tokens.sent} of "
            f"{self.tokens.generated} tokens sent{peer}{after}{why}"
        )


def record_of(value: Mapping[str, Any]) -> CallRecord:
    """Read a record from the control API's JSON, with or without its events."""
    facts = dict(value)
    for name, kind in (("outcome", Outcome), ("fault", Fault), ("peer", Peer)):
        if facts[name] is not None:
            facts[name] = kind(facts[name])
    facts["tokens"] = Tokens(**facts["tokens"])
    facts["events"] = tuple(EventRecord(**event) for event in facts.get("events", ()))
    if facts.get("request") is not None:
        facts["request"] = RequestRecord(**facts["request"])
    return CallRecord(**facts)
