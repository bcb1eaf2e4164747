"""The steps of a plan: what happens to one call, one thing after the other.

Values only. A step says what and when, never how: no wire format, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from ..content import Part
    from ..net.link import Cutting
    from ..script import Fail, Fault, Garbling, InStreamError, KeepAlive, Page

__all__ = [
    "Close",
    "Cut",
    "Emit",
    "End",
    "Failure",
    "Gate",
    "Line",
    "Open",
    "Ping",
    "Rest",
    "Silence",
    "StandIn",
    "Step",
    "StreamError",
    "Terminate",
    "TruncateBody",
    "Upcoming",
]

# The piece that would come next, and its part; None behind the last.
Upcoming: TypeAlias = "tuple[Part, str] | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What every step has: when it is due, in ms after the headers left."""

    due_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line(_Due):
    """Wait until fewer than `slots` calls of the model are played."""

    slots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(_Due):
    """Response headers, and whatever the provider sends with them."""


class Emit(NamedTuple):
    """The next piece of the answer, in its part; a tuple, since most steps are one."""

    part: Part
    text: str
    garble: Garbling | None = None
    due_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping(_Due):
    """What a service sends while it has nothing to say."""

    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest(_Due):
    """A pause begins: whatever was kept back leaves before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(_Due):
    """Wait until released, with pings meanwhile."""

    at: str
    keepalive: KeepAlive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(_Due):
    """Wait until the peer leaves, with pings meanwhile."""

    keepalive: KeepAlive | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(_Due):
    """The finish reason, and usage where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate(_Due):
    """The provider's terminal frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End(_Due):
    """The end of the response body; `fault` is what was wrong with the answer."""

    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(_Due):
    """An HTTP error instead of everything else."""

    fail: Fail
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn(_Due):
    """A response that is none of the service's, instead of everything else."""

    page: Page


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError(_Due):
    """An error object in the stream, then the provider's way to end after one."""

    error: InStreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(_Due):
    """So many bytes of what comes next, then the connection goes away."""

    how: Cutting
    bytes: int = 0
    upcoming: Upcoming = None
    terminates: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateBody(_Due):
    """So many bytes of what comes next; the body ends cleanly, the stream does not."""

    bytes: int = 0
    upcoming: Upcoming = None
    terminates: bool = True


Step: TypeAlias = (
    Line
    | Open
    | Emit
    | Ping
    | Rest
    | Gate
    | Silence
    | Close
    | Terminate
    | End
    | Failure
    | StandIn
    | StreamError
    | Cut
    | TruncateBody
)
