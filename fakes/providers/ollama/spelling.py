"""JSON as Go spells it, since the service is made of Go.

Its `json.Marshal` escapes, in strings, what HTML or JavaScript might take amiss
(https://pkg.go.dev/encoding/json#Marshal), and the service's own SDK counts on it: it
splits lines at U+2028. Pure.
"""

from __future__ import annotations

from typing import Final

__all__ = ["spell"]

_ESCAPED: Final = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}


def spell(encoded: str) -> bytes:
    """Escape what Go escapes; outside of strings JSON has none of it."""
    return encoded.translate(_ESCAPED).encode()
