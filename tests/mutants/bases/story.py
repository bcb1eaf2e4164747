"""The reference server with its dialect `story`, and what its safety check may say.

STORY            it approves
STORY_REVISED    it wants a revision, and approves that
STORY_REJECTED   it rejects
"""

from __future__ import annotations

from dataclasses import replace

from tests.mutants.base import FAST
from tests.mutants.bases.reference import reference
from tests.mutants.frames import kind

STORY = reference(
    "story",
    method="GET",
    endpoint="/api/v1/stories/generate/stream",
    prompt="theme",
    is_terminal=lambda frame: kind(frame) in ("complete", "error"),
)

STORY_REVISED = replace(
    STORY,
    name="story-revised",
    overrides=(
        *FAST,
        "steering.calls_per_run=4",
        "steering.shown=[1, 3]",
        'steering.answers=[{calls=[2], text="revise"}, {calls=[4], text="approve"}]',
    ),
)

_REJECTED = (
    "node-workflow-started "
    "node-generate_content-started content* node-generate_content-completed "
    "node-safety_check-started ( safety_check-rejected error-rejected "
    "| safety_check-approved metadata complete )"
)

STORY_REJECTED = replace(
    STORY,
    name="story-rejected",
    overrides=(
        *FAST,
        'steering.answers=[{calls=[2], text="reject"}]',
        'terminal.success=[{type="error-rejected"}]',
        'terminal.error=[{type="error"}]',
        f'order.grammar="{_REJECTED}"',
    ),
)
