"""The engine: plays one plan on one connection, and writes the call's record.

A state machine without tasks: `start` runs steps until something must be waited for
(a moment, a gate, a full socket, bytes to be acknowledged), and whoever brings that
about calls back. So the peer is never out of sight: its leaving is a callback too,
and after it no further token is generated.

Order of a step, always: record, then write. Schedule: every step is due at a fixed
time after the headers left, plus what gates held it up, so lateness never adds up.
Must not know any provider or script word, and reads time only from its `Timers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, assert_never

from .call import Event, Fault, Outcome
from .player import (
    Close,
    Cut,
    Emit,
    End,
    Failure,
    Gate,
    Open,
    Silence,
    StreamError,
    Terminate,
    TruncateBody,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .call import Call, Peer
    from .delivery import Delivery
    from .gates import Gates
    from .http1 import Framing
    from .link import Cutting, Link, Timer, Timers
    from .player import Plan, Step

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


class Performance:
    """One plan on one connection."""

    __slots__ = (
        "_base",
        "_call",
        "_delivery",
        "_framing",
        "_gates",
        "_held_at",
        "_is_leaving",
        "_is_terminal",
        "_link",
        "_now",
        "_out",
        "_status",
        "_step",
        "_steps",
        "_timer",
        "_timers",
        "_unsaid",
    )

    def __init__(  # noqa: PLR0913 -- everything one call touches
        self,
        *,
        plan: Plan,
        delivery: Delivery,
        framing: Framing,
        call: Call,
        gates: Gates,
        link: Link,
        timers: Timers,
    ) -> None:
        """Take the parts; nothing happens before `start`."""
        self._steps: Iterator[Step] = plan.steps()
        self._delivery = delivery
        self._framing = framing
        self._call = call
        self._gates = gates
        self._link = link
        self._timers = timers
        self._now = timers.time
        self._base = 0.0
        self._step: Step | _Last | None = None
        self._timer: Timer | None = None
        self._held_at = 0.0
        self._status = 200
        # What is made but not written; and whether the kernel still has to take
        # what was written, or has the terminal frame among it.
        self._out: list[bytes] = []
        # Tokens at the end of it that have no bytes yet: they come with later ones.
        self._unsaid = 0
        self._is_leaving = False
        self._is_terminal = False

    def start(self) -> None:
        """Play until something must be waited for."""
        self._base = self._now()
        self._run()

    def writable(self) -> None:
        """Go on: the kernel has taken everything that was written."""
        if self._is_leaving and self._call.outcome is None:
            self._handed_over(self._now())
            self._run()

    def peer_left(self, peer: Peer) -> None:
        """Stop: the peer is gone."""
        if self._call.outcome is None:
            at = self._now()
            self._call.peer_left(peer, at)
            self._stop(self._call.phase_of_leaving(), at)

    def shut_down(self) -> None:
        """Stop: the server is going away."""
        if self._call.outcome is None:
            self._stop(Outcome.SHUTDOWN, self._now())

    def _stop(self, outcome: Outcome, at: float, fault: Fault | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._gates.leave(self._released)
        self._call.end(outcome, at, fault=fault)

    def _run(self) -> None:
        """Play steps until one has to wait, or the event loop is due a turn."""
        self._timer = None
        for _ in range(SLICE):
            step = self._step = self._step or next(self._steps)
            due = self._base + step.due_ms / 1000
            if due > self._now():
                if self._flush():
                    self._timer = self._timers.call_at(due, self._run)
                return
            if not self._play(step):
                return
        if self._flush():
            self._timer = self._timers.call_soon(self._run)

    def _play(self, step: Step | _Last) -> bool:
        """Do one step; False if it waits (it is played again then) or was the last."""
        match step:
            case Emit(part=part, text=text):
                self._call.token_generated(self._now())
                self._unsaid += 1
                return self._say(self._delivery.token(part, text))
            case Open():
                self._base = self._now()
                self._say(self._delivery.open())
                return self._flush()
            case Close():
                return self._say(self._delivery.close())
            case Terminate():
                self._is_terminal = True
                return self._say(self._delivery.terminate())
        # Whatever follows happens after everything said so far has left.
        return self._flush() and self._play_apart(step)

    def _play_apart(
        self,
        step: Gate | Silence | End | Failure | StreamError | Cut | TruncateBody | _Last,
    ) -> bool:
        match step:
            case Gate():
                return self._hold()
            case Silence():
                return False
            case Cut(how=how):
                self._cut(how)
                return False
            case _Last():
                self._finish(step)
                return False
            case End():
                self._step = _Last(data=self._delivery.end())
            case TruncateBody():
                self._end_early(self._delivery.truncate(), Fault.TRUNCATE)
            case StreamError(error=error):
                self._is_terminal = True
                self._status, *parts = self._delivery.fail_late(error)
                self._end_early(parts, Fault.ERROR)
            case Failure(fail=fail):
                self._status = fail.status
                self._end_early(self._delivery.fail(fail), Fault.FAIL)
            case _:
                assert_never(step)
        return True

    def _say(self, data: bytes) -> bool:
        self._step = None
        if data:
            self._out.append(data)
            self._unsaid = 0
        return True

    def _end_early(self, parts: Sequence[bytes], fault: Fault) -> None:
        """Let the bytes but the last leave, then end with the fault on record."""
        self._say(parts[0])
        self._step = _Last(data=parts[1], fault=fault)

    def _flush(self) -> bool:
        """Hand over what is made; False if the kernel does not take it all now."""
        if self._is_leaving or not self._link.is_open:
            return False
        if not self._out:
            return True
        data = b"".join(self._out)
        self._out.clear()
        # Stamped before the write: nobody may receive a token before it was sent.
        at = self._now()
        self._is_leaving = True
        self._link.write(data)
        if self._link.is_full or not self._link.is_open:
            return False
        self._handed_over(at)
        return True

    def _handed_over(self, at: float) -> None:
        """Record what the kernel has taken."""
        self._is_leaving = False
        if self._call.status is None:
            self._call.status = self._status
            self._call.note(Event.HEADERS_SENT, at)
        self._call.tokens_sent(at, unsaid=self._unsaid)
        if self._is_terminal:
            self._is_terminal = False
            self._call.note(Event.TERMINATOR_SENT, at)

    def _hold(self) -> bool:
        if self._gates.is_open(self._call.turn):
            self._step = None
            return True
        self._held_at = self._now()
        self._gates.hold(self._call.turn, self._released)
        self._call.note(Event.HELD, self._held_at)
        return False

    def _released(self) -> None:
        """Go on, with the schedule moved by the time the gate took."""
        at = self._now()
        self._base += at - self._held_at
        self._step = None
        self._call.note(Event.RELEASED, at)
        self._timer = self._timers.call_soon(self._run)

    def _finish(self, last: _Last) -> None:
        """Commit the record, then write the last bytes of the response."""
        outcome = Outcome.COMPLETED if last.fault is None else Outcome.FAULTED
        self._stop(outcome, self._now(), last.fault)
        self._link.write(last.data)
        self._link.finish(keep_alive=self._framing.keep_alive)

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
