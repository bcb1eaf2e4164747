"""Transports for httpx and httpx2, which have the same shape and different classes.

Streams come piece by piece: the ASGI transports of both libraries collect the whole
body before they return (`httpx._transports.asgi`), so that nothing could be cancelled
or timed with them.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from .errors import BrokenOffError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import ModuleType

    from .link import MemoryLink
    from .network import Network

__all__ = ["transport_of"]


def transport_of(network: Network, http: ModuleType) -> Any:  # noqa: ANN401 -- a transport of either library
    """Return a transport for the clients, sync and async, of `httpx` or `httpx2`."""
    return _transport_class(http)(network, http)


@cache
def _transport_class(http: ModuleType) -> type[_Sender]:
    bases = (_Sender, http.BaseTransport, http.AsyncBaseTransport)
    return type("Transport", bases, {})


@cache
def _body_class(http: ModuleType) -> type[_Body]:
    return type("Body", (_Body, http.SyncByteStream, http.AsyncByteStream), {})


class _Sender:
    """What a transport does, without the base classes of its library."""

    def __init__(self, network: Network, http: ModuleType) -> None:
        self._network = network
        self._http = http

    def handle_request(self, request: Any) -> Any:  # noqa: ANN401 -- of either library
        """Send a request; return the response, its body still to be read.

        A client that gives up before that hangs up.
        """
        body = request.read()
        with _translated(self._http, request):
            link = self._send(request, body)
            try:
                self._network.wait(
                    lambda: link.head is not None, _read_timeout_s(request)
                )
            except BaseException:
                self._network.leave(link)
                raise
        return self._response(request, link)

    async def handle_async_request(self, request: Any) -> Any:  # noqa: ANN401 -- of either library
        """Do the same for an asynchronous client; a cancelled one hangs up."""
        body = await request.aread()
        with _translated(self._http, request):
            link = self._send(request, body)
            try:
                await self._network.await_(
                    link, lambda: link.head is not None, _read_timeout_s(request)
                )
            except BaseException:
                self._network.leave(link)
                raise
        return self._response(request, link)

    def _send(self, request: Any, body: bytes) -> MemoryLink:  # noqa: ANN401 -- of either library
        target = request.url.raw_path.decode("ascii")
        return self._network.send(request.method, target, request.headers.raw, body)

    def _response(self, request: Any, link: MemoryLink) -> Any:  # noqa: ANN401 -- of either library
        status, headers = link.head or (500, [])
        stream = _body_class(self._http)(self._network, self._http, request, link)
        return self._http.Response(
            status, headers=headers, stream=stream, request=request
        )


class _Body:
    """A response's body, without the base classes of its library."""

    def __init__(
        self,
        network: Network,
        http: ModuleType,
        request: Any,  # noqa: ANN401 -- of either library
        link: MemoryLink,
    ) -> None:
        self._network = network
        self._http = http
        self._request = request
        self._link = link
        self._timeout_s = _read_timeout_s(request)

    def __iter__(self) -> Iterator[bytes]:
        with _translated(self._http, self._request):
            while piece := self._next():
                yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._http, self._request):
            while piece := await self._anext():
                yield piece

    def close(self) -> None:
        """Hang up, if the body is not over."""
        self._network.leave(self._link)

    async def aclose(self) -> None:
        """Do the same."""
        self._network.leave(self._link)

    def _next(self) -> bytes:
        self._network.wait(lambda: self._link.has_news, self._timeout_s)
        return self._link.read()

    async def _anext(self) -> bytes:
        link = self._link
        await self._network.await_(link, lambda: link.has_news, self._timeout_s)
        return self._link.read()


@contextmanager
def _translated(http: ModuleType, request: Any) -> Iterator[None]:  # noqa: ANN401 -- of either library
    """Let what breaks off be what the library calls it."""
    try:
        yield
    except BrokenOffError as broken:
        kind = getattr(http, broken.kind)
        raise kind(str(broken), request=request) from broken


def _read_timeout_s(request: Any) -> float | None:  # noqa: ANN401 -- of either library
    timeout_s: float | None = request.extensions.get("timeout", {}).get("read")
    return timeout_s
