"""Fake LLM providers: deterministic, scripted, observant.

The package meets the suite and the reference server only over HTTP; it must not
import either of them.
"""

from __future__ import annotations

from .server import Server
from .settings import Settings

__all__ = ["Server", "Settings"]
