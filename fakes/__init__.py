"""Fake LLM providers: deterministic, scripted, observant.

The package meets the suite and the reference server only over HTTP; it must not
import either of them.

Names are loaded when they are first used: pytest imports this package in every project
that has it installed, and most tests there have no use for a server.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .control.client import AsyncClient, Client
    from .errors import FakesError
    from .script import Library, Match, Rule, Script
    from .server import Server
    from .settings import Settings
    from .thread_server import ThreadServer

__all__ = [
    "AsyncClient",
    "Client",
    "FakesError",
    "Library",
    "Match",
    "Rule",
    "Script",
    "Server",
    "Settings",
    "ThreadServer",
]

_HOMES: Final = {
    "AsyncClient": ".control.client",
    "Client": ".control.client",
    "FakesError": ".errors",
    "Library": ".script",
    "Match": ".script",
    "Rule": ".script",
    "Script": ".script",
    "Server": ".server",
    "Settings": ".settings",
    "ThreadServer": ".thread_server",
}


if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Load a name of `__all__` from the module that has it."""
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(home, __name__), name)
        return value


def __dir__() -> list[str]:
    """List what can be imported, loaded or not."""
    return sorted({*globals(), *__all__})
