"""The benchmark leaves as it says it does; how fast a server is, is not tested."""

import pytest

from streamproof.loadtests.benchmarks.leaving import (
    GOAL_MS,
    WAYS,
    Leave,
    cells,
    measure,
    running,
    table,
)


@pytest.mark.slow
async def test_every_cell_is_left_and_recorded_right() -> None:
    with running() as (fakes, bare):
        leaves, baseline = await measure(fakes, bare, 1)
    left = [(leave.provider, leave.phase, leave.way) for leave in leaves]

    assert left == [
        (provider.name, phase.name, way) for provider, phase, way in cells()
    ]
    assert [leave for leave in leaves if not leave.is_right or leave.tokens_after] == []
    assert {way: len(times) for way, times in baseline.items()} == {"fin": 5, "rst": 5}
    # No client is seen to leave before it left: both ends read one clock.
    assert min(leave.seen_ms for leave in leaves) > 0
    assert min(*baseline["fin"], *baseline["rst"]) > 0


def test_the_table_counts_what_is_slow_and_what_is_wrong() -> None:
    leaves = [
        Leave(
            provider="ollama",
            phase="mid-stream",
            way=way,
            seen_ms=seen_ms,
            tokens_after=2,
            is_right=seen_ms < GOAL_MS,
        )
        for way in WAYS
        for seen_ms in (1.0, GOAL_MS, GOAL_MS + 1)
    ]
    head, *rows = (line.split() for line in table(leaves, {"fin": [0.25]}))

    assert head[:6] == ["left", "how", "n", "p50", "p99", "max"]
    assert " ".join(rows[0]) == "ollama fin 3 5.00 6.00 6.00 1 2 6"
    assert " ".join(rows[-1]) == "bare process fin 1 0.25 0.25 0.25 0"
    assert len(rows) == 2 * len(WAYS) + 1
