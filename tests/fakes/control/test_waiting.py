"""`control.waiting`: long polls without a socket and without time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes.calls.call import Call, Event, Outcome, State
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.control.questions import parse_question
from streamproof.fakes.control.waiting import Judging, Wait
from streamproof.fakes.net.http1 import Request
from streamproof.fakes.net.link import Peer

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST = Request(
    method="GET",
    path="/",
    query={},
    headers={},
    body=b"",
    http_version="1.1",
    keep_alive=True,
)


class Stage:
    """One poll, and what it waits for."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.timers = VirtualTimers()
        self.link = VirtualLink()

    def begin(self) -> Call:
        return self.journal.begin(
            key="k", provider="p", model="m", stream=True, at=self.timers.time()
        )

    def end(self, call: Call) -> None:
        call.end(Outcome.COMPLETED, self.timers.time())

    def wait(self, state: str, timeout_ms: int = 1000) -> Wait:
        wait = Wait(
            show=Call.as_json,
            journal=self.journal,
            timers=self.timers,
            request=REQUEST,
            link=self.link,
        )
        wait.start(("k", 1), State.parse(state), timeout_ms)
        return wait

    def judge(self, name: str, query: Mapping[str, str]) -> Judging:
        judging = Judging(
            question=parse_question(name, query, self.timers.time()),
            journal=self.journal,
            timers=self.timers,
            request=REQUEST,
            link=self.link,
        )
        judging.start()
        return judging

    @property
    def answer(self) -> Any:  # noqa: ANN401 -- JSON
        """What was answered, once; None before."""
        if not self.link.data:
            return None
        assert self.link.finished is True
        assert len(self.link.writes) == 1
        return json.loads(self.link.data.partition(b"\r\n\r\n")[2])

    def is_over(self) -> bool:
        """Tell whether nothing of the poll is left."""
        return not (self.timers.pending or self.journal.is_busy)


def test_a_wait_is_answered_with_the_record_as_it_then_is() -> None:
    stage = Stage()
    stage.wait("headers_sent")
    call = stage.begin()
    stage.timers.advance(5)
    before = stage.answer
    call.note(Event.HEADERS_SENT, stage.timers.time())
    answer = stage.answer
    stage.end(call)

    assert before is None
    assert answer["reached"] is True
    assert answer["clock"] == answer["call"]["events"][-1]["at"]
    assert stage.is_over()


def test_a_wait_ends_with_its_time_with_its_asker_and_with_the_server() -> None:
    late, alone, closed = Stage(), Stage(), Stage()
    late.wait("ended", 1000)
    late.timers.advance(999)
    before = late.answer
    late.timers.advance(2)
    alone.wait("ended").peer_left(Peer.FIN)
    closing = closed.wait("ended")
    closing.writable()
    closing.shut_down()

    assert before is None
    for stage in (late, closed):
        assert (stage.answer["reached"], stage.answer["call"]) == (False, None)
    assert alone.answer is None
    assert all(stage.is_over() for stage in (late, alone, closed))


def test_a_verdict_that_may_become_yes_is_waited_for() -> None:
    stage = Stage()
    calls = [stage.begin(), stage.begin(), stage.begin()]
    stage.judge("no_leaked_calls", {})
    for call in calls[:2]:
        stage.end(call)
    stage.timers.advance(900)
    before = stage.answer
    stage.end(calls[2])
    stage.timers.advance(10)

    assert before is None
    assert stage.answer["holds"] is True
    assert stage.is_over()


def test_a_verdict_is_looked_at_again_for_many_ends_at_once() -> None:
    stage = Stage()
    calls = [stage.begin() for _ in range(100)]
    stage.judge("no_leaked_calls", {})
    for call in calls[1:]:
        stage.end(call)

    # The end of its time, and one more look.
    assert stage.timers.pending == 2


def test_a_verdict_that_stays_no_is_told_when_its_time_is_over() -> None:
    stage = Stage()
    stage.begin()
    stage.judge("cancelled", {"within_ms": "2500.5"})
    stage.timers.advance(2500)
    before = stage.answer
    stage.timers.advance(2)

    assert before is None
    assert stage.answer == {
        "holds": False,
        "expected": "all calls to be cancelled within 2500.5 ms of now",
        "got": "call 1 still running",
        "calls": [1],
    }


def test_a_verdict_that_time_cannot_change_is_told_at_once() -> None:
    stage = Stage()
    stage.judge("max_concurrency", {"n": "1"})

    assert (stage.answer["holds"], stage.answer["got"][:7]) == (False, "no call")
    assert stage.is_over()


def test_a_verdict_ends_with_its_asker_and_with_the_server() -> None:
    alone, closed = Stage(), Stage()
    call = alone.begin()
    asked = alone.judge("no_leaked_calls", {})
    alone.end(call)
    asked.writable()
    asked.peer_left(Peer.RST)
    alone.timers.advance(5000)
    closed.begin()
    closed.judge("no_leaked_calls", {}).shut_down()

    assert alone.answer is None
    assert alone.is_over()
    assert closed.answer["holds"] is False
    assert closed.timers.pending == 0
