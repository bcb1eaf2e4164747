"""The reference server with its dialect `pipeline`."""

from __future__ import annotations

from tests.mutants.bases.reference import reference
from tests.mutants.frames import document, drop, get, put, with_document


def is_terminal(frame: bytes) -> bool:
    """Tell whether this is the last event of a run."""
    found = document(frame)
    return bool(found) and (
        found["type"] == "error"
        or (found["type"] == "node-complete" and found["node"] == "assemble")
    )


def failure(frame: bytes, code: str) -> bytes:
    """Return an error event that could follow the event in `frame`."""
    event = document(frame)
    stream, _, n = (get(frame, "id") or "").rpartition("-")
    event["type"] = "error"
    event["progress"]["etaMs"] = 0
    event["delta"] = {
        "status": "error",
        "code": code,
        "message": "it failed",
        "retryable": False,
    }
    next_id = f"{stream}-{int(n) + 1}"
    return put(with_document(drop(frame, "retry"), event), "id", next_id)


PIPELINE = reference(
    "pipeline", endpoint="/api/generation/stream", is_terminal=is_terminal
)
