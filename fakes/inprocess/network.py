"""A network inside the process: requests to a handler, answers on links, virtual time.

Time moves when a client waits for bytes that are not there yet, and never otherwise
(`patience` says how): a stream with delays of minutes is over at once, always with the
same bytes at the same times. Must not know what answers, or which library asks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11

from ..errors import RequestError
from ..net.http1 import RequestReader
from .errors import BrokenOffError
from .link import MemoryLink
from .patience import Patience

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..net.clock import VirtualClock
    from ..net.link import Handler

__all__ = ["Network"]


class Network:
    """Brings the requests of clients in this process to one handler.

    Clients may be tasks of one event loop, or threads, but not both at once.
    """

    def __init__(self, handler: Handler, clock: VirtualClock) -> None:
        """Take what answers, and the clock it answers by."""
        self._handler = handler
        self._patience = Patience(clock)

    def send(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[bytes, bytes]],
        body: bytes,
    ) -> MemoryLink:
        """Hand over a request and return the link that its answer comes on."""
        self._patience.expect_this_thread()
        link = MemoryLink(method, self._patience.tell)
        reader = RequestReader()
        reader.feed(_encode(method, target, headers, body))
        with self._patience.lock:
            try:
                request = reader.next_request()
            except RequestError as error:
                self._handler.refuse(error, link)
                return link
            if request is None:  # pragma: no cover -- `_encode` writes whole ones
                raise BrokenOffError("WriteError", "expected a whole request")
            self._handler.handle(request, link)
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
