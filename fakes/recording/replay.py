"""One recording, played on one connection, with the call's record.

A state machine without tasks, like the engine: what brings about what is waited
for (a moment, a socket that takes bytes again) calls back, so the peer's leaving is
seen at once. One write per recorded read. Every read is due at a fixed time after the
request, so lateness never adds up.

In the record a read that brings any of the body counts as one token: without knowing
the format, that is what can be told of how far the answer was. Order as everywhere:
record, then write; the record ends before the last bytes leave.

Must not know any provider, and reads time only from its `Timers`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..calls.call import Event, Outcome
from ..script import Fault
from .cassette import End

if TYPE_CHECKING:
    from ..calls.call import Call
    from ..net.link import Link, Peer, Timer, Timers
    from .tracks import Track

__all__ = ["Replay"]

# Reads after which the event loop gets its turn when none of them has to wait.
SLICE: Final = 64


class Replay:
    """One recording on one connection."""

    # Gates are for models.
    is_held: Final = False

    __slots__ = (
        "_base",
        "_call",
        "_is_leaving",
        "_keep_alive",
        "_link",
        "_place",
        "_size",
        "_speed",
        "_timer",
        "_timers",
        "_track",
    )

    def __init__(
        self,
        *,
        track: Track,
        speed: float,
        call: Call,
        link: Link,
        timers: Timers,
        keep_alive: bool,
    ) -> None:
        """Take the parts; nothing happens before `start`.

        A speed of 1 is as recorded, 2 twice as fast, 0 at once; `keep_alive` is what
        the client wants.
        """
        self._track = track
        self._speed = speed
        self._call = call
        self._link = link
        self._timers = timers
        self._keep_alive = keep_alive and track.keeps_alive
        self._base = 0.0
        self._timer: Timer | None = None
        # Reads and bytes written; and whether the kernel still has to take them.
        self._place = 0
        self._size = 0
        self._is_leaving = False

    def start(self) -> None:
        """Play until something must be waited for."""
        self._base = self._timers.time()
        self._run()

    def writable(self) -> None:
        """Go on: the kernel has taken everything that was written."""
        if self._is_leaving and self._call.outcome is None:
            self._handed_over(self._timers.time())
            self._run()

    def peer_left(self, peer: Peer) -> None:
        """Stop: the peer is gone."""
        if self._call.outcome is None:
            at = self._timers.time()
            self._call.peer_left(peer, at)
            self._stop(self._call.phase_of_leaving(), at)

    def shut_down(self) -> None:
        """Stop: the server is going away."""
        if self._call.outcome is None:
            self._stop(Outcome.SHUTDOWN, self._timers.time())

    def _stop(self, outcome: Outcome, at: float, fault: Fault | None = None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._call.end(outcome, at, fault=fault)

    def _run(self) -> None:
        """Play reads until one has to wait, or the event loop is due a turn."""
        self._timer = None
        recording = self._track.recording
        for _ in range(SLICE):
            is_over = self._place == len(recording.reads)
            if is_over and recording.end is End.SILENCE:
                return
            at_ms = recording.end_ms if is_over else recording.reads[self._place].at_ms
            if not self._is_due(at_ms):
                return
            if is_over:
                self._end(recording.end)
                return
            if not self._play():
                return
        self._timer = self._timers.call_soon(self._run)

    @property
    def _brings_body(self) -> bool:
        return self._size > self._track.head_size

    def _is_due(self, at_ms: float) -> bool:
        """Tell whether the moment has come; if not, wait for it."""
        due = self._base + (at_ms / 1000 / self._speed if self._speed else 0.0)
        if due <= self._timers.time():
            return True
        self._timer = self._timers.call_at(due, self._run)
        return False

    def _play(self) -> bool:
        """Write the next read; False if it was the last or the kernel is full."""
        recording = self._track.recording
        data = recording.reads[self._place].data
        self._place += 1
        self._size += len(data)
        # Stamped before the write: no client may receive what was not sent yet.
        at = self._timers.time()
        # Of a read that brings the head too, the head is told first.
        if self._brings_body and self._call.status is not None:
            self._call.token_generated(at)
        is_last = self._place == len(recording.reads)
        if is_last and recording.end is End.COMPLETE:
            self._handed_over(at)
            self._stop(Outcome.COMPLETED, at)
            self._link.write(data)
            self._link.finish(keep_alive=self._keep_alive)
            return False
        self._is_leaving = True
        self._link.write(data)
        if self._link.is_full or not self._link.is_open:
            return False
        self._handed_over(at)
        return True

    def _handed_over(self, at: float) -> None:
        """Record what the kernel has taken."""
        self._is_leaving = False
        if self._size >= self._track.head_size and self._call.status is None:
            self._call.status = self._track.status
            self._call.note(Event.HEADERS_SENT, at)
            if self._brings_body:
                self._call.token_generated(at)
        if self._brings_body:
            self._call.tokens_sent(at)
        recording = self._track.recording
        is_said = recording.end in {End.COMPLETE, End.CLOSE}
        if is_said and self._place == len(recording.reads):
            self._call.note(Event.TERMINATOR_SENT, at)

    def _end(self, end: End) -> None:
        if end is End.RST:
            # A reset throws away what is still on its way.
            self._link.when_delivered(self._reset)
            return
        at = self._timers.time()
        if end is End.FIN:
            self._stop(Outcome.FAULTED, at, Fault.DROP)
            self._link.cut("fin")
        else:
            self._stop(Outcome.COMPLETED, at)
            self._link.finish(keep_alive=False)

    def _reset(self) -> None:
        if self._call.outcome is None:
            self._stop(Outcome.FAULTED, self._timers.time(), Fault.DROP)
            self._link.cut("rst")
