"""The log of one stream: numbers, bounds, end."""

import pytest

from streamproof.reference_server.streams.event_log import DroppedError, EventLog


def make_log(*, max_events: int = 100, max_bytes: int = 100_000) -> EventLog:
    return EventLog(max_events=max_events, max_bytes=max_bytes)


def test_blocks_are_numbered_from_one() -> None:
    log = make_log()

    log.append(b"a")
    log.append(b"b")

    assert (log.get(1), log.get(2), log.get(3)) == (b"a", b"b", None)
    assert log.last == 2


def test_an_empty_log_has_everything_to_come() -> None:
    log = make_log()

    assert log.get(1) is None
    assert (log.last, log.size_bytes, log.is_closed) == (0, 0, False)
    assert log.has_all_after(0)


def test_nothing_follows_the_terminal_block() -> None:
    log = make_log()
    log.append(b"end", is_terminal=True)

    with pytest.raises(RuntimeError, match="after the terminal one"):
        log.append(b"more")

    assert log.is_closed
    assert log.last == 1


def test_the_oldest_blocks_go_when_there_are_too_many() -> None:
    log = make_log(max_events=3)

    for number in range(1, 6):
        log.append(b"%d" % number)

    assert log.last == 5
    assert [log.get(n) for n in (3, 4, 5)] == [b"3", b"4", b"5"]
    with pytest.raises(DroppedError):
        log.get(2)
    assert not log.has_all_after(1)
    assert log.has_all_after(2)


def test_the_oldest_blocks_go_when_they_are_too_large() -> None:
    log = make_log(max_bytes=500)

    for _ in range(10):
        log.append(b"x" * 100)

    assert log.size_bytes <= 500
    assert log.get(10) == b"x" * 100
    assert log.has_all_after(7)
    assert not log.has_all_after(6)


def test_the_newest_block_stays_whatever_its_size() -> None:
    log = make_log(max_bytes=10)

    log.append(b"small")
    log.append(b"x" * 1000)

    assert log.get(2) == b"x" * 1000
    assert not log.has_all_after(0)


def test_the_size_is_that_of_the_blocks_kept() -> None:
    whole, trimmed = make_log(), make_log(max_events=2)

    for block in (b"a" * 50, b"b", b"cc"):
        trimmed.append(block)
    whole.append(b"b")
    whole.append(b"cc")

    assert trimmed.size_bytes == whole.size_bytes


def test_a_closed_log_gives_the_same_blocks_and_holds_less() -> None:
    log = make_log(max_events=3)
    for number in range(4):
        log.append(b"block %d" % number)
    before = log.size_bytes

    log.append(b"last", is_terminal=True)

    assert [log.get(number) for number in (3, 4, 5, 6)] == [
        b"block 2",
        b"block 3",
        b"last",
        None,
    ]
    assert (log.first, log.last, log.is_closed) == (3, 5, True)
    assert not log.has_all_after(1)
    with pytest.raises(DroppedError):
        log.get(2)
    assert len(b"block 2block 3last") < log.size_bytes < before
