"""What can be wrong with recording and replaying, told apart by who is at fault.

FakesError
└── RecordingError
    ├── CassetteError   a cassette that is not what it should be
    └── UpstreamError   the service that is recorded cannot be reached, or talks
                        something else than HTTP/1.1
"""

from __future__ import annotations

from ..errors import FakesError

__all__ = ["CassetteError", "RecordingError", "UpstreamError"]


class RecordingError(FakesError):
    """Base of what goes wrong between a service, a cassette and a replay."""


class CassetteError(RecordingError):
    """A cassette that cannot be read or written; names file, line and key."""


class UpstreamError(RecordingError):
    """The upstream gave no response that could be passed on."""
