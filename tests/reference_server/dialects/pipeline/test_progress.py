"""Positions and estimates."""

import pytest

from streamproof.reference_server.dialects.pipeline.nodes import NODES, Node
from streamproof.reference_server.dialects.pipeline.progress import (
    NodeDurations,
    RunProgress,
)

TWO = (
    Node(name="first", task="", default_ms=1000),
    Node(name="second", task="", default_ms=500),
)


def make_progress(durations: NodeDurations | None = None) -> RunProgress:
    return RunProgress(TWO, durations or NodeDurations(TWO))


def test_the_estimate_starts_with_the_defaults_and_shrinks() -> None:
    progress = make_progress()

    etas = [
        progress.enter(10.0).eta_ms,
        progress.locate(10.4).eta_ms,
        progress.locate(19.0).eta_ms,
        progress.complete(19.0).eta_ms,
        progress.enter(19.0).eta_ms,
        progress.complete(19.1).eta_ms,
    ]

    assert etas == [1500, 1100, 500, 500, 500, 0]


def test_a_position_names_its_node() -> None:
    progress = make_progress()
    progress.enter(0)
    progress.complete(0)

    at = progress.enter(0)

    assert (at.node, at.step, at.total, at.is_last) == ("second", 2, 2, True)


def test_between_two_nodes_a_run_is_still_in_the_first() -> None:
    progress = make_progress()
    progress.enter(0)
    progress.complete(1)

    assert progress.locate(1).node == "first"


def test_recorded_durations_replace_the_default_when_there_are_enough() -> None:
    durations = NodeDurations(TWO)

    estimates = []
    for seconds in (3, 9, 4):
        durations.record(1, seconds)
        estimates.append(durations.estimate_ms(1))

    assert estimates == [1000, 1000, 4000]
    assert durations.estimate_after_ms(1) == 500


def test_old_durations_are_forgotten() -> None:
    durations = NodeDurations(TWO)
    for _ in range(50):
        durations.record(1, 100)
    for _ in range(32):
        durations.record(1, 2)

    assert durations.estimate_ms(1) == 2000


def test_a_run_teaches_the_next_one() -> None:
    durations = NodeDurations(TWO)
    for start in (0, 100, 200):
        progress = make_progress(durations)
        progress.enter(start)
        progress.complete(start + 2)

    assert make_progress(durations).enter(300).eta_ms == 2500


def test_there_are_fourteen_nodes_with_names_of_their_own() -> None:
    assert len({node.name for node in NODES}) == 14
    assert all(node.task and node.default_ms > 0 for node in NODES)


@pytest.mark.parametrize("spent_s", [0.0004, 0.0006])
def test_the_estimate_is_rounded_to_whole_milliseconds(spent_s: float) -> None:
    progress = make_progress()
    progress.enter(0)

    assert isinstance(progress.locate(spent_s).eta_ms, int)
