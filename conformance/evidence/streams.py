"""One response read through the profile: typed events, ids, heartbeats, its end.

Pure, and judges nothing: what is wrong with a stream is for the topic modules to say.
Everything particular to a protocol (where the type stands, what an id looks like, what
ends a stream) comes out of the profile.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..evidence.untestable import Untestable
from ..model import Evidence, Exchange, Finding
from ..profiles import Profile
from ..profiles.items import Heartbeat, Sentinel, is_token, read_item
from ..profiles.pointer import MISSING, lookup
from ..profiles.typed import Outcome, TypedEvent, read_heartbeat
from ..wire import EndingKind, Event, Transcript

MAX_READ = 2048
"""Streams kept in memory as read: a full run has some 500, each judged dozens of times,
and reading one again costs more than judging it."""

_PEER_ENDED = frozenset({EndingKind.CLEAN, EndingKind.PREMATURE_EOF, EndingKind.RESET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One event-stream response as its profile reads it.

    Attributes:
        events: the protocol's own events, in order.
        heartbeats: heartbeats of the declared form, in order.
        sentinels: the literal end marks, in order (form `sentinel` and its like).
    """

    exchange: Exchange
    profile: Profile
    events: tuple[TypedEvent, ...]
    heartbeats: tuple[Heartbeat, ...]
    sentinels: tuple[Sentinel, ...]

    @property
    def label(self) -> str:
        """The label of the exchange."""
        return self.exchange.label

    @property
    def transcript(self) -> Transcript:
        """The recorded exchange."""
        return self.exchange.transcript

    @property
    def terminal(self) -> TypedEvent | None:
        """The first event that ends the stream; a sentinel is none."""
        return next((e for e in self.events if e.outcome is not None), None)

    @property
    def terminal_at(self) -> float | None:
        """When the terminal signal was complete, in seconds; None without one.

        For `eof` forms that is the end of the body, for `sentinel` forms the sentinel.
        """
        form = self.profile.terminal.form
        if form in ("sentinel", "event-then-sentinel"):
            return self.sentinels[0].at if self.sentinels else None
        if form == "eof":
            is_clean = self.transcript.ending.kind is EndingKind.CLEAN
            return self.transcript.ending.at if is_clean else None
        return self.terminal.at if self.terminal is not None else None

    @property
    def terminal_end(self) -> int | None:
        """The body offset past the terminal signal; None without one."""
        form = self.profile.terminal.form
        if form in ("sentinel", "event-then-sentinel"):
            return self.sentinels[0].item.end if self.sentinels else None
        if form == "eof":
            return len(self.transcript.body) if self.terminal_at is not None else None
        return self.terminal.wire.end if self.terminal is not None else None

    @property
    def outcome(self) -> Outcome | None:
        """How the stream says it ended; None when it does not say so."""
        if self.terminal_at is None:
            return None
        return Outcome.SUCCESS if self.terminal is None else self.terminal.outcome

    @property
    def resumed_after(self) -> str | None:
        """The `Last-Event-ID` that the request carried, if any."""
        for name, value in self.exchange.request.headers:
            if name.lower() == "last-event-id":
                return value
        return None

    @property
    def is_read_to_end(self) -> bool:
        """Tell whether the target ended the response: not we, and not a deadline."""
        return self.transcript.ending.kind in _PEER_ENDED

    def of_type(self, type_: str) -> tuple[TypedEvent, ...]:
        """Return the events of one type."""
        return tuple(event for event in self.events if event.type == type_)

    def tokens(self) -> tuple[TypedEvent, ...]:
        """Return the events that carry the model's own text."""
        return tuple(event for event in self.events if is_token(event, self.profile))

    def token_text(self, event: TypedEvent) -> str:
        """Return the model's text in a token event; empty if it has none."""
        token = self.profile.steering.token
        text = MISSING if token is None else lookup(event.data, token.text)
        return text if isinstance(text, str) else ""

    def find(  # noqa: PLR0913 -- one parameter per side of a finding
        self,
        expected: str,
        got: str,
        *,
        event: TypedEvent | None = None,
        offset: int | None = None,
        at: float | None = None,
        timed: bool = False,
        beyond_s: float = 0.0,
    ) -> Finding:
        """Make a finding in this exchange; `event` supplies offset and time."""
        if event is not None:
            offset = event.wire.start if offset is None else offset
            at = event.at if at is None else at
        at_s = None if at is None else at - self.transcript.started_at
        return Finding(
            expected=expected,
            got=got,
            exchange=self.label,
            offset=offset,
            at_s=at_s,
            timed=timed,
            beyond_s=beyond_s,
        )


def beats(stream: Stream) -> tuple[TypedEvent, ...]:
    """Read the heartbeats that are events, of the types that the profile gives them."""
    return tuple(
        read_heartbeat(beat.item, beat.at, stream.profile)
        for beat in stream.heartbeats
        if isinstance(beat.item, Event)
    )


def is_event_stream(transcript: Transcript) -> bool:
    """Tell whether a response is a 200 with an event-stream body.

    Only the essence of the media type counts, without case: HTML, "fetch" step of
    https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model.
    """
    essence = (transcript.header("Content-Type") or "").partition(";")[0]
    return transcript.status == 200 and essence.strip().lower() == "text/event-stream"  # noqa: PLR2004 -- the status


def tokens_of(transcript: Transcript, name: str) -> frozenset[str]:
    """Return the comma-separated tokens of a header, lower-case, without arguments."""
    values = ",".join(transcript.header_all(name)).split(",")
    return frozenset(value.partition("=")[0].strip().lower() for value in values) - {""}


def streams(evidence: Evidence, profile: Profile) -> tuple[Stream, ...]:
    """Read every event-stream response; raise `Untestable` if there is none."""
    found = tuple(
        read(exchange, profile)
        for exchange in evidence.exchanges
        if is_event_stream(exchange.transcript)
    )
    if not found:
        raise Untestable(f"no response was an event stream: {answers(evidence)}")
    return found


def streams_with_events(evidence: Evidence, profile: Profile) -> tuple[Stream, ...]:
    """Return the streams with an event; raise `Untestable` if there is none."""
    found = tuple(stream for stream in streams(evidence, profile) if stream.events)
    if not found:
        raise Untestable("no event stream had an event")
    return found


def the_stream(evidence: Evidence, label: str, profile: Profile) -> Stream:
    """Read one event-stream response; raise `Untestable` if it is none."""
    for exchange in evidence.exchanges:
        if exchange.label == label:
            if is_event_stream(exchange.transcript):
                return read(exchange, profile)
            raise Untestable(
                f"{label}: expected an event stream, got {answer(exchange.transcript)}"
            )
    raise Untestable(f"the probe brought no exchange {label!r}")


def answers(evidence: Evidence) -> str:
    """Word what every exchange was answered with, for a message."""
    said = [f"{e.label}: {answer(e.transcript)}" for e in evidence.exchanges]
    return "; ".join(dict.fromkeys(said)) or "no request was made"


def answer(transcript: Transcript) -> str:
    """Word a response's head for a message."""
    if transcript.status is None:
        ending = transcript.ending
        detail = f" ({ending.detail})" if ending.detail else ""
        return f"no response, {ending.kind.value.replace('_', ' ')}{detail}"
    return f"{transcript.status} {transcript.header('Content-Type') or 'without type'}"


_READ: dict[int, Stream] = {}


def read(exchange: Exchange, profile: Profile) -> Stream:
    """Read a response through the profile; the same one is read only once."""
    key = id(exchange)
    kept = _READ.get(key)
    # The identity checks make a reused `id` harmless.
    if kept is not None and kept.exchange is exchange and kept.profile is profile:
        return kept
    if len(_READ) >= MAX_READ:
        _READ.clear()
    stream = _read(exchange, profile)
    _READ[key] = stream
    return stream


def _read(exchange: Exchange, profile: Profile) -> Stream:
    events: list[TypedEvent] = []
    heartbeats: list[Heartbeat] = []
    sentinels: list[Sentinel] = []
    for timed in exchange.transcript.decoded.items:
        match read_item(timed.item, timed.at, profile):
            case Heartbeat() as heartbeat:
                heartbeats.append(heartbeat)
            case Sentinel() as sentinel:
                sentinels.append(sentinel)
            case TypedEvent() as event:
                events.append(event)
    return Stream(
        exchange=exchange,
        profile=profile,
        events=tuple(events),
        heartbeats=tuple(heartbeats),
        sentinels=tuple(sentinels),
    )
