"""The reference server with its dialect `draft`."""

from __future__ import annotations

from dataclasses import replace

from tests.mutants.bases.pipeline import PIPELINE
from tests.mutants.frames import document


def event_of(frame: bytes) -> str:
    """Return what an event is, such as `content_chunk`; "" for a heartbeat."""
    found = document(frame)
    return str(found["event"]) if found else ""


DRAFT = replace(
    PIPELINE,
    name="draft",
    profile="draft",
    endpoint="/api/v1/generate",
    prompt="context",
    is_terminal=lambda frame: event_of(frame) in {"generation_complete", "error"},
)
