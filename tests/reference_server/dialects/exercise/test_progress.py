"""Where a run is, and what is left."""

import pytest

from streamproof.reference_server.dialects.exercise.progress import RunProgress
from streamproof.reference_server.dialects.exercise.stages import (
    COMPLETE,
    FETCHING,
    GENERATING,
    STAGES,
    STARTED,
    VALIDATING,
)


def make_progress() -> RunProgress:
    return RunProgress(lambda _stage: 1000.4, lambda stage: 10.0 * stage.progress)


def test_a_stage_has_its_progress_and_its_time_left() -> None:
    progress = make_progress()

    at = progress.enter(FETCHING, 5.0)

    assert (at.stage, at.progress, at.left_ms) == (FETCHING, 15, 1150)
    assert isinstance(at.left_ms, int)


def test_the_time_left_shrinks_and_is_never_less_than_what_follows() -> None:
    progress = make_progress()
    progress.enter(GENERATING, 5.0)

    left = [progress.locate(now).left_ms for now in (5.4, 5.9, 99.0)]

    assert left == [1000, 500, 400]


def test_before_it_has_started_a_run_is_at_its_start() -> None:
    assert make_progress().locate(3.0).stage is STARTED


def test_the_model_s_words_move_the_progress_and_only_a_change_is_told() -> None:
    progress = make_progress()
    progress.enter(GENERATING, 0.0)

    told = [progress.say("x" * 10, 0.0) for _ in range(20)]

    seen = [at.progress for at in told if at is not None]
    assert seen == [41, 42, 43, 44, 45, 46]
    assert told[0] is None


@pytest.mark.parametrize("size", [1, 100, 10_000, 10_000_000])
def test_an_answer_of_any_length_stays_in_its_stage(size: int) -> None:
    progress = make_progress()
    progress.enter(GENERATING, 0.0)

    progress.say("x" * size, 0.0)

    assert 40 <= progress.locate(0.0).progress <= 69
    assert progress.enter(VALIDATING, 0.0).progress == 70


def test_a_stage_is_finished_when_the_next_begins() -> None:
    progress = make_progress()
    progress.enter(STARTED, 1.0)
    progress.enter(FETCHING, 1.5)
    finished = progress.take_finished()

    assert [(each.stage, each.duration_ms) for each in finished] == [(STARTED, 500)]
    assert progress.take_finished() == []


def test_the_last_stage_is_finished_at_once() -> None:
    progress = make_progress()
    progress.enter(STARTED, 1.0)
    progress.enter(COMPLETE, 2.0)

    assert [each.duration_ms for each in progress.take_finished()] == [1000, 0]
    assert progress.locate(9.0).progress == 100


def test_the_stages_are_those_of_the_protocol() -> None:
    assert [(stage.name, stage.progress) for stage in STAGES] == [
        ("started", 5),
        ("fetching-exercises", 15),
        ("generating", 40),
        ("validating", 70),
        ("storing", 85),
        ("complete", 100),
    ]
