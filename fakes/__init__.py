"""Fake LLM providers: deterministic, scripted, observant.

The package meets the suite and the reference server only over HTTP; it must not
import either of them.
"""

from __future__ import annotations

from .control.client import AsyncClient, Client
from .script import Library, Match, Rule, Script
from .server import Server
from .settings import Settings
from .thread_server import ThreadServer

__all__ = [
    "AsyncClient",
    "Client",
    "Library",
    "Match",
    "Rule",
    "Script",
    "Server",
    "Settings",
    "ThreadServer",
]
