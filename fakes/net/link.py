"""What connections, exchanges and clocks are to each other.

A connection hands requests to a handler; the handler attaches an exchange; the
exchange writes on the connection and is told of everything that happens to it. On a
socket and in process the same. Must not know any of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..errors import RequestError
    from .http1 import Request

__all__ = ["Cutting", "Exchange", "Handler", "Link", "Peer", "Timer", "Timers"]

Cutting: TypeAlias = Literal["fin", "rst", "half_close"]


class Peer(StrEnum):
    """How the kernel told us that the peer is gone."""

    FIN = "fin"
    RST = "rst"
    WRITE_ERROR = "write_error"


class Timer(Protocol):
    """Something that will happen, unless cancelled."""

    def cancel(self) -> None:
        """Make it not happen."""


class Timers(Protocol):
    """The clock of an event loop (asyncio's, or a virtual one)."""

    def time(self) -> float:
        """Return seconds on a clock that never goes back."""

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call back at a time."""

    def call_soon(self, callback: Callable[[], object], /) -> Timer:
        """Call back once everything else had its turn."""


class Exchange(Protocol):
    """A response in the making."""

    @property
    def is_held(self) -> bool:
        """Whether it waits for another request, as a call at a gate does."""

    def writable(self) -> None:
        """The kernel has taken everything that was written."""

    def peer_left(self, peer: Peer) -> None:
        """The peer is gone."""

    def shut_down(self) -> None:
        """The server is going away."""


class Link(Protocol):
    """What an exchange can do with its connection."""

    @property
    def is_open(self) -> bool:
        """False once the connection is lost or was cut."""

    @property
    def is_full(self) -> bool:
        """True while written bytes still wait for the kernel to take them."""

    def attach(self, exchange: Exchange) -> None:
        """Tell this exchange of everything that happens until it finishes."""

    def write(self, data: bytes) -> None:
        """Hand bytes over; `Exchange.writable` follows if that fills the link."""

    def finish(self, *, keep_alive: bool) -> None:
        """Let the response be over."""

    def cut(self, how: Cutting) -> None:
        """Close the connection now."""

    def when_delivered(self, callback: Callable[[], object]) -> None:
        """Call back once the peer's kernel has acknowledged every byte."""


class Handler(Protocol):
    """Answers requests, at once or over time."""

    def handle(self, request: Request, link: Link) -> None:
        """Answer, or attach an exchange that does."""

    def refuse(self, error: RequestError, link: Link) -> None:
        """Answer what is no request; the connection is closed afterwards."""
