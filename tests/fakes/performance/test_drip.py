"""`performance.drip`: small writes, on time, and a peer that leaves in the middle."""

from __future__ import annotations

from functools import partial

import pytest
from tests.fakes.virtual import VirtualLink, VirtualTimers
from tests.fakes.work import work_of

from streamproof.fakes.net.link import Peer
from streamproof.fakes.performance.drip import SLICE, Dripping, Splitting, narrow
from streamproof.fakes.script import Drip, Wire

HEAD = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody"


class Listener:
    """An exchange that keeps what it is told, and when."""

    is_held = False

    def __init__(self, timers: VirtualTimers) -> None:
        self.timers = timers
        self.start = timers.time()
        self.writable_at: list[float] = []
        self.peer: Peer | None = None
        self.is_shut_down = False

    def writable(self) -> None:
        self.writable_at.append(round((self.timers.time() - self.start) * 1000, 6))

    def peer_left(self, peer: Peer) -> None:
        self.peer = peer

    def shut_down(self) -> None:
        self.is_shut_down = True


class Rig:
    """A dripping link between a listener and a list, in virtual time."""

    def __init__(self, drip: Drip) -> None:
        self.timers = VirtualTimers()
        self.inner = VirtualLink()
        self.link = Dripping(self.inner, drip, self.timers)
        self.exchange = Listener(self.timers)
        self.link.attach(self.exchange)


def test_so_many_bytes_leave_every_so_many_ms() -> None:
    rig = Rig(Drip(bytes=20, each_ms=10))
    rig.link.write(WHOLE)
    rig.timers.advance(0)
    first = list(rig.inner.writes)
    rig.timers.advance(15)

    assert first == [WHOLE[:20]]
    assert rig.inner.writes == [WHOLE[:20], WHOLE[20:-4]]
    assert rig.link.is_full
    rig.timers.advance(5)
    assert rig.inner.data == WHOLE
    assert not rig.link.is_full
    assert rig.exchange.writable_at == [20.0]


def test_a_late_write_does_not_delay_the_next() -> None:
    rig = Rig(Drip(bytes=10, each_ms=10))
    rig.link.write(WHOLE)
    rig.timers.advance(0)
    rig.timers.advance(40, late_ms=6)

    assert len(rig.inner.writes) == 5
    rig.timers.advance(0)
    assert rig.inner.data == WHOLE


def test_bytes_that_come_later_start_a_schedule_of_their_own() -> None:
    rig = Rig(Drip(bytes=100, each_ms=10))
    rig.link.write(HEAD)
    rig.timers.advance(1000)
    rig.link.write(b"a" * 150)
    rig.timers.advance(0)
    before = rig.inner.writes[1:]
    rig.timers.advance(10)

    assert before == [b"a" * 100]
    assert rig.inner.writes[2:] == [b"a" * 50]


def test_bytes_that_come_while_others_wait_queue_behind_them() -> None:
    rig = Rig(Drip(bytes=30, each_ms=10))
    rig.link.write(HEAD)
    rig.timers.advance(0)
    rig.link.write(b"more")
    rig.timers.advance(10)

    assert rig.inner.writes == [HEAD[:30], HEAD[30:]]
    rig.timers.advance(10)
    assert rig.inner.writes[2:] == [b"more"]


def test_only_the_head_drips_if_only_it_is_to() -> None:
    rig = Rig(Drip(bytes=40, each_ms=10, of="head"))
    rig.link.write(HEAD + b"opening")
    rig.timers.advance(10)
    rig.link.write(b"token")
    rig.timers.advance(0)

    assert rig.inner.writes == [HEAD[:40], HEAD[40:], b"opening", b"token"]


def test_a_stream_s_head_has_left_before_what_comes_with_it() -> None:
    rig = Rig(Drip(bytes=len(HEAD), each_ms=10))
    rig.link.write(HEAD + b"opening")
    rig.timers.advance(0)

    assert rig.exchange.writable_at == [0.0]
    assert rig.link.is_full
    rig.timers.advance(10)
    assert rig.exchange.writable_at == [0.0, 10.0]


def test_an_answer_of_known_length_has_left_when_all_of_it_has() -> None:
    rig = Rig(Drip(bytes=len(WHOLE) - 4, each_ms=10))
    rig.link.write(WHOLE)
    rig.timers.advance(0)

    assert rig.exchange.writable_at == []
    rig.timers.advance(10)
    assert rig.exchange.writable_at == [10.0]


@pytest.mark.parametrize("peer", [Peer.FIN, Peer.RST])
def test_a_peer_that_leaves_is_heard_at_once_and_stops_everything(peer: Peer) -> None:
    rig = Rig(Drip())
    rig.link.write(HEAD)
    rig.timers.advance(25)
    assert rig.inner.exchange is not None
    rig.inner.exchange.peer_left(peer)
    rig.timers.advance(10_000)

    assert rig.exchange.peer is peer
    assert rig.inner.data == HEAD[:3]
    assert rig.timers.pending == 0
    assert rig.exchange.writable_at == []


def test_a_server_that_goes_away_stops_everything() -> None:
    rig = Rig(Drip())
    rig.link.write(HEAD)
    assert rig.inner.exchange is not None
    rig.inner.exchange.shut_down()

    assert rig.exchange.is_shut_down
    assert rig.timers.pending == 0


def test_the_end_waits_for_the_last_byte() -> None:
    rig = Rig(Drip(bytes=30, each_ms=10))
    rig.link.write(HEAD)
    rig.link.finish(keep_alive=True)
    rig.timers.advance(9)

    assert rig.inner.finished is None
    rig.timers.advance(1)
    assert rig.inner.finished is True


def test_a_cut_waits_for_the_last_byte_too() -> None:
    rig = Rig(Drip(bytes=30, each_ms=10))
    rig.link.write(HEAD)
    rig.link.cut("fin")
    still_open = rig.link.is_open
    rig.timers.advance(10)

    assert still_open
    assert (rig.inner.how, rig.link.is_open) == ("fin", False)


def test_what_is_asked_for_behind_the_last_byte_is_done_at_once_when_it_left() -> None:
    rig = Rig(Drip(bytes=30, each_ms=10))
    done: list[str] = []
    rig.link.write(HEAD)
    rig.link.when_delivered(lambda: done.append("delivered"))
    early = rig.inner.on_delivery
    rig.timers.advance(10)
    assert rig.inner.on_delivery is not None
    rig.inner.on_delivery()
    rig.link.finish(keep_alive=False)

    assert early is None
    assert done == ["delivered"]
    assert rig.inner.finished is False


def test_a_peer_that_does_not_read_delays_the_schedule() -> None:
    rig = Rig(Drip(bytes=20, each_ms=10))
    rig.inner.fills_on_write = True
    rig.link.write(HEAD)
    rig.timers.advance(500)
    stuck = list(rig.inner.writes)
    rig.inner.fills_on_write = rig.inner.is_full = False
    rig.link.writable()
    rig.timers.advance(9)

    assert stuck == [HEAD[:20]]
    assert rig.inner.writes == [HEAD[:20], HEAD[20:40]]
    rig.timers.advance(1)
    assert rig.inner.data == HEAD


def test_a_peer_that_did_not_read_the_last_bytes_is_waited_for() -> None:
    rig = Rig(Drip(bytes=1000, each_ms=10))
    rig.inner.fills_on_write = True
    rig.link.write(HEAD)
    rig.link.finish(keep_alive=True)
    rig.timers.advance(500)
    assert rig.inner.finished is None
    rig.inner.is_full = False
    rig.link.writable()

    assert rig.inner.finished is True


def test_a_connection_that_breaks_on_a_write_gets_no_other() -> None:
    rig = Rig(Drip(bytes=1, each_ms=10))
    rig.inner.breaks_on_write = True
    rig.link.write(HEAD)
    rig.timers.advance(500)

    assert rig.inner.writes == [HEAD[:1]]
    assert rig.timers.pending == 0


class SplitRig:
    """A splitting link between a listener and a list, in virtual time."""

    def __init__(self, size: int = 1) -> None:
        self.timers = VirtualTimers()
        self.inner = VirtualLink()
        self.link = Splitting(self.inner, size, self.timers)
        self.exchange = Listener(self.timers)
        self.link.attach(self.exchange)

    def turn(self) -> list[bytes]:
        """Give the loop one turn, and return what is written in it."""
        before = len(self.inner.writes)
        self.timers.run_next()
        return self.inner.writes[before:]


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


LAST = b"0\r\n\r\n"


def test_each_chunk_is_a_write_and_so_is_the_head() -> None:
    rig = SplitRig(3)
    rig.link.write(HEAD)
    rig.link.write(chunk(b"abc") + chunk(b"d"))
    rig.link.write(chunk(b"0123456789"))
    rig.link.write(LAST)

    assert rig.inner.writes == [
        HEAD,
        chunk(b"abc"),
        chunk(b"d"),
        chunk(b"012"),
        chunk(b"345"),
        chunk(b"678"),
        chunk(b"9"),
        LAST,
    ]
    assert not rig.link.is_full


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 127, 128, 500])
def test_no_more_than_so_many_writes_are_made_in_one_turn(count: int) -> None:
    rig = SplitRig()
    data = bytes(range(65, 91)) * 20
    rig.link.write(HEAD)
    rig.link.write(chunk(data[:count]) if count else b"")
    turns = [rig.inner.writes[1:]]
    while rig.timers.pending:
        assert rig.link.is_full
        assert not rig.exchange.writable_at
        turns.append(rig.turn())

    assert all(len(turn) <= SLICE for turn in turns)
    assert b"".join(rig.inner.writes[1:]) == b"".join(
        chunk(data[at : at + 1]) for at in range(count)
    )
    assert not rig.link.is_full
    assert len(rig.exchange.writable_at) == (count >= SLICE)


def test_four_times_as_long_a_write_is_four_times_the_work() -> None:
    def play(count: int) -> None:
        rig = SplitRig()
        rig.link.write(HEAD + chunk(b"a" * count))
        rig.timers.advance(0)

    few, many = (work_of(partial(play, count)) for count in (1000, 4000))

    assert many < few * 4.2


def test_a_write_is_never_copied_as_a_whole_for_a_piece_of_it() -> None:
    class Counted(bytes):
        """Counts the bytes that are copied out of it."""

        copied = 0

        def __getitem__(self, place: slice) -> Counted:  # type: ignore[override]  # is only sliced
            part = Counted(super().__getitem__(place))
            Counted.copied += len(part)
            return part

    rig = SplitRig()
    rig.link.write(HEAD)
    rig.link.write(Counted(chunk(b"a" * 1000) * 4))
    rig.timers.advance(0)

    assert rig.inner.data == HEAD + chunk(b"a") * 4000
    assert Counted.copied < 5000


def test_what_is_written_meanwhile_queues_behind_the_rest() -> None:
    rig = SplitRig()
    rig.link.write(HEAD)
    rig.link.write(chunk(b"a" * 100))
    rig.link.write(chunk(b"b"))
    rig.link.finish(keep_alive=True)
    before = rig.inner.finished
    rig.timers.advance(0)

    assert before is None
    assert rig.inner.writes[1:] == [chunk(b"a")] * 100 + [chunk(b"b")]
    assert rig.inner.finished is True
    assert rig.exchange.writable_at == []


def test_a_head_has_left_before_anything_that_comes_with_it() -> None:
    rig = SplitRig()
    rig.link.write(HEAD + chunk(b"a"))
    alone, full = list(rig.inner.writes), rig.link.is_full
    rig.inner.breaks_on_write = True
    rig.timers.advance(0)

    assert (alone, full) == ([HEAD], True)
    assert rig.exchange.writable_at == [0.0]


def test_a_stream_has_left_when_its_last_piece_has() -> None:
    rig = SplitRig()
    rig.link.write(HEAD + chunk(b"a" * 100))
    rig.timers.advance(0)

    assert rig.exchange.writable_at == [0.0, 0.0]
    assert not rig.link.is_full


def test_a_peer_that_does_not_read_is_waited_for() -> None:
    rig = SplitRig()
    rig.inner.fills_on_write = True
    rig.link.write(HEAD + chunk(b"a" * 100))
    first = len(rig.inner.writes)
    rig.timers.advance(0)
    waited = len(rig.inner.writes)
    told = list(rig.exchange.writable_at)
    rig.inner.is_full = False
    rig.link.writable()
    rest = len(rig.inner.writes)
    for _ in range(2):
        rig.inner.is_full = False
        rig.link.writable()

    assert (first, waited, rest) == (1, 1, 1 + SLICE)
    assert told == []
    assert rig.exchange.writable_at == [0.0, 0.0]
    assert not rig.link.is_full


@pytest.mark.parametrize("peer", [Peer.FIN, Peer.RST])
def test_a_peer_that_leaves_between_two_turns_is_heard(peer: Peer) -> None:
    rig = SplitRig()
    rig.link.write(HEAD + chunk(b"a" * 1000))
    rig.link.cut("fin")
    assert rig.inner.exchange is not None
    rig.turn()
    rig.inner.exchange.peer_left(peer)
    rig.timers.advance(10_000)

    assert rig.exchange.peer is peer
    assert len(rig.inner.writes) == 1 + SLICE
    assert rig.inner.how is None
    assert rig.timers.pending == 0


def test_a_server_that_goes_away_between_two_turns_stops_everything() -> None:
    rig = SplitRig()
    rig.link.write(HEAD + chunk(b"a" * 1000))
    assert rig.inner.exchange is not None
    rig.inner.exchange.shut_down()

    assert rig.exchange.is_shut_down
    assert rig.timers.pending == 0


def test_a_head_that_breaks_the_connection_has_not_left() -> None:
    rig = SplitRig()
    rig.inner.breaks_on_write = True
    rig.link.write(HEAD + chunk(b"a"))
    rig.timers.advance(500)

    assert rig.inner.writes == [HEAD]
    assert rig.exchange.writable_at == []


def test_a_connection_that_breaks_on_a_piece_gets_no_other() -> None:
    rig = SplitRig()
    rig.link.write(HEAD)
    rig.inner.breaks_on_write = True
    rig.link.write(chunk(b"a" * 1000))
    rig.timers.advance(500)

    assert rig.inner.writes == [HEAD, chunk(b"a")]
    assert rig.exchange.writable_at == []


def test_a_body_that_ends_with_the_connection_is_cut_into_slices() -> None:
    rig = SplitRig(3)
    rig.link.write(b"HTTP/1.1 200 OK\r\n\r\nabcdefg")
    rig.timers.advance(0)

    assert rig.inner.writes[1:] == [b"abc", b"def", b"g"]


def test_a_body_of_known_length_is_left_as_it_is() -> None:
    rig = SplitRig(3)
    rig.link.write(WHOLE)

    assert rig.inner.writes == [WHOLE[:-4], b"body"]


def test_all_else_goes_to_the_connection_and_to_the_exchange() -> None:
    rig = SplitRig(3)
    rig.link.when_delivered(rig.exchange.writable)
    rig.link.finish(keep_alive=True)
    rig.link.cut("fin")
    rig.link.writable()

    assert rig.inner.exchange is rig.link
    assert rig.inner.on_delivery == rig.exchange.writable
    assert (rig.inner.finished, rig.inner.how) == (True, "fin")
    assert (rig.link.is_open, rig.link.is_full) == (False, False)
    assert rig.exchange.writable_at == [0.0]


def test_what_is_split_may_drip() -> None:
    timers, inner = VirtualTimers(), VirtualLink()
    link = narrow(inner, Wire(split=1), Drip(bytes=60, each_ms=10), timers)
    exchange = Listener(timers)
    link.attach(exchange)
    link.write(HEAD + chunk(b"a" * 100))
    timers.advance(0)
    early = list(exchange.writable_at)
    timers.advance(200)

    assert early == [0.0]
    assert inner.data == HEAD + chunk(b"a") * 100
    assert max(len(write) for write in inner.writes) == 60
    assert exchange.writable_at == [0.0, 110.0]
    assert not link.is_full


def test_nothing_stands_between_unless_it_is_asked_for() -> None:
    inner, timers = VirtualLink(), VirtualTimers()
    both = narrow(inner, Wire(split=1), Drip(), timers)

    assert narrow(inner, Wire(), None, timers) is inner
    assert isinstance(both, Splitting)
    assert isinstance(both._link, Dripping)


def test_pieces_of_a_chunk_leave_with_a_pause_between_them() -> None:
    timers, inner = VirtualTimers(), VirtualLink()
    link = narrow(inner, Wire(split=1, pause_ms=5), None, timers)
    exchange = Listener(timers)
    link.attach(exchange)
    link.write(HEAD)
    link.write(b"2\r\n" + "é".encode() + b"\r\n")
    at_once = list(inner.writes)
    timers.advance(4)
    before = list(inner.writes)
    is_full = link.is_full
    timers.advance(1)

    assert at_once == before == [HEAD, b"1\r\n\xc3\r\n"]
    assert is_full
    assert inner.writes[2:] == [b"1\r\n\xa9\r\n"]
    # What comes next keeps the distance, however soon it comes.
    timers.advance(1)
    assert not link.is_full
    link.write(b"1\r\na\r\n")
    timers.advance(3)
    assert len(inner.writes) == 3
    timers.advance(1)
    assert inner.writes[3:] == [b"1\r\na\r\n"]


@pytest.mark.parametrize("peer", [Peer.FIN, Peer.RST])
def test_a_peer_that_leaves_in_a_pause_is_heard(peer: Peer) -> None:
    timers, inner = VirtualTimers(), VirtualLink()
    link = narrow(inner, Wire(split=1, pause_ms=5), None, timers)
    exchange = Listener(timers)
    link.attach(exchange)
    link.write(HEAD)
    link.write(b"3\r\nabc\r\n")
    assert inner.exchange is not None
    inner.exchange.peer_left(peer)
    timers.advance(100)

    assert exchange.peer is peer
    assert len(inner.writes) == 2
    assert timers.pending == 0
