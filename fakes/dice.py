"""Seeded choices: the same seed, request and purpose give the same picks for ever.

Hashing instead of `random`: its streams are promised per Python version only, and a
fake's bytes must not change with the interpreter. Pure. Not for secrets.
"""

from __future__ import annotations

from hashlib import shake_256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["pick", "roll"]


def roll(seed: int, fingerprint: str, purpose: str, count: int) -> bytes:
    """Return `count` bytes that belong to this seed, request and purpose."""
    return shake_256(f"{seed}:{fingerprint}:{purpose}".encode()).digest(count)


def pick(choices: Sequence[str], rolls: bytes) -> list[str]:
    """Choose once per byte; even when the number of choices divides 256."""
    count = len(choices)
    return [choices[byte % count] for byte in rolls]
