"""One connection to the model, for one call at a time.

httpx on httpcore, without two of their parts that a paced token pays for: the pool,
which `connections` has no need of, and a time limit around each read, which the model
client has by phase of the answer.
"""

import select
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from typing import Any, cast

import anyio
import httpcore
import httpx
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.tls import TLSAttribute, TLSStream

_FAILURES = (httpcore.NetworkError, httpcore.ProtocolError)


class Connection(httpx.AsyncBaseTransport):
    """Carries one request at a time; connects for the first, and when it was closed.

    Args:
        ssl_context: whom to trust.
        keep_s: how long the connection is kept without a call.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext, keep_s: float) -> None:
        self._ssl_context = ssl_context
        self._keep_s = keep_s
        self._http: httpcore.AsyncHTTPConnection | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.ConnectError: the model cannot be reached.
            httpx.TransportError: the connection broke, or what came is no HTTP.
        """
        url = request.url
        ours = httpcore.Request(
            method=request.method,
            url=httpcore.URL(
                scheme=url.raw_scheme,
                host=url.raw_host,
                port=url.port,
                target=url.raw_path,
            ),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        http = await self._connect(ours.url.origin)
        try:
            response = await http.handle_async_request(ours)
        except httpcore.ConnectError as error:
            raise httpx.ConnectError(str(error), request=request) from error
        except _FAILURES as error:
            raise httpx.TransportError(str(error), request=request) from error
        body = cast("AsyncIterator[bytes]", response.stream)
        return httpx.Response(
            response.status, headers=response.headers, stream=_Body(body)
        )

    async def aclose(self) -> None:
        """Close the connection."""
        if self._http is not None:
            http, self._http = self._http, None
            await http.aclose()

    async def _connect(self, origin: httpcore.Origin) -> httpcore.AsyncHTTPConnection:
        if self._http is not None and (
            not self._http.is_available() or self._http.has_expired()
        ):
            await self.aclose()
        if self._http is None:
            self._http = httpcore.AsyncHTTPConnection(
                origin,
                ssl_context=self._ssl_context,
                keepalive_expiry=self._keep_s,
                network_backend=_Network(),
            )
        return self._http


class _Body(httpx.AsyncByteStream):
    """The body of a response."""

    def __init__(self, body: AsyncIterator[bytes]) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for piece in self._body:
                yield piece
        except _FAILURES as error:
            raise httpx.TransportError(str(error)) from error

    async def aclose(self) -> None:
        await cast("Any", self._body).aclose()


class _Network(httpcore.AsyncNetworkBackend):
    """TCP by anyio."""

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        try:
            return _Stream(await anyio.connect_tcp(host, port))
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _Stream(httpcore.AsyncNetworkStream):
    """A connection; a read lasts as long as the model takes."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    async def read(
        self,
        max_bytes: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
    ) -> bytes:
        try:
            return await self._stream.receive(max_bytes)
        except anyio.EndOfStream:
            return b""
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore.ReadError(str(error)) from error

    async def write(
        self,
        buffer: bytes,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
    ) -> None:
        try:
            await self._stream.send(buffer)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise httpcore.WriteError(str(error)) from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's signature
    ) -> httpcore.AsyncNetworkStream:
        try:
            secured = await TLSStream.wrap(
                self._stream,
                ssl_context=ssl_context,
                hostname=server_hostname,
                # Servers commonly close without a word of TLS; HTTP says where a body
                # ends.
                standard_compatible=False,
            )
        except (ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream) as error:
            await self.aclose()
            raise httpcore.ConnectError(str(error)) from error
        except BaseException:
            await self.aclose()
            raise
        return _Stream(secured)

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 -- httpcore's signature
        match info:
            case "ssl_object":
                return self._stream.extra(TLSAttribute.ssl_object, None)
            case "is_readable":
                return _has_news(self._stream.extra(SocketAttribute.raw_socket))
            case _:
                return None


def _has_news(connection: socket.socket) -> bool:
    """Return whether an idle connection was closed, or got what was not asked for."""
    if connection.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))
