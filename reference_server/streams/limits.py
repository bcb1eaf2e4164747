"""How many streams may run at once: per user, per kind and in all.

Pure counting. It must not wait, read a clock or know what a stream is. Taking a slot is
one step without a suspension point, so a burst of requests cannot slip through between
a check and an increment.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Exhausted(StrEnum):
    """Which limit stands in the way."""

    USER = "user"
    KIND = "kind"
    SERVER = "server"


class StreamSlots:
    """Slots taken by running streams."""

    def __init__(self, *, per_user: int, total: int) -> None:
        self._per_user = per_user
        self._total = total
        self._taken: dict[str, int] = {}
        self._taken_by_kind: dict[str, int] = {}
        self._taken_total = 0

    @property
    def taken(self) -> Mapping[str, int]:
        """Slots in use by user; a user without any is not listed."""
        return MappingProxyType(self._taken)

    @property
    def taken_total(self) -> int:
        """Slots in use by all users together."""
        return self._taken_total

    def take(
        self, user: str, kind: str, *, max_of_kind: int | None = None
    ) -> Exhausted | None:
        """Take one slot, or say which limit is reached and take none.

        Args:
            user: whose stream it is.
            kind: what kind of stream it is.
            max_of_kind: most streams of that kind, None for no limit of its own.
        """
        if self._taken.get(user, 0) >= self._per_user:
            return Exhausted.USER
        of_kind = self._taken_by_kind.get(kind, 0)
        if max_of_kind is not None and of_kind >= max_of_kind:
            return Exhausted.KIND
        if self._taken_total >= self._total:
            return Exhausted.SERVER
        self._taken[user] = self._taken.get(user, 0) + 1
        self._taken_by_kind[kind] = of_kind + 1
        self._taken_total += 1
        return None

    def release(self, user: str, kind: str) -> None:
        """Give one slot back.

        Raises:
            ValueError: the user holds none; it was given back twice.
        """
        held = self._taken.get(user, 0)
        if held == 0:
            raise ValueError(f"expected a slot held by {user!r}, got none")
        if held == 1:
            del self._taken[user]  # users come and go: keep no zeroes
        else:
            self._taken[user] = held - 1
        self._taken_by_kind[kind] -= 1
        self._taken_total -= 1
