"""The fakes without a socket: one app, one virtual clock, and requests in flight.

Time moves when a client waits for bytes that are not there yet, and never otherwise
(`patience` says how): a stream with delays of minutes is over at once, always with the
same bytes at the same times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h11
import httpx

from ..app import App
from ..errors import RequestError
from ..net.clock import VirtualClock
from ..net.http1 import RequestReader
from ..script import Library
from .errors import BrokenOffError
from .link import MemoryLink
from .patience import Patience
from .transport import transport_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
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
        self._app = App(
            seed=seed,
            library=library or Library(),
            timers=self.clock,
            version="in process",
            recordings=recordings,
        )
        self._patience = Patience(self.clock)

    def transport(self, http: ModuleType = httpx) -> Any:  # noqa: ANN401 -- a transport of either library
        """Return a transport for the clients, sync and async, of httpx or httpx2."""
        return transport_of(self, http)

    def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
    ) -> MemoryLink:
        """Hand a request to the fakes and return the link that its answer comes on."""
        self._patience.expect_this_thread()
        link = MemoryLink(method, self._patience.tell)
        reader = RequestReader()
        reader.feed(_encode(method, target, headers, body))
        with self._patience.lock:
            try:
                request = reader.next_request()
            except RequestError as error:
                self._app.refuse(error, link)
                return link
            if request is None:  # pragma: no cover -- `_encode` writes whole ones
                raise BrokenOffError("WriteError", "expected a whole request")
            self._app.handle(request, link)
        return link

    def leave(self, link: MemoryLink) -> None:
        """Let the client of a link hang up."""
        with self._patience.lock:
            link.leave()

    def wait(self, ready: Callable[[], bool], timeout_s: float | None) -> None:
        """Let time pass until something is ready.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time, or never.
        """
        self._patience.wait(ready, timeout_s)

    async def await_(
        self, link: MemoryLink, ready: Callable[[], bool], timeout_s: float | None
    ) -> None:
        """Do the same for a task among others, of a link.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time.
        """
        await self._patience.await_(link, ready, timeout_s)


def _encode(
    method: str, target: str, headers: Sequence[tuple[bytes, bytes]], body: bytes
) -> bytes:
    """Spell a request, its body with a length."""
    fields = [
        (name, value)
        for name, value in headers
        if name.lower() not in {b"transfer-encoding", b"content-length"}
    ]
    fields.append((b"content-length", str(len(body)).encode()))
    writer = h11.Connection(h11.CLIENT)
    parts = [writer.send(h11.Request(method=method, target=target, headers=fields))]
    if body:
        parts.append(writer.send(h11.Data(data=body)))
    parts.append(writer.send(h11.EndOfMessage()))
    return b"".join(part for part in parts if part)
