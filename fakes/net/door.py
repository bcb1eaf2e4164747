"""A port, and the connections that came through it.

A shell: it listens, says in one way why it cannot, and hangs up in one way. Must not
know what is served: the handler comes with `open`.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import TYPE_CHECKING, Final, Self

from ..errors import StartError
from .connection import Connection

if TYPE_CHECKING:
    from .link import Handler

__all__ = ["Door"]

# More connections at once than any burst test opens; the kernel caps it anyway.
BACKLOG: Final = 4096
# What is written must leave within this time on shutdown; the CLI promises 2 s.
SHUTDOWN_S: Final = 1.0


class Door:
    """A taken port: bind, open, close.

    Its connections are served from `open` to `close`.
    """

    def __init__(self, connections: set[Connection]) -> None:
        """Take where open connections are kept; `bind` makes a door that leads here."""
        self._connections = connections
        self._handler: Handler | None = None
        self._listener: asyncio.Server | None = None
        self._closed: list[asyncio.Future[None]] = []
        self.url = ""

    @classmethod
    async def bind(cls, host: str, port: int, connections: set[Connection]) -> Self:
        """Take a port (0 for a free one); `url` tells which.

        Open connections are kept in the set, where the caller can look.

        Raises:
            StartError: the address cannot be listened on, and what to do.
        """
        door = cls(connections)
        if not host:
            # To asyncio this is every address, of which no URL can be told.
            raise StartError("expected a host to listen on, got ''; 127.0.0.1 is one")
        try:
            await door._take(host, port)
        except (OSError, OverflowError, UnicodeError) as error:
            raise StartError(
                f"cannot listen on {host}:{port}: {_reason(error)}; {_remedy(error)}"
            ) from error
        return door

    async def _take(self, host: str, port: int) -> None:
        # asyncio takes its backlog for the number of connections to accept in a row
        # as well, and when there are no more file descriptors it tries as often, with
        # a complaint each.
        listener = await asyncio.get_running_loop().create_server(
            self._connect, host, port, backlog=1, start_serving=False
        )
        self._listener = listener
        taken, number = listener.sockets[0].getsockname()[:2]
        self.url = f"http://{f'[{taken}]' if ':' in taken else taken}:{number}"

    async def open(self, handler: Handler) -> None:
        """Serve every client that connects."""
        self._handler = handler
        if self._listener is None:
            return
        await self._listener.start_serving()
        for shown in self._listener.sockets:
            with shown.dup() as listening:
                listening.listen(BACKLOG)

    def hang_up(self) -> None:
        """Accept no more clients, and let every exchange close its record."""
        if self._listener is not None:
            self._listener.close()
        self._closed = [connection.closed for connection in self._connections]
        for connection in tuple(self._connections):
            connection.shut_down()

    async def close(self) -> None:
        """Hang up, and let what is written leave; a second time nothing happens."""
        if self._listener is None:
            return
        self.hang_up()
        listener, self._listener = self._listener, None
        if self._closed:
            await asyncio.wait(self._closed, timeout=SHUTDOWN_S)
        for connection in tuple(self._connections):
            connection.abort()
        await asyncio.gather(*self._closed)
        await listener.wait_closed()

    def _connect(self) -> Connection:
        if self._handler is None:  # pragma: no cover -- no client is served before
            raise StartError("the door is not open yet")
        loop = asyncio.get_running_loop()
        return Connection(self._handler, loop, self._connections)


def _reason(error: Exception) -> str:
    """Give the kernel's or the resolver's words; asyncio puts its own before them."""
    words = getattr(error, "strerror", None) or str(error)
    return str(words).rpartition(": ")[2].rstrip(".").lower()


def _remedy(error: Exception) -> str:
    # Newer versions of asyncio drop the number of another machine's address.
    is_port = not isinstance(error, socket.gaierror | UnicodeError) and (
        isinstance(error, OverflowError)
        or getattr(error, "errno", None) not in {None, errno.EADDRNOTAVAIL}
    )
    if is_port:
        return "choose another port, or 0 for a free one"
    return "choose an address of this machine, such as 127.0.0.1"
