"""Scripts for the calls of a namespace, in the order in which these come.

The first call gets the first script, the next call the next, and the last script stays
until another is added. Bounded: `MAX_FOLLOWING` scripts.
Must not know what a script says, or which calls follow one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..script import Script

__all__ = ["Following"]

# No test tells as many calls one by one.
MAX_FOLLOWING: Final = 1_000


class Following:
    """Scripts that calls follow one after the other."""

    __slots__ = ("_next", "_scripts", "size")

    def __init__(self) -> None:
        """Start with none."""
        self._scripts: list[Script] = []
        self._next = 0
        # About how many bytes are held: of the JSON that the scripts came in.
        self.size = 0

    @property
    def left(self) -> int:
        """How many scripts no call has followed yet."""
        return len(self._scripts) - self._next

    def add(self, scripts: Sequence[Script], size: int) -> None:
        """Put scripts behind those there are; `size` is of their JSON, in bytes.

        Raises:
            ScriptError: when they are too many.
        """
        if len(self._scripts) + len(scripts) > MAX_FOLLOWING:
            raise ScriptError(
                f"expected at most {MAX_FOLLOWING} scripts for calls to follow, got "
                f"{len(self._scripts) + len(scripts)}; DELETE /_fakes/calls forgets all"
            )
        self._scripts += scripts
        self.size += size

    def follow(self) -> tuple[int, Script] | None:
        """Return the script that is next, and its number from 0; None without any."""
        if not self._scripts:
            return None
        place = min(self._next, len(self._scripts) - 1)
        self._next = place + 1
        return place, self._scripts[place]
