"""The fakes without a socket: the same application, on a network inside the process.

Wiring only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from ..app import App
from ..net.clock import VirtualClock
from ..script import Library
from .network import Network
from .transport import transport_of

if TYPE_CHECKING:
    from types import ModuleType

    from ..recording import Recordings

__all__ = ["InProcess"]


class InProcess:
    """Fake providers that answer in this process, in virtual time.

    Clients may be tasks of one event loop, or threads, but not both at once.

    Args:
        library: scripts and rules, as from a TOML file.
        seed: what words, ids, dates and padding derive from, beside the request.
        recordings: what is replayed instead, if anything.
    """

    def __init__(
        self,
        library: Library | None = None,
        *,
        seed: int = 0,
        recordings: Recordings | None = None,
    ) -> None:
        """Start with an empty journal, at a time of 1000 s.

        Raises:
            ScriptError: a rule of the library names a script that is not there.
        """
        self.clock = VirtualClock()
        app = App(
            seed=seed,
            library=library or Library(),
            timers=self.clock,
            version="in process",
            recordings=recordings,
        )
        self.network = Network(app, self.clock)

    def transport(self, http: ModuleType = httpx) -> Any:  # noqa: ANN401 -- a transport of either library
        """Return a transport for the clients, sync and async, of httpx or httpx2."""
        return transport_of(self.network, http)
