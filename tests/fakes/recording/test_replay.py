"""`recording.replay` on virtual time: when what is written, and the record."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import names
from tests.fakes.virtual import VirtualLink, VirtualTimers

from streamproof.fakes.calls.call import Outcome
from streamproof.fakes.calls.journal import Journal
from streamproof.fakes.net.link import Peer
from streamproof.fakes.recording.cassette import Asked, End, Read, Recording
from streamproof.fakes.recording.replay import Replay
from streamproof.fakes.recording.tracks import Track
from streamproof.fakes.script import Fault

if TYPE_CHECKING:
    from streamproof.fakes.calls.call import Call

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
READS = ((10.0, HEAD), (30.0, b"one"), (30.0, b"two"), (100.0, b"three"))


class Stage:
    """One replay between a virtual clock and a virtual link."""

    def __init__(
        self,
        *reads: tuple[float, bytes],
        end: End = End.COMPLETE,
        end_ms: float | None = None,
        speed: float = 1.0,
        keeps_alive: bool = True,
    ) -> None:
        self.timers = VirtualTimers()
        self.link = VirtualLink()
        self.began = self.timers.time()
        # When each write happened, in ms.
        self.at_ms: list[float] = []
        write = self.link.write

        def stamped(data: bytes) -> None:
            self.at_ms.append(round((self.timers.time() - self.began) * 1000, 6))
            write(data)

        self.link.write = stamped  # type: ignore[method-assign]  # a stamp on it
        recording = Recording(
            call=1,
            asked=Asked(method="POST", target="/", headers=(), body=b""),
            reads=tuple(Read(at_ms, data) for at_ms, data in reads),
            end=end,
            end_ms=reads[-1][0] if end_ms is None else end_ms,
        )
        track = Track(
            recording=recording,
            place="c.jsonl:2",
            status=200,
            head_size=len(HEAD),
            keeps_alive=keeps_alive,
            is_stream=True,
        )
        self.call: Call = Journal().begin(
            key=None, provider="p", model=None, stream=True, at=self.timers.time()
        )
        self.replay = Replay(
            track=track,
            speed=speed,
            call=self.call,
            link=self.link,
            timers=self.timers,
            keep_alive=True,
        )
        self.replay.start()

    @property
    def events(self) -> list[str]:
        return names(self.call.as_json())


def test_every_read_is_one_write_at_its_time() -> None:
    stage = Stage(*READS)
    stage.timers.advance(1000)

    assert stage.link.writes == [data for _, data in READS]
    assert stage.at_ms == [10, 30, 30, 100]
    assert stage.link.finished is True


@pytest.mark.parametrize(
    ("speed", "at_ms"),
    [(2, [5, 15, 15, 50]), (0.5, [20, 60, 60, 200]), (0, [0, 0, 0, 0])],
)
def test_a_replay_has_any_speed(speed: float, at_ms: list[float]) -> None:
    stage = Stage(*READS, speed=speed)
    stage.timers.advance(1000)

    assert stage.at_ms == at_ms
    assert stage.call.outcome is Outcome.COMPLETED


def test_what_comes_late_does_not_delay_the_next() -> None:
    reads = [(0.0, HEAD), *((place * 10.0, b"x") for place in range(1, 101))]
    stage = Stage(*reads)
    stage.timers.advance(2000, late_ms=4)

    assert stage.at_ms[0] == 0
    assert all(at == place * 10 + 4 for place, at in enumerate(stage.at_ms[1:], 1))
    assert all(later > earlier for earlier, later in pairwise(stage.at_ms))


def test_a_thousand_reads_at_once_let_others_have_their_turn() -> None:
    stage = Stage(*[(0.0, HEAD), *[(0.0, b"x")] * 1000])

    assert len(stage.link.writes) == 64
    stage.timers.advance(0)
    assert len(stage.link.writes) == 1001


def test_a_client_that_does_not_read_is_waited_for() -> None:
    stage = Stage(*READS, speed=0)
    slow = Stage(*READS)
    slow.link.fills_on_write = True
    slow.timers.advance(500)

    assert len(stage.link.writes) == 4
    assert len(slow.link.writes) == 1
    assert slow.events == ["accepted"]
    slow.link.is_full = slow.link.fills_on_write = False
    slow.replay.writable()
    assert len(slow.link.writes) == 4
    assert slow.call.outcome is Outcome.COMPLETED


def test_a_read_that_brings_body_counts_as_a_token() -> None:
    stage = Stage((0.0, HEAD[:5]), (1.0, HEAD[5:]), (2.0, b"a"), (3.0, b"b"))
    stage.timers.advance(10)

    assert stage.events == [
        "accepted",
        "headers_sent",
        "token_generated:1",
        "token_sent:1",
        "token_generated:2",
        "token_sent:2",
        "terminator_sent",
        "ended",
    ]
    assert stage.call.status == 200


def test_a_read_may_bring_head_and_body() -> None:
    stage = Stage((5.0, HEAD + b"all of it"))
    stage.timers.advance(10)

    assert stage.events == [
        "accepted",
        "headers_sent",
        "token_generated:1",
        "token_sent:1",
        "terminator_sent",
        "ended",
    ]


def test_the_record_is_closed_before_the_last_bytes_leave() -> None:
    stage = Stage((0.0, HEAD), (5.0, b"last"))
    outcomes: list[Outcome | None] = []
    write = stage.link.write

    def observed(data: bytes) -> None:
        outcomes.append(stage.call.outcome)
        write(data)

    stage.link.write = observed  # type: ignore[method-assign]  # looks on
    stage.timers.advance(10)

    assert outcomes == [Outcome.COMPLETED]


@pytest.mark.parametrize(
    ("after_ms", "outcome"),
    [
        (5, Outcome.CANCELLED_BEFORE_HEADERS),
        (20, Outcome.CANCELLED_BEFORE_FIRST_TOKEN),
        (50, Outcome.CANCELLED_MIDSTREAM),
        (110, Outcome.CLOSED_AFTER_TERMINAL),
    ],
)
def test_a_peer_that_leaves_is_seen_in_its_phase_and_stops_the_replay(
    after_ms: float, outcome: Outcome
) -> None:
    stage = Stage(*READS, end=End.CLOSE, end_ms=200)
    stage.timers.advance(after_ms)
    written = len(stage.link.writes)
    stage.replay.peer_left(Peer.RST)
    stage.timers.advance(1000)

    assert stage.call.outcome is outcome
    assert stage.call.peer is Peer.RST
    assert len(stage.link.writes) == written
    assert stage.timers.pending == 0


def test_a_body_that_lasted_until_the_connections_end_ends_so_again() -> None:
    stage = Stage(*READS, end=End.CLOSE, end_ms=150)
    stage.timers.advance(149)
    assert stage.link.finished is None
    stage.timers.advance(1)

    assert stage.link.finished is False
    assert stage.call.outcome is Outcome.COMPLETED


def test_a_response_that_closes_its_connection_does_so_again() -> None:
    stage = Stage(*READS, keeps_alive=False)
    stage.timers.advance(1000)

    assert stage.link.finished is False


def test_a_connection_that_was_cut_is_cut_again() -> None:
    stage = Stage(*READS, end=End.FIN, end_ms=150)
    stage.timers.advance(149)
    assert stage.link.how is None
    stage.timers.advance(1)

    assert stage.link.how == "fin"
    assert (stage.call.outcome, stage.call.fault) == (Outcome.FAULTED, Fault.DROP)
    assert "terminator_sent" not in stage.events


def test_a_reset_waits_until_everything_has_arrived() -> None:
    stage = Stage(*READS, end=End.RST, end_ms=150)
    stage.timers.advance(1000)
    assert stage.link.how is None
    assert stage.link.on_delivery is not None
    stage.link.on_delivery()

    assert stage.link.how == "rst"
    assert (stage.call.outcome, stage.call.fault) == (Outcome.FAULTED, Fault.DROP)


def test_a_reset_for_a_peer_that_has_left_is_none() -> None:
    stage = Stage(*READS, end=End.RST, end_ms=150)
    stage.timers.advance(1000)
    stage.replay.peer_left(Peer.FIN)
    assert stage.link.on_delivery is not None
    stage.link.on_delivery()

    assert stage.link.how is None
    assert stage.call.outcome is Outcome.CANCELLED_MIDSTREAM


def test_a_silence_lasts_until_the_peer_leaves() -> None:
    stage = Stage(*READS, end=End.SILENCE)
    stage.timers.advance(10**9)
    assert stage.call.outcome is None
    stage.replay.peer_left(Peer.FIN)

    assert stage.call.outcome is Outcome.CANCELLED_MIDSTREAM


def test_a_server_that_stops_closes_the_record() -> None:
    stage = Stage(*READS)
    stage.timers.advance(20)
    stage.replay.shut_down()
    stage.replay.peer_left(Peer.FIN)
    stage.replay.shut_down()
    stage.replay.writable()

    assert stage.call.outcome is Outcome.SHUTDOWN
    assert stage.timers.pending == 0


def test_a_link_that_broke_is_not_written_to() -> None:
    stage = Stage(*READS)
    stage.link.breaks_on_write = True
    stage.timers.advance(1000)

    assert len(stage.link.writes) == 1
    assert stage.call.outcome is None
