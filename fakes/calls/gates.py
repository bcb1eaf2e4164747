"""Gates of one correlation key, and what else is kept per key.

A gate is closed until it is released, for one turn or for all; a release also opens
gates that are not reached yet. Bounded: gates of `MAX_KEYS` keys, `MAX_TURNS` single
turns of each, and scripts of `MAX_SCRIPTS`; the least recently used leaves first, and
of keys one that holds no call.
Must not know sockets, clocks, or what is being held.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..script import Script

__all__ = ["Gates", "KeyTable"]

# As many keys as the journal keeps calls: a key that fell out has no record either.
MAX_KEYS: Final = 10_000
MAX_SCRIPTS: Final = 1_000
# A test that releases more turns one by one has long passed the first of them.
MAX_TURNS: Final = 1_000


class Gates:
    """Whether calls of one key may pass, and which calls wait to."""

    __slots__ = ("_held", "_open_turns", "_opened")

    def __init__(self) -> None:
        """Start closed."""
        self._opened = False
        self._open_turns: dict[int, None] = {}
        self._held: dict[Callable[[], None], int] = {}

    @property
    def is_holding(self) -> bool:
        """Whether a call waits here."""
        return bool(self._held)

    def is_open(self, turn: int) -> bool:
        """Tell whether that turn was released."""
        return self._opened or turn in self._open_turns

    def hold(self, turn: int, resume: Callable[[], None]) -> None:
        """Call `resume` once, when the turn is released."""
        self._held[resume] = turn

    def leave(self, resume: Callable[[], None]) -> None:
        """Stop waiting; harmless if not waiting."""
        self._held.pop(resume, None)

    def release(self, turn: int | None) -> int:
        """Open the gates of one turn, or all; return how many were waiting."""
        if turn is None:
            self._opened = True
        else:
            self._open_turns.pop(turn, None)
            self._open_turns[turn] = None
            if len(self._open_turns) > MAX_TURNS:
                del self._open_turns[next(iter(self._open_turns))]
        freed = [resume for resume, held in self._held.items() if self.is_open(held)]
        for resume in freed:
            del self._held[resume]
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
        self._scripts: OrderedDict[str, Sequence[Script]] = OrderedDict()

    def gates(self, key: str) -> Gates:
        """Return the gates of a key, closed ones if it has none yet."""
        gates = self._gates.get(key)
        if gates is None:
            self._make_room()
            gates = self._gates[key] = Gates()
        self._gates.move_to_end(key)
        return gates

    def _make_room(self) -> None:
        """Drop the gates of a key; calls held there go on."""
        if len(self._gates) < self._max_keys:
            return
        oldest = next(iter(self._gates))
        idle = (key for key, gates in self._gates.items() if not gates.is_holding)
        self._gates.pop(next(idle, oldest)).release(None)

    def script(self, key: str, turn: int) -> Script | None:
        """Return the script that was put for a turn of a key, if any."""
        scripts = self._scripts.get(key)
        if scripts is None:
            return None
        self._scripts.move_to_end(key)
        return scripts[min(turn, len(scripts)) - 1]

    def put_scripts(self, key: str, scripts: Sequence[Script]) -> None:
        """Let calls of a key follow scripts, turn by turn; the last of them stays."""
        self._scripts[key] = scripts
        self._scripts.move_to_end(key)
        if len(self._scripts) > self._max_scripts:
            self._scripts.popitem(last=False)

    @property
    def scripted_keys(self) -> int:
        """Number of keys with scripts."""
        return len(self._scripts)

    def clear(self) -> None:
        """Forget every key."""
        self._scripts.clear()
        for key in tuple(self._gates):
            self.forget(key)

    def forget(self, key: str) -> None:
        """Drop gates and script; calls held there go on: no release could come."""
        self._scripts.pop(key, None)
        gates = self._gates.pop(key, None)
        if gates is not None:
            gates.release(None)
