"""Record what a real service says, and play it back.

`recording` is a proxy between a client and a service; it writes a cassette. A
`Replayer` answers requests out of cassettes, with the bytes, reads and times that were
recorded. Knows neither scripts nor the control API; `providers` only for the shape of
a refusal.
"""

from __future__ import annotations

from .replayer import Replayer
from .server import RecorderSettings, recording
from .tracks import Recordings, load_recordings

__all__ = [
    "RecorderSettings",
    "Recordings",
    "Replayer",
    "load_recordings",
    "recording",
]
