"""The record of one call: what tests assert on.

At most `MAX_TOKEN_EVENTS` token events are kept, and the count of those left out.
Times are seconds and come in as parameters. Must not read a clock, touch a socket,
or know a provider.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ..errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..net.http1 import Request
    from ..net.link import Peer
    from ..script.faults import Fault

__all__ = ["Call", "Event", "Outcome", "State"]

# 9 bytes per event are kept, so 20 000 (a 10 000-token answer in full) are 180 kB.
MAX_TOKEN_EVENTS: Final = 20_000


class Event(StrEnum):
    """What a call can go through, in the order it normally does."""

    ACCEPTED = "accepted"
    QUEUED = "queued"
    ADMITTED = "admitted"
    HEADERS_SENT = "headers_sent"
    TOKEN_GENERATED = "token_generated"
    TOKEN_SENT = "token_sent"
    HELD = "held"
    RELEASED = "released"
    TERMINATOR_SENT = "terminator_sent"
    PEER_GONE = "peer_gone"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a call ended; one of these, for good."""

    COMPLETED = "completed"
    CANCELLED_BEFORE_HEADERS = "cancelled_before_headers"
    CANCELLED_BEFORE_FIRST_TOKEN = "cancelled_before_first_token"
    CANCELLED_MIDSTREAM = "cancelled_midstream"
    CLOSED_AFTER_TERMINAL = "closed_after_terminal"
    FAULTED = "faulted"
    REFUSED = "refused"
    SHUTDOWN = "shutdown"


_KINDS: Final = tuple(Event)
_KIND_OF: Final = {event: kind for kind, event in enumerate(_KINDS)}
_GENERATED: Final = _KIND_OF[Event.TOKEN_GENERATED]
_SENT: Final = _KIND_OF[Event.TOKEN_SENT]
_HELD: Final = _KIND_OF[Event.HELD]
_RELEASED: Final = _KIND_OF[Event.RELEASED]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A state of a call to wait for: the n-th event of one kind."""

    event: Event
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> State:
        """Read `accepted`, `token`, `token:3`, `held:2` and so on.

        Raises:
            ScriptError: for anything else, with the states that exist.
        """
        match = _STATE.fullmatch(text)
        event = _STATES.get(match["name"]) if match else None
        count = match["count"] if match else None
        if event is None or (count is not None and event not in _COUNTED):
            raise ScriptError(
                f"expected state to be one of {', '.join(_STATES)}, token:N or "
                f"held:N, got {text!r}"
            )
        return cls(event=event, count=int(count or 1))

    def __str__(self) -> str:
        """Spell it as it is read."""
        counted = self.event in _COUNTED and self.count > 1
        name = next(
            (name for name, event in _STATES.items() if event is self.event), ""
        )
        return f"{name}:{self.count}" if counted else name


_STATE: Final = re.compile(r"(?P<name>[a-z_]+)(?::(?P<count>[1-9]\d{0,8}))?")
_COUNTED: Final = frozenset({Event.TOKEN_SENT, Event.HELD})
_STATES: Final = {
    "accepted": Event.ACCEPTED,
    "queued": Event.QUEUED,
    "admitted": Event.ADMITTED,
    "headers_sent": Event.HEADERS_SENT,
    "token": Event.TOKEN_SENT,
    "held": Event.HELD,
    "terminator_sent": Event.TERMINATOR_SENT,
    "peer_gone": Event.PEER_GONE,
    "ended": Event.ENDED,
}


class Call:
    """One request to a model endpoint, from arrival to end."""

    __slots__ = (
        "_at_end",
        "_counts",
        "_kinds",
        "_on_end",
        "_times",
        "_token_events",
        "events_left_out",
        "fault",
        "generated_when_left",
        "key",
        "model",
        "on_change",
        "ordinal",
        "outcome",
        "peer",
        "provider",
        "refusal",
        "request",
        "request_left_out",
        "script",
        "status",
        "stream",
        "turn",
    )

    def __init__(  # noqa: PLR0913 -- the facts of one request
        self,
        *,
        key: str | None,
        turn: int,
        ordinal: int,
        provider: str | None,
        model: str | None,
        stream: bool,
        on_end: Callable[[Call], None],
        request: Request | None = None,
    ) -> None:
        """Take the facts that are known on arrival, and a callback for the end."""
        self.key = key
        self.turn = turn
        self.ordinal = ordinal
        self.provider = provider
        self.model = model
        self.stream = stream
        # As it came, secrets included; None once the journal has no room for it.
        self.request = request
        # Bytes of its body that were too many to be kept.
        self.request_left_out = 0
        self.status: int | None = None
        self.outcome: Outcome | None = None
        self.fault: Fault | None = None
        self.refusal: str | None = None
        # Where what it follows came from: `put`, `rules.2:busy` and so on.
        self.script: str | None = None
        self.peer: Peer | None = None
        self.generated_when_left: int | None = None
        self.events_left_out = 0
        self._at_end: tuple[Callable[[], object], ...] = ()
        # Set while a wait is open: told of every event after it is noted.
        self.on_change: Callable[[Call], None] | None = None
        self._on_end = on_end
        self._counts = [0] * len(_KINDS)
        self._times = array("d")
        self._kinds = bytearray()
        self._token_events = 0

    @property
    def generated(self) -> int:
        """Tokens generated so far."""
        return self._counts[_GENERATED]

    @property
    def sent(self) -> int:
        """Tokens handed to the kernel so far."""
        return self._counts[_SENT]

    @property
    def after_peer_gone(self) -> int:
        """Tokens generated although the peer had left."""
        left = self.generated_when_left
        return 0 if left is None else self.generated - left

    @property
    def events(self) -> int:
        """Events kept."""
        return len(self._kinds)

    @property
    def is_held(self) -> bool:
        """Whether it waits at a gate."""
        return self.outcome is None and self._counts[_HELD] > self._counts[_RELEASED]

    def token_generated(self, at: float) -> None:
        """Count one token that the model made."""
        self._note_token(_GENERATED, at)

    def tokens_sent(self, at: float, *, unsaid: int = 0) -> None:
        """Count every token generated so far as sent, but for the last `unsaid`."""
        for _ in range(self.generated - self.sent - unsaid):
            self._note_token(_SENT, at)
        if self.on_change is not None:
            self.on_change(self)

    def note(self, event: Event, at: float) -> None:
        """Append an event that is not a token."""
        self._append(_KIND_OF[event], at)
        if self.on_change is not None:
            self.on_change(self)

    def peer_left(self, peer: Peer, at: float) -> None:
        """Note that and how the peer left."""
        self.peer = peer
        self.generated_when_left = self.generated
        self.note(Event.PEER_GONE, at)

    def end(self, outcome: Outcome, at: float, *, fault: Fault | None = None) -> None:
        """Close the record; nothing is noted after this."""
        self.outcome = outcome
        self.fault = fault
        self.note(Event.ENDED, at)
        self._on_end(self)
        callbacks, self._at_end = self._at_end, ()
        for callback in callbacks:
            callback()

    def when_ended(self, callback: Callable[[], object]) -> None:
        """Call back once the call has ended, in whatever way."""
        self._at_end += (callback,)

    def count(self, event: Event) -> int:
        """Tell how often the event happened."""
        return self._counts[_KIND_OF[event]]

    def has_reached(self, state: State) -> bool:
        """Tell whether the state was reached, now or before."""
        return self.count(state.event) >= state.count

    def time_of(self, state: State) -> float | None:
        """Tell when the state was reached; None if not, or if that was left out."""
        place = -1
        for _ in range(state.count):
            place = self._kinds.find(_KIND_OF[state.event], place + 1)
            if place < 0:
                return None
        return self._times[place]

    def phase_of_leaving(self) -> Outcome:
        """Name the phase in which a peer that leaves now leaves."""
        if self.count(Event.TERMINATOR_SENT):
            return Outcome.CLOSED_AFTER_TERMINAL
        if not self.count(Event.HEADERS_SENT):
            return Outcome.CANCELLED_BEFORE_HEADERS
        if not self.sent:
            return Outcome.CANCELLED_BEFORE_FIRST_TOKEN
        return Outcome.CANCELLED_MIDSTREAM

    def as_json(self) -> dict[str, object]:
        """Render the record for the control API."""
        return {
            **self.summary(),
            "events": self._events_as_json(),
            "events_left_out": self.events_left_out,
        }

    def summary(self) -> dict[str, object]:
        """Render the record without its events."""
        return {
            "key": self.key,
            "turn": self.turn,
            "ordinal": self.ordinal,
            "provider": self.provider,
            "model": self.model,
            "stream": self.stream,
            "script": self.script,
            "status": self.status,
            "outcome": self.outcome,
            "fault": self.fault,
            "refusal": self.refusal,
            "peer": self.peer,
            "tokens": {
                "generated": self.generated,
                "sent": self.sent,
                "after_peer_gone": self.after_peer_gone,
            },
        }

    def _events_as_json(self) -> list[dict[str, object]]:
        seen = [0] * len(_KINDS)
        rendered: list[dict[str, object]] = []
        for at, kind in zip(self._times, self._kinds, strict=True):
            seen[kind] += 1
            event: dict[str, object] = {"at": at, "name": _KINDS[kind]}
            if kind in {_GENERATED, _SENT}:
                event["n"] = seen[kind]
            rendered.append(event)
        return rendered

    def _note_token(self, kind: int, at: float) -> None:
        # Numbers stay right: once one token event is left out, all later ones are.
        if self._token_events >= MAX_TOKEN_EVENTS:
            self._counts[kind] += 1
            self.events_left_out += 1
            return
        self._token_events += 1
        # As `_append`: twice for every token, so a call more is felt.
        self._counts[kind] += 1
        self._times.append(at)
        self._kinds.append(kind)

    def _append(self, kind: int, at: float) -> None:
        self._counts[kind] += 1
        self._times.append(at)
        self._kinds.append(kind)
