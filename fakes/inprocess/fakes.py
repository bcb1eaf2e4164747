"""The fakes without a socket: one app, one clock, and the requests in flight.

Time is virtual. It moves to the next thing that is due when a client waits for bytes
that are not there yet, and never otherwise: a stream with delays of minutes is over at
once, always with the same bytes at the same times. Where clients are tasks of an event
loop, time moves only once the loop has had nothing else to do for `IDLE_TURNS` turns,
so that whoever can act does so before.

A call held at a gate is outside of time: no client's timeout passes while somebody can
still open the gate.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import anyio
import anyio.lowlevel
import h11
import httpx

from ..app import App
from ..clock import VirtualClock
from ..errors import RequestError
from ..http1 import RequestReader
from ..script import Library
from .errors import BrokenOffError
from .link import MemoryLink
from .transport import transport_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

    from ..recording import Recordings

__all__ = ["InProcess"]

# An SDK's call goes through a handful of awaits before it reaches its transport.
IDLE_TURNS: Final = 20


class InProcess:
    """Fake providers that answer in this process, in virtual time.

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
        """Start with an empty journal, at a time of 1000 s."""
        self.clock = VirtualClock()
        self._app = App(
            seed=seed,
            library=library or Library(),
            timers=self.clock,
            version="in process",
            recordings=recordings,
        )
        # Clients of several threads take turns; an engine is nobody's second time.
        self._lock = threading.RLock()
        self._news = 0
        self._waiters: set[anyio.Event] = set()

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
        link = MemoryLink(method, self._tell)
        wire = _encode(method, target, headers, body)
        reader = RequestReader()
        reader.feed(wire)
        with self._lock:
            self._tell()
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
        with self._lock:
            link.leave()
            self._tell()

    def wait(self, ready: Callable[[], bool], timeout_s: float | None) -> None:
        """Let time pass until something is ready.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time, or never.
        """
        deadline = self._deadline(timeout_s)
        while not ready():
            with self._lock:
                self._move(deadline)

    async def await_(self, ready: Callable[[], bool], timeout_s: float | None) -> None:
        """Let time pass until something is ready, behind everything else there is.

        Raises:
            BrokenOffError: `ReadTimeout`, when it is not within the time.
        """
        deadline = self._deadline(timeout_s)
        while not ready():
            if await self._others_acted(ready):
                continue
            due = self.clock.next_due
            is_late = due is None or (deadline is not None and due > deadline)
            if is_late and (deadline is None or self._app.is_held):
                # Only somebody else can change this: open a gate, hang up.
                await self._next_news()
                continue
            with self._lock:
                self._move(deadline)

    def _deadline(self, timeout_s: float | None) -> float | None:
        return None if timeout_s is None else self.clock.time() + timeout_s

    def _move(self, deadline: float | None) -> None:
        """Let the next thing happen, if that is before the deadline."""
        due = self.clock.next_due
        if due is not None and (deadline is None or due <= deadline):
            self._tell()
            self.clock.run_next()
            return
        if deadline is None:
            raise BrokenOffError(
                "ReadTimeout",
                "nothing more will ever come: the call is held or stalled, and the "
                "client has no read timeout; release the gate before, or set one",
            )
        self.clock.move_to(deadline)
        raise BrokenOffError("ReadTimeout", "The read operation timed out")

    async def _others_acted(self, ready: Callable[[], bool]) -> bool:
        """Give the event loop some turns; True as soon as anything happened in them."""
        seen = self._news
        for _ in range(IDLE_TURNS):
            await anyio.lowlevel.checkpoint()
            if self._news != seen or ready():
                return True
        return False

    async def _next_news(self) -> None:
        event = anyio.Event()
        self._waiters.add(event)
        try:
            await event.wait()
        finally:
            self._waiters.discard(event)

    def _tell(self) -> None:
        """Note that something happened."""
        self._news += 1
        for event in tuple(self._waiters):
            event.set()


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
