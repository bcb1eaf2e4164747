"""The suite's exceptions: whose fault it is decides the class.

    StreamproofError
    ├── UsageError            the user's: a wrong option, a missing secret
    │   ├── ProfileError      the profile's: unknown key, wrong value, bad grammar
    │   └── EvidenceError     stored evidence is cut or something else
    └── HarnessError          ours or the environment's
        ├── CatalogueError    a requirement without check, a check without requirement
        └── ControlError      the fake provider's control API did not answer as agreed

What a target does wrong is never an exception: it is a `Finding`.
"""

from __future__ import annotations


class StreamproofError(Exception):
    """Base of everything the suite raises on purpose."""


class UsageError(StreamproofError):
    """The command cannot be carried out as given (exit code 2)."""


class ProfileError(UsageError):
    """A profile cannot be read; the message names the file, the line and the key."""


class EvidenceError(UsageError):
    """Stored evidence cannot be read; the message names the line and the key."""


class HarnessError(StreamproofError):
    """The suite itself, or what it needs, does not work (exit code 4)."""


class CatalogueError(HarnessError):
    """The requirements and the checks do not fit together."""


class ControlError(HarnessError):
    """The fake provider's control API is unreachable or answers something else."""
