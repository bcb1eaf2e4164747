"""Frames are counted right however the bytes arrive."""

import pytest

from streamproof.loadtests.benchmarks.frames import FrameCounter

# The head ends in the length of a body, to look like a last chunk.
HEAD = b"HTTP/1.1 200 OK\r\nx-ratelimit-remaining: 0\r\n\r\n"
BODY = b"6\r\ndata\n\n\r\nf\r\nevent: a\ndata\n\n\r\n0\r\n\r\n"
RESPONSE = HEAD + BODY


@pytest.mark.parametrize("cut", range(len(RESPONSE) + 1))
def test_a_response_cut_anywhere_has_its_two_frames_and_one_end(cut: int) -> None:
    counter = FrameCounter()

    count = counter.feed(RESPONSE[:cut])
    ended_early = counter.is_at_end and cut < len(RESPONSE)
    count += counter.feed(RESPONSE[cut:])

    assert count == 2
    assert counter.is_at_end
    assert not ended_early


def test_a_response_byte_by_byte_has_its_two_frames_and_one_end() -> None:
    counter = FrameCounter()

    counts, ends = [], []
    for at in range(len(RESPONSE)):
        counts.append(counter.feed(RESPONSE[at : at + 1]))
        ends.append(counter.is_at_end)

    assert sum(counts) == 2
    assert ends.index(True) == len(RESPONSE) - 1


def test_the_next_response_on_the_connection_is_counted_too() -> None:
    counter = FrameCounter()

    counts = [counter.feed(RESPONSE), counter.feed(RESPONSE[:60])]
    is_at_end = counter.is_at_end
    counts.append(counter.feed(RESPONSE[60:]))

    assert sum(counts) == 4
    assert not is_at_end
    assert counter.is_at_end
