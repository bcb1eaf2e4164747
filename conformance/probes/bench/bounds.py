"""How long a conformant target may take for what several probes wait for. Pure."""

from __future__ import annotations

from ...profiles import Profile


def gone_within_s(profile: Profile) -> float:
    """Return how long a run may go on without a reader, in seconds."""
    cancel = profile.cancel
    return 0.0 if cancel is None else cancel.grace_s + cancel.within_s
