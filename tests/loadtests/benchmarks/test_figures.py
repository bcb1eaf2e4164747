"""Percentiles are values that were measured."""

import pytest

from streamproof.loadtests.benchmarks.figures import percentile


@pytest.mark.parametrize(
    ("percent", "expected"), [(0, 1), (50, 2), (51, 3), (99, 4), (100, 4)]
)
def test_the_nearest_rank_is_taken(percent: float, expected: float) -> None:
    assert percentile([4, 1, 3, 2], percent) == expected


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 50)
