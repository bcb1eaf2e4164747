"""Long polls of the control API: for a state of a call, and for a verdict.

Each is one timer and one answer, and stops when the client is gone.
Must not know how a question is spelled.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from .json_answers import send_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..calls.call import Call, State
    from ..calls.journal import Address, Journal, Watch
    from ..net.http1 import Request
    from ..net.link import Link, Peer, Timer, Timers
    from .questions import Question

__all__ = ["Judging", "Wait"]

# Under load calls end much more often than a verdict needs to be looked for, and
# a look at 10 000 of them takes 50 ms: no more than a tenth of the time is for that.
RECHECK_S: Final = 0.005
REST: Final = 10


class Wait:
    """Wait for a state: one watch on the journal."""

    # It waits for what a call or its client does.
    is_held: Final = True

    def __init__(
        self,
        *,
        show: Callable[[Call], dict[str, object]],
        journal: Journal,
        timers: Timers,
        request: Request,
        link: Link,
    ) -> None:
        """Take the request, what can answer it, and how a call is shown."""
        self._show = show
        self._journal = journal
        self._timers = timers
        self._request = request
        self._link = link
        self._watch: Watch | None = None
        self._timer: Timer | None = None

    def start(self, address: Address, state: State, timeout_ms: int) -> None:
        """Answer at once if the answer is known, else when it is."""
        self._link.attach(self)
        when = self._timers.time() + timeout_ms / 1000
        self._timer = self._timers.call_at(when, self._time_out)
        self._watch = self._journal.watch(address, state, self._answer)

    def writable(self) -> None:
        """Nothing was written before the answer."""

    def peer_left(self, peer: Peer) -> None:  # noqa: ARG002 -- however it left
        """Stop waiting."""
        self._stop()

    def shut_down(self) -> None:
        """Answer with what is known."""
        self._time_out()

    def _time_out(self) -> None:
        if self._watch is not None:
            self._watch.settle(reached=False)

    def _answer(self, watch: Watch, reached: bool) -> None:  # noqa: FBT001 -- a callback
        self._stop()
        call: Call | None = watch.call
        answer = {
            "reached": reached,
            "clock": self._timers.time(),
            "call": None if call is None else self._show(call),
        }
        send_json(self._request, self._link, answer)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()


class Judging:
    """Wait for a verdict to be yes, and look again when calls have ended."""

    # It waits for what a call or its client does.
    is_held: Final = True

    def __init__(
        self,
        *,
        question: Question,
        journal: Journal,
        timers: Timers,
        request: Request,
        link: Link,
    ) -> None:
        """Take the question, its request, and what can answer it."""
        self._question = question
        self._journal = journal
        self._timers = timers
        self._request = request
        self._link = link
        self._deadline: Timer | None = None
        self._recheck: Timer | None = None
        self._rest_s = RECHECK_S

    def start(self) -> None:
        """Answer at once if it holds or may not wait."""
        self._link.attach(self)
        if self._question.timeout_ms == 0:
            self._answer(is_last=True)
            return
        when = self._timers.time() + self._question.timeout_ms / 1000
        self._deadline = self._timers.call_at(when, self._give_up)
        self._journal.listen(self._hear)
        self._answer(is_last=False)

    def writable(self) -> None:
        """Nothing was written before the answer."""

    def peer_left(self, peer: Peer) -> None:  # noqa: ARG002 -- however it left
        """Stop waiting."""
        self._stop()

    def shut_down(self) -> None:
        """Answer with what is known."""
        self._give_up()

    def _hear(self) -> None:
        if self._recheck is None:
            when = self._timers.time() + self._rest_s
            self._recheck = self._timers.call_at(when, self._look)

    def _look(self) -> None:
        self._recheck = None
        self._answer(is_last=False)

    def _give_up(self) -> None:
        self._answer(is_last=True)

    def _answer(self, *, is_last: bool) -> None:
        begun = self._timers.time()
        verdict = self._question.answer(self._journal)
        self._rest_s = max(RECHECK_S, (self._timers.time() - begun) * REST)
        if verdict.holds or is_last:
            self._stop()
            send_json(self._request, self._link, asdict(verdict))

    def _stop(self) -> None:
        self._journal.ignore(self._hear)
        for timer in (self._deadline, self._recheck):
            if timer is not None:
                timer.cancel()
