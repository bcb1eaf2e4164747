"""Gates of one correlation key, and what else is kept per key.

A gate is closed until it is released, for one turn or for all; a release also opens
gates that are not reached yet. Bounded: gates of `MAX_KEYS` keys and scripts of
`MAX_SCRIPTS`; the least recently used leaves first.
Must not know sockets, clocks, or what is being held.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from .script import Script

__all__ = ["Gates", "KeyTable"]

# As many keys as the journal keeps calls: a key that fell out has no record either.
MAX_KEYS: Final = 10_000
MAX_SCRIPTS: Final = 1_000


class Gates:
    """Whether calls of one key may pass, and who waits to."""

    __slots__ = ("_held", "_open_turns", "_opened")

    def __init__(self) -> None:
        """Start closed."""
        self._opened = False
        self._open_turns: set[int] = set()
        self._held: list[tuple[int, Callable[[], None]]] = []

    def is_open(self, turn: int) -> bool:
        """Tell whether that turn was released."""
        return self._opened or turn in self._open_turns

    def hold(self, turn: int, resume: Callable[[], None]) -> None:
        """Call `resume` once, when the turn is released."""
        self._held.append((turn, resume))

    def leave(self, resume: Callable[[], None]) -> None:
        """Stop waiting; harmless if not waiting."""
        self._held = [entry for entry in self._held if entry[1] != resume]

    def release(self, turn: int | None) -> int:
        """Open the gates of one turn, or all; return how many were waiting."""
        if turn is None:
            self._opened = True
        else:
            self._open_turns.add(turn)
        freed = [resume for held, resume in self._held if self.is_open(held)]
        self._held = [entry for entry in self._held if not self.is_open(entry[0])]
        for resume in freed:
            resume()
        return len(freed)


class KeyTable:
    """Gates and scripts by correlation key."""

    def __init__(
        self, *, max_keys: int = MAX_KEYS, max_scripts: int = MAX_SCRIPTS
    ) -> None:
        """Start empty."""
        self._max_keys = max_keys
        self._max_scripts = max_scripts
        self._gates: OrderedDict[str, Gates] = OrderedDict()
        self._scripts: OrderedDict[str, Script] = OrderedDict()

    def gates(self, key: str) -> Gates:
        """Return the gates of a key, closed ones if it has none yet."""
        gates = self._gates.setdefault(key, Gates())
        self._gates.move_to_end(key)
        if len(self._gates) > self._max_keys:
            self._gates.popitem(last=False)
        return gates

    def script(self, key: str) -> Script | None:
        """Return the script that was put for a key, if any."""
        if key in self._scripts:
            self._scripts.move_to_end(key)
        return self._scripts.get(key)

    def put_script(self, key: str, script: Script) -> None:
        """Let calls of this key follow the script."""
        self._scripts[key] = script
        self._scripts.move_to_end(key)
        if len(self._scripts) > self._max_scripts:
            self._scripts.popitem(last=False)

    def forget(self, key: str) -> None:
        """Drop gates and script; whoever is held goes on, for nobody could free it."""
        self._scripts.pop(key, None)
        gates = self._gates.pop(key, None)
        if gates is not None:
            gates.release(None)
