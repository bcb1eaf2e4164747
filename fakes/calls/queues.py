"""Lines of calls that wait until fewer of their model are played: first in, first out.

Only calls whose script has a `queue` stand in line or count. The first in line goes on
once fewer than its own `slots` are played; no other overtakes it. Bounded by the
calls themselves: a model without calls is forgotten.
Must not know sockets, clocks, or what is played.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Place", "Queues"]


class Place:
    """One call in the line of its model."""

    __slots__ = ("_line", "admit", "is_admitted", "slots")

    def __init__(self, line: _Line, slots: int, admit: Callable[[], object]) -> None:
        """Stand in no line yet."""
        self._line = line
        self.slots = slots
        self.admit = admit
        self.is_admitted = False

    def leave(self) -> None:
        """Go away, so that others may go on; harmless if gone."""
        self._line.remove(self)


class _Line:
    """The calls of one model: those played, and those that wait."""

    def __init__(self, on_empty: Callable[[], object]) -> None:
        self._on_empty = on_empty
        self._played: set[Place] = set()
        # A call may leave from anywhere in the line, not only from the front.
        self._waiting: OrderedDict[Place, None] = OrderedDict()

    def append(self, place: Place) -> None:
        if not self._waiting and len(self._played) < place.slots:
            self._let_in(place)
        else:
            self._waiting[place] = None

    def remove(self, place: Place) -> None:
        if place in self._played:
            self._played.remove(place)
        elif place in self._waiting:
            del self._waiting[place]
        else:
            return
        self._advance()
        if not self._played:
            # Then none waits either: the first in line is let in alone.
            self._on_empty()

    def _advance(self) -> None:
        while (first := next(iter(self._waiting), None)) is not None:
            if len(self._played) >= first.slots:
                return
            del self._waiting[first]
            self._let_in(first)
            first.admit()

    def _let_in(self, place: Place) -> None:
        place.is_admitted = True
        self._played.add(place)


class Queues:
    """The lines of all models."""

    def __init__(self) -> None:
        """Start empty."""
        self._lines: dict[str, _Line] = {}

    def enter(self, model: str, slots: int, admit: Callable[[], object]) -> Place:
        """Take a place; `admit` is called later, unless the place is admitted at once.

        At most `slots` calls of the model are played when this one starts.
        """
        line = self._lines.get(model)
        if line is None:
            line = self._lines[model] = _Line(lambda: self._lines.pop(model))
        place = Place(line, slots, admit)
        line.append(place)
        return place

    def __len__(self) -> int:
        """Count the models that have calls here."""
        return len(self._lines)
