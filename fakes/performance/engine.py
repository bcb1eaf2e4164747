"""The engine: plays one plan on one connection, and writes the call's record.

A state machine without tasks: `start` runs steps until something must be waited for
(a moment, a gate, a full socket, bytes to be acknowledged), and what brings that
about calls back. So the peer is never out of sight: its leaving is a callback too,
and after it no further token is generated.

Schedule: every step is due at a fixed time after the headers left, plus what gates held
it up, so lateness never adds up.
A model that lingers goes on alone after its peer left: same steps, nothing written.
Must not know any provider or script word, and reads time only from its `Timers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final, TypeAlias, assert_never

from ..calls.call import Event, Outcome
from ..plan.steps import (
    Close,
    Cut,
    Emit,
    End,
    Failure,
    Gate,
    Line,
    Open,
    Ping,
    Rest,
    Silence,
    StandIn,
    StreamError,
    Terminate,
    TruncateBody,
)
from ..script import Fault
from .outbox import Outbox
from .pinger import Pinger

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..calls.call import Call
    from ..calls.gates import Gates
    from ..calls.queues import Queues
    from ..net.link import Cutting, Link, Peer, Timer, Timers
    from ..plan.player import Plan
    from ..plan.steps import Step
    from ..script import KeepAlive
    from .delivery import Delivery
    from .lingering import Lingering

    _Pause: TypeAlias = Line | Gate | Silence
    _Ending: TypeAlias = End | Failure | StandIn | StreamError | Cut | TruncateBody
    _Other: TypeAlias = "Open | Ping | Rest | Close | Terminate | _Pause | _Ending"
    _ToPeer: TypeAlias = "Rest | Close | Terminate | _Pause | _Ending | _Gone | _Last"

__all__ = ["Performance"]

# Tokens that leave in one write when none of them has to wait, and after which the
# event loop gets its turn: 64 frames are 20 KiB and take about 0.3 ms.
SLICE: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """The end of every response that ends: commit the record, write what is left."""

    data: bytes
    fault: Fault | None = None
    due_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gone:
    """The cut itself, once all that is to be seen before it has left."""

    how: Cutting
    due_ms: float = 0.0


class Performance:
    """One plan on one connection."""

    __slots__ = (
        "_base",
        "_call",
        "_delivery",
        "_gates",
        "_is_waiting",
        "_left_in",
        "_linger_ms",
        "_lingering",
        "_link",
        "_now",
        "_outbox",
        "_pinger",
        "_queues",
        "_reached",
        "_step",
        "_steps",
        "_stop_timer",
        "_timer",
        "_timers",
        "_waits_since",
    )

    def __init__(  # noqa: PLR0913 -- everything one call touches
        self,
        *,
        plan: Plan,
        delivery: Delivery,
        call: Call,
        gates: Gates,
        queues: Queues,
        lingering: Lingering,
        link: Link,
        timers: Timers,
    ) -> None:
        """Take the parts; nothing happens before `start`."""
        self._steps: Iterator[Step] = plan.steps()
        self._linger_ms = plan.linger_ms
        self._delivery = delivery
        self._call = call
        self._gates = gates
        self._queues = queues
        self._lingering = lingering
        self._link = link
        self._timers = timers
        self._now = timers.time
        # How far the schedule may be played: to now.
        self._reached = timers.time
        self._outbox = Outbox(call, link, timers.time)
        self._base = 0.0
        self._step: Step | _Gone | _Last | None = None
        self._timer: Timer | None = None
        # At a gate, in line or in a silence: another call or client ends it.
        self._is_waiting = False
        self._waits_since = 0.0
        self._pinger: Pinger | None = None
        # The outcome of a call whose peer left while the model goes on alone.
        self._left_in: Outcome | None = None
        self._stop_timer: Timer | None = None

    # What the connection tells us.

    @property
    def is_held(self) -> bool:
        """Whether the call waits at a gate, so that time alone changes nothing."""
        return self._call.is_held

    def start(self) -> None:
        """Play until something must be waited for."""
        self._base = self._now()
        self._run()

    def writable(self) -> None:
        """Go on: the kernel has taken everything that was written."""
        if self._call.outcome is not None or not self._outbox.writable():
            return
        self._run_now()

    def peer_left(self, peer: Peer) -> None:
        """Stop, or linger: the peer is gone."""
        if self._call.outcome is None and self._left_in is None:
            at = self._now()
            outcome = self._call.phase_of_leaving()
            self._call.peer_left(peer, at)
            if self._linger_ms and _is_of_the_model(self._step):
                self._go_on_alone(outcome)
            else:
                self._stop(outcome, at)

    def shut_down(self) -> None:
        """Stop: the server is going away."""
        if self._call.outcome is None:
            self._stop(self._left_in or Outcome.SHUTDOWN, self._now())

    # One step after the other.

    def _run(self) -> None:
        """Play steps until one has to wait, or the event loop is due a turn."""
        self._timer = None
        if self._outbox.is_leaving:
            return
        now = self._reached()
        for _ in range(SLICE):
            step = self._step = self._step or next(self._steps)
            due = self._base + step.due_ms / 1000
            # What was due at an earlier look at the clock is due.
            if due > now and due > (now := self._reached()):
                if self._outbox.flush():
                    self._timer = self._timers.call_at(due, self._run)
                return
            if isinstance(step, Emit):
                # Most steps by far, so they do not go the way of all others.
                self._step = None
                said = self._delivery.token(step.part, step.text, step.garble)
                self._outbox.add_token(said, now)
            elif not self._play(step):
                return
        if self._outbox.flush():
            self._timer = self._timers.call_soon(self._run)

    def _run_now(self) -> None:
        """Play what can be played, unless the call waits for another."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_waiting:
            self._run()

    def _play(self, step: _Other | _Gone | _Last) -> bool:
        """Do one step; False if it waits (it is played again then) or was the last."""
        match step:
            case Open():
                self._base = self._now()
                self._say(self._delivery.open())
                return self._outbox.flush()
            case Ping(text=text):
                self._step = None
                self._outbox.add_apart(self._delivery.keepalive(text))
                return True
        return self._play_to_peer(step)

    def _play_to_peer(self, step: _ToPeer) -> bool:
        """Do a step that is none of the model's, if there is still a peer."""
        if self._left_in is not None and not _is_of_the_model(step):
            self._stop(self._left_in, self._now())
            return False
        match step:
            case Rest():
                return self._say(self._delivery.release())
            case Close():
                return self._say(self._delivery.close())
            case Terminate():
                return self._say(self._delivery.terminate(), is_terminal=True)
        # Whatever follows happens after everything said so far has left.
        self._outbox.add(self._delivery.release())
        return self._outbox.flush() and self._play_apart(step)

    def _play_apart(self, step: _Pause | _Ending | _Gone | _Last) -> bool:
        match step:
            case Line(slots=slots):
                return self._line_up(slots)
            case Gate(keepalive=keepalive):
                return self._hold(keepalive)
            case Silence(keepalive=keepalive):
                self._wait(keepalive)
                return False
            case _Gone(how=how):
                self._cut(how)
                return False
            case _Last():
                self._finish(step)
                return False
        self._step = self._last_words(step)
        return True

    def _last_words(self, step: _Ending) -> _Gone | _Last:
        """Say what comes before the end; return the end."""
        match step:
            case End(fault=fault):
                return _Last(data=self._delivery.end(), fault=fault)
            case Cut(how=how):
                self._outbox.add_apart(self._cut_short(step))
                return _Gone(how=how)
            case TruncateBody():
                self._outbox.add_apart(self._cut_short(step))
                parts: Sequence[bytes] = self._delivery.truncate()
                fault = Fault.TRUNCATE
            case StreamError(error=error):
                self._outbox.status, *parts = self._delivery.fail_late(error)
                fault = Fault.ERROR
            case Failure(fail=fail, fault=fault):
                self._outbox.status = fail.status
                parts = self._delivery.fail(fail)
            case StandIn(page=page):
                self._outbox.status = page.status
                parts = self._delivery.page(page)
                fault = Fault.PAGE
            case _:
                assert_never(step)
        if fault is Fault.ERROR:
            self._outbox.add_apart(parts[0], is_terminal=True)
        else:
            self._outbox.add(parts[0])
        return _Last(data=parts[1], fault=fault)

    def _cut_short(self, step: Cut | TruncateBody) -> bytes:
        """Return what leaves of a frame that is cut off."""
        if not step.bytes:
            return b""
        return self._delivery.cut(step.upcoming, step.bytes, terminates=step.terminates)

    def _say(self, data: bytes, *, is_terminal: bool = False) -> bool:
        self._step = None
        self._outbox.add(data, is_terminal=is_terminal)
        return True

    # Waiting for another call or client.

    def _line_up(self, slots: int) -> bool:
        place = self._queues.enter(self._call.model or "", slots, self._admitted)
        self._call.when_ended(place.leave)
        if place.is_admitted:
            self._step = None
            self._call.note(Event.ADMITTED, self._now())
            return True
        self._wait(None)
        self._call.note(Event.QUEUED, self._waits_since)
        return False

    def _admitted(self) -> None:
        self._go_on(Event.ADMITTED)

    def _hold(self, keepalive: KeepAlive | None) -> bool:
        if self._gates.is_open(self._call.turn):
            self._step = None
            return True
        self._gates.hold(self._call.turn, self._released)
        self._wait(keepalive)
        self._call.note(Event.HELD, self._waits_since)
        return False

    def _released(self) -> None:
        """Go on, with the schedule moved by the time the gate took."""
        self._base += self._now() - self._waits_since
        self._go_on(Event.RELEASED)

    def _wait(self, keepalive: KeepAlive | None) -> None:
        self._is_waiting = True
        self._waits_since = self._now()
        if keepalive is not None and self._left_in is None:
            self._pinger = Pinger(
                lambda: self._ping_now(keepalive.text),
                each_ms=keepalive.each_ms,
                timers=self._timers,
            )

    def _go_on(self, event: Event) -> None:
        self._is_waiting = False
        self._step = None
        self._stop_pinging()
        self._call.note(event, self._now())
        self._timer = self._timers.call_soon(self._run)

    def _ping_now(self, text: str | None) -> None:
        # While the client does not read, one ping more would only pile up.
        if not self._outbox.is_leaving:
            self._outbox.add_apart(self._delivery.keepalive(text))
            self._outbox.flush()

    def _stop_pinging(self) -> None:
        if self._pinger is not None:
            self._pinger.stop()
            self._pinger = None

    # The end.

    def _go_on_alone(self, outcome: Outcome) -> None:
        """Make tokens without a peer, on schedule, until the model stops too."""
        now, end = self._now, self._now() + self._linger_ms / 1000
        self._left_in = outcome
        self._outbox.abandon()
        # However late a timer is, nothing is made that is due after the end.
        self._reached = lambda: min(now(), end)
        self._stop_pinging()
        self._lingering.join(self)
        if end < inf:
            self._stop_timer = self._timers.call_at(end, self._run_out)
        if self._timer is None and not self._is_waiting:
            self._timer = self._timers.call_soon(self._run)

    def _run_out(self) -> None:
        """Make what is due at this very moment, then stop."""
        self._run_now()
        self.shut_down()

    def _stop(self, outcome: Outcome, at: float, fault: Fault | None = None) -> None:
        for timer in (self._timer, self._stop_timer):
            if timer is not None:
                timer.cancel()
        self._stop_pinging()
        self._gates.leave(self._released)
        self._lingering.leave(self)
        self._call.end(outcome, at, fault=fault)

    def _finish(self, last: _Last) -> None:
        """Commit the record, then write the last bytes of the response."""
        outcome = Outcome.COMPLETED if last.fault is None else Outcome.FAULTED
        self._stop(outcome, self._now(), last.fault)
        self._link.write(last.data)
        self._link.finish(keep_alive=self._delivery.framing.keep_alive)

    def _cut(self, how: Cutting) -> None:
        # A FIN queues behind the data; a reset throws away what is still on its way.
        if how == "rst":
            self._link.when_delivered(lambda: self._cut_now(how))
        else:
            self._cut_now(how)

    def _cut_now(self, how: Cutting) -> None:
        if self._call.outcome is None:
            self._stop(Outcome.FAULTED, self._now(), Fault.DROP)
            self._link.cut(how)


def _is_of_the_model(step: Step | _Gone | _Last | None) -> bool:
    """Tell whether there may be tokens behind a step, also without a peer."""
    match step:
        case None | Open() | Emit() | Ping() | Rest():
            return True
        case Gate(at=at):
            return at in {"headers", "token"}
        case _:
            return False
