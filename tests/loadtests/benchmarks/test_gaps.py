"""What a window cuts off does not look shorter than it was."""

import pytest

from streamproof.loadtests.benchmarks.gaps import gaps_s


def test_gaps_that_end_in_the_window_count() -> None:
    assert gaps_s([[1, 2, 4, 7, 11]], begin=2, end=8) == [1, 2, 3]


def test_a_gap_that_began_before_the_window_counts_in_full() -> None:
    assert gaps_s([[1, 9, 10]], begin=8, end=10.5) == [8, 1]


def test_a_frame_at_the_end_of_the_window_is_outside() -> None:
    assert gaps_s([[1, 2, 3]], begin=1, end=3) == [1]


def test_a_stream_that_stopped_counts_as_long_as_it_was_silent() -> None:
    going_on, stopped = [1.0, 2, 3, 4, 5, 6, 7], [1.0, 2]

    assert sorted(gaps_s([going_on, stopped], begin=3, end=7.5)) == [1, 1, 1, 1, 1, 5.5]


def test_a_stream_without_a_frame_was_silent_for_the_whole_window() -> None:
    assert max(gaps_s([[1, 2, 3, 4], []], begin=1, end=4.5)) == 3.5


def test_streams_of_one_frame_have_no_gaps() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        gaps_s([[1], [2]], begin=0, end=3)
