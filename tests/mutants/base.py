"""What a base is: a right server of one protocol, and how its requests and frames look.

Mutants are written against this, so that a server of another protocol multiplies those
that are wrong about something which both have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.types import ASGIApp

HEARTBEAT_S = 0.3
GRACE_S = 0.5
# On a machine with all cores busy a model call takes seconds, and must not run into it.
TIMEOUT_S = 5.0

FAST = (
    f"heartbeat.interval_s={HEARTBEAT_S}",
    f"cancel.grace_s={GRACE_S}",
    f"errors.timeout_s={TIMEOUT_S}",
)
"""What makes the profile of any base as fast as its server is made."""

Settings = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One right server.

    Attributes:
        name: of the protocol.
        profile: name of its profile, or the file of it.
        overrides: what is laid over the profile.
        module: runs it alone, on a free port of its choice (`python -m`).
        settings: makes them from the base URL of the model provider.
        environment: how `module` is told these settings.
        create_app: makes it, to be wrapped.
        method: of a start.
        endpoint: path of a start.
        prompt: name of the user text in the body of a start.
        is_terminal: tells the last frame of a run.
    """

    name: str
    profile: str
    overrides: tuple[str, ...] = FAST
    module: str
    settings: Callable[[str], Settings]
    environment: Callable[[Settings], Mapping[str, str]]
    create_app: Callable[[Settings], ASGIApp]
    method: str = "POST"
    endpoint: str
    prompt: str
    is_terminal: Callable[[bytes], bool]
