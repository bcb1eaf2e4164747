"""What a probe is: a name, what it needs, how long it takes, and what it does.

Must not run anything; that is for `rig`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ...profiles import Profile
from .context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One interaction with the target.

    Attributes:
        name: as the catalogue calls it.
        needs: capabilities that the profile must declare (`profiles.capabilities`).
        seconds: how long it takes on a conformant target.
        run: does it. It leaves exchanges, marks and facts in the context, and
            returns early where the target's own fault makes going on pointless.
            Raises `MissingError`.
    """

    name: str
    needs: tuple[str, ...] = ()
    seconds: Callable[[Profile], float]
    run: Callable[[Context], Awaitable[None]]
