"""The reference server with its dialect `chat`."""

from __future__ import annotations

from tests.mutants.bases.reference import reference
from tests.mutants.frames import kind

CHAT = reference(
    "chat",
    endpoint="/chat/stream",
    prompt="message",
    is_terminal=lambda frame: kind(frame) in ("done", "error"),
)
