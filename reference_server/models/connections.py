"""Connections to one service: each carries one call at a time, and the last used first.

httpx's own pool looks at all of its connections at every call, which is half of what a
server of 200 streams does, and it never closes one whose call was cancelled between
connecting and asking. Here a connection is a transport of its own, with a pool of one:
taking it costs the same however many there are, and the one of a cancelled call is
closed as a whole.

It must not know what is asked. Redirects, cookies and the like are the client's.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from typing import cast

import httpx


class Connections(httpx.AsyncBaseTransport):
    """Carries each request over a connection that carries no other.

    Args:
        connect: returns a transport that has not been used.
        keep_s: how long a connection is kept without a call.
    """

    def __init__(
        self, connect: Callable[[], httpx.AsyncBaseTransport], *, keep_s: float
    ) -> None:
        self._connect = connect
        self._keep_s = keep_s
        # When each was used last, and so in this order.
        self._idle: deque[tuple[float, httpx.AsyncBaseTransport]] = deque()
        self._expiry: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its connection is free when the response is closed."""
        connection = self._idle.pop()[1] if self._idle else self._connect()
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await connection.aclose()
            raise
        body = cast("httpx.AsyncByteStream", response.stream)
        response.stream = _Body(body, lambda: self._keep(connection))
        return response

    async def aclose(self) -> None:
        """Close what carries no call."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        while self._idle:
            self._close_oldest()
        if self._closing:
            await asyncio.wait(self._closing)

    def _keep(self, connection: httpx.AsyncBaseTransport) -> None:
        self._idle.append((asyncio.get_running_loop().time(), connection))
        self._schedule_expiry()

    def _schedule_expiry(self) -> None:
        if self._expiry is None and self._idle:
            due = self._idle[0][0] + self._keep_s
            # In a context of its own: the caller's belongs to a run.
            self._expiry = asyncio.get_running_loop().call_at(
                due, self._expire, context=Context()
            )

    def _expire(self) -> None:
        self._expiry = None
        oldest = asyncio.get_running_loop().time() - self._keep_s
        while self._idle and self._idle[0][0] <= oldest:
            self._close_oldest()
        self._schedule_expiry()

    def _close_oldest(self) -> None:
        _, connection = self._idle.popleft()
        closing = asyncio.get_running_loop().create_task(connection.aclose())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


class _Body(httpx.AsyncByteStream):
    """A response's body, which says when its connection is free."""

    def __init__(
        self, body: httpx.AsyncByteStream, on_closed: Callable[[], None]
    ) -> None:
        self._body = body
        self._on_closed = on_closed
        self._is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._body:
            yield piece

    async def aclose(self) -> None:
        # A body that was not read to its end takes its connection with it.
        await self._body.aclose()
        if not self._is_closed:
            self._is_closed = True
            self._on_closed()
