"""Models that go on after their peer left: who they are, so that they can be stopped.

Their connections are gone, so a server that closes would not know of them. Bounded:
beyond `MAX_LINGERING` the one that lingers longest is stopped.
Must not know what a model does, or any clock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..net.link import Exchange

__all__ = ["Lingering"]

# As many as the journal keeps calls: each is one that has not ended.
MAX_LINGERING: Final = 10_000


class Lingering:
    """Exchanges without a peer."""

    def __init__(self, *, most: int = MAX_LINGERING) -> None:
        """Start with none."""
        self._most = most
        self._exchanges: dict[Exchange, None] = {}

    def __len__(self) -> int:
        """Count them."""
        return len(self._exchanges)

    def join(self, exchange: Exchange) -> None:
        """Keep an exchange until it leaves."""
        self._exchanges[exchange] = None
        if len(self._exchanges) > self._most:
            next(iter(self._exchanges)).shut_down()

    def leave(self, exchange: Exchange) -> None:
        """Forget an exchange that has ended; harmless if unknown."""
        self._exchanges.pop(exchange, None)

    def shut_down(self) -> None:
        """Stop them all."""
        for exchange in tuple(self._exchanges):
            exchange.shut_down()
