"""The fakes as an ASGI application, in virtual time.

For ASGI transports, test clients and mounts
(https://asgi.readthedocs.io/en/stable/specs/www.html). A fault that cuts the
connection is raised as `BrokenOffError`, upon which a server closes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import anyio

from .errors import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from .fakes import InProcess
    from .link import MemoryLink

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

__all__ = ["Application"]


class Application:
    """One ASGI application in front of fakes in this process."""

    def __init__(self, fakes: InProcess) -> None:
        """Take the fakes that answer."""
        self._network = fakes.network

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, or follow the server's lifespan.

        Raises:
            BrokenOffError: the script cut the connection, or nothing more will come.
        """
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"expected an HTTP request, got {scope['type']!r}")
        body = await _body(receive)
        link = self._network.send(
            scope["method"], _target(scope), list(scope["headers"]), body
        )
        broken: BrokenOffError | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch, receive, link)
            try:
                await self._respond(link, send)
            except BrokenOffError as error:
                # Raised in here, it would come out of the group in a group.
                broken = error
            tasks.cancel_scope.cancel()
        if broken is not None:
            raise broken

    async def _watch(self, receive: Receive, link: MemoryLink) -> None:
        """Hang up when the client does."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._network.leave(link)

    async def _respond(self, link: MemoryLink, send: Send) -> None:
        await self._network.await_(
            link, lambda: link.has_left or link.head is not None, None
        )
        if link.head is None:
            return
        status, fields = link.head
        # The server frames the body, so it must not hear how we did.
        headers = [
            (name.lower(), value)
            for name, value in fields
            if name.lower() not in {b"transfer-encoding", b"connection"}
        ]
        await send(
            {"type": "http.response.start", "status": status, "headers": headers}
        )
        while True:
            await self._network.await_(link, lambda: link.has_news, None)
            piece = link.read()
            more = bool(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            if not more:
                return


async def _live(receive: Receive, send: Send) -> None:
    """Say yes to start and end; there is nothing to do."""
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


async def _body(receive: Receive) -> bytes:
    pieces = []
    more = True
    while more:
        message = await receive()
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(pieces)


def _target(scope: Message) -> str:
    """Spell path and query as a request line has them, without what we hang under."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    query = scope.get("query_string", b"").decode("ascii")
    return quote(path) + (f"?{query}" if query else "")
