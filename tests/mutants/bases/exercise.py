"""The reference server with its dialect `exercise`."""

from __future__ import annotations

from tests.mutants.bases.reference import reference
from tests.mutants.frames import document


def is_terminal(frame: bytes) -> bool:
    """Tell whether this is the last event of a run."""
    found = document(frame)
    return bool(found) and (found.get("stage") == "complete" or "error" in found)


EXERCISE = reference(
    "exercise", endpoint="/api/generate-stream", is_terminal=is_terminal
)
