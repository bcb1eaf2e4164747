"""What the fakes can be told at start, with defaults and their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .script import Library

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where to listen and what to say.

    Args:
        host: address to listen on; loopback, because a fake has no secrets to keep
            and none to check.
        port: TCP port, 0 for a free one.
        seed: what every id, word and padding derives from, beside the request.
        scripts: TOML file of named scripts and rules, if any.
        library: the same made in Python; not beside a file.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 0
    scripts: Path | None = None
    library: Library | None = None
