"""How far a run is."""

from __future__ import annotations

from streamproof.reference_server.dialects.story.nodes import (
    CHECK,
    GENERATE,
    MEASURE,
    WORKFLOW,
)
from streamproof.reference_server.dialects.story.progress import (
    Progress,
    RunProgress,
)


def test_every_node_has_its_percent() -> None:
    progress = RunProgress()

    reached = [progress.reach(node) for node in (GENERATE, CHECK, MEASURE, WORKFLOW)]

    assert [at.percent for at in reached] == [5, 75, 90, 100]
    assert [at.node for at in reached] == [GENERATE, CHECK, MEASURE, WORKFLOW]


def test_writing_goes_on_without_ever_being_done() -> None:
    progress = RunProgress()
    progress.reach(GENERATE)

    steps = [progress.write("x" * 10) for _ in range(2000)]

    percents = [at.percent for at in steps if at is not None]
    assert percents == sorted(set(percents))
    assert percents[0] == 6
    assert percents[-1] < 75
    assert steps[149] == Progress(
        node=GENERATE, description=GENERATE.description, percent=40
    )
    assert steps[150] is None


def test_waiting_changes_what_is_told_and_nothing_else() -> None:
    progress = RunProgress()
    reached = progress.reach(CHECK)

    waiting = progress.wait()

    assert (waiting.node, waiting.percent) == (reached.node, reached.percent)
    assert waiting.description != reached.description


def test_the_second_version_takes_nothing_back() -> None:
    progress = RunProgress()
    for node in (GENERATE, CHECK):
        progress.reach(node)

    again = progress.reach(GENERATE)
    written = progress.write("x" * 10_000)

    assert again.percent == 75
    assert written is None
