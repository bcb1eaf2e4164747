"""A call's record as a test reads it: attributes instead of JSON.

Pure values. Must not know where the JSON came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..calls.call import Outcome
from ..net.link import Peer
from ..script import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CallRecord", "EventRecord", "Tokens", "record_of"]


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
class CallRecord:
    """One call, as `fakes/README.md` describes its record.

    Args:
        events: empty where a listing left them out.
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
    return CallRecord(**facts)
