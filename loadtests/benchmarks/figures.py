"""Percentiles, the one way every benchmark computes them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the smallest value with at least `percent` % of all at or below it.

    The nearest-rank method: always a value that was measured. Raises `ValueError`
    for no values.
    """
    if not values:
        raise ValueError("expected at least one value, got none")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]
