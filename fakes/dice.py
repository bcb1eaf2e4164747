"""Seeded choices: the same seed, request and purpose give the same picks for ever.

Hashing instead of `random`: its streams are promised per Python version only, and a
fake's bytes must not change with the interpreter. Pure. Not for secrets.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from hashlib import shake_256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ALPHANUMERIC", "HEX", "Dice", "pick", "roll"]

ALPHANUMERIC: Final = string.ascii_letters + string.digits
HEX: Final = "0123456789abcdef"


def roll(seed: int, fingerprint: str, purpose: str, count: int) -> bytes:
    """Return `count` bytes that belong to this seed, request and purpose."""
    return shake_256(f"{seed}:{fingerprint}:{purpose}".encode()).digest(count)


def pick(choices: Sequence[str], rolls: bytes) -> list[str]:
    """Choose once per byte; even when the number of choices divides 256."""
    count = len(choices)
    return [choices[byte % count] for byte in rolls]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dice:
    """The choices of one request."""

    seed: int
    fingerprint: str

    def text(self, alphabet: str, purpose: str, count: int) -> str:
        """Return `count` characters of an alphabet."""
        return "".join(
            pick(alphabet, roll(self.seed, self.fingerprint, purpose, count))
        )

    def number(self, purpose: str, below: int) -> int:
        """Return a number from 0 up to, but not including, `below`."""
        return int.from_bytes(roll(self.seed, self.fingerprint, purpose, 8)) % below

    def numbers(self, purpose: str, *, count: int, size: int) -> list[int]:
        """Return `count` numbers of `size` bytes each."""
        rolls = roll(self.seed, self.fingerprint, purpose, count * size)
        return [
            int.from_bytes(rolls[at : at + size]) for at in range(0, len(rolls), size)
        ]
