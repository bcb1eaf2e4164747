"""One TCP or TLS connection, down to how it is left: FIN or RST.

The socket is ours and not a stream of anyio's, because only so a leave is exactly one
FIN or one RST: `SocketStream.aclose` sends a FIN in any case. Must not know HTTP, time
or deadlines; a caller that waits here brings a cancel scope.
"""

from __future__ import annotations

import os
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

import anyio
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

from ...errors import UsageError

RECEIVE_BYTES = 64 * 1024
"""One read: the receive buffer of a loopback socket is rarely fuller than that."""

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, zero seconds
_Address = tuple[socket.AddressFamily, socket.SocketKind, int, str, Any]
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where the target listens; `prefix` goes before every path of the profile."""

    scheme: str
    host: str
    port: int
    prefix: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Take a base URL apart; raise `UsageError` if it is none.

        The message has nothing of a user, a password or a query, which may be secret.
        """
        # A password may hold what looks like the end of the URL.
        got = "one with @" if "@" in url else repr(url)
        if not url.isprintable() or " " in url:
            raise UsageError(f"expected a base URL without white space, got {got}")
        try:
            parts = urlsplit(url)
        except ValueError as problem:
            reason = "" if "@" in url else f": {problem}"
            raise UsageError(f"expected a base URL, got {got}{reason}") from None
        if parts.scheme not in _PORTS or not parts.hostname:
            raise UsageError(
                f"expected a base URL such as http://127.0.0.1:8000, got {got}"
            )
        refused = {
            "user": parts.username is not None,
            "query": parts.query,
            "fragment": parts.fragment,
        }
        for name, is_there in refused.items():
            if is_there:
                raise UsageError(f"expected a base URL without {name}, got one")
        try:
            port = parts.port
        except ValueError:
            got = got if "@" in url else repr(parts.netloc.rpartition(":")[2])
            raise UsageError(
                f"expected a base URL with a port from 0 to 65535, got {got}"
            ) from None
        return cls(
            scheme=parts.scheme,
            host=parts.hostname,
            port=_PORTS[parts.scheme] if port is None else port,
            prefix=parts.path.rstrip("/"),
        )

    @property
    def authority(self) -> str:
        """The value of the `Host` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == _PORTS[self.scheme]
        return host if is_default else f"{host}:{self.port}"


class _SocketStream(ByteStream):
    """A connected non-blocking socket as anyio sees streams."""

    def __init__(self, raw: socket.socket) -> None:
        self._raw = raw

    async def receive(self, max_bytes: int = RECEIVE_BYTES) -> bytes:
        while True:
            try:
                data = self._raw.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._raw)
                continue
            if not data:
                raise anyio.EndOfStream
            return data

    async def send(self, item: bytes) -> None:
        left = memoryview(item)
        while left:
            try:
                left = left[self._raw.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._raw)

    async def send_eof(self) -> None:
        self._raw.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        self._raw.close()

    @property
    def extra_attributes(self) -> Mapping[Any, Any]:
        return {}


class Connection:
    """An open connection; close it in one of the three ways, always."""

    def __init__(self, raw: socket.socket, stream: ByteStream) -> None:
        self._raw = raw
        self._stream = stream

    @classmethod
    async def open(cls, target: Target) -> Self:
        """Connect.

        Raises:
            OSError: there is no connection to be had (`ssl.SSLError` is one too).
        """
        raw = await _connect(target)
        stream: ByteStream = _SocketStream(raw)
        if target.scheme == "https":
            try:
                stream = await TLSStream.wrap(
                    stream,
                    hostname=target.host,
                    ssl_context=ssl.create_default_context(),
                    # Many servers close without TLS's own goodbye; how HTTP ended is
                    # for HTTP's framing to say.
                    standard_compatible=False,
                )
            except BaseException as problem:
                raw.close()
                if isinstance(problem, anyio.EndOfStream | anyio.BrokenResourceError):
                    raise ConnectionError("closed during the TLS handshake") from None
                raise
        return cls(raw, stream)

    async def send(self, data: bytes) -> None:
        """Hand all of `data` to the socket; raise `OSError` if it is broken."""
        try:
            await self._stream.send(data)
        except anyio.BrokenResourceError as problem:
            raise _cause(problem) from None

    async def receive(self) -> bytes:
        """Return what has arrived, at least one byte; empty at the peer's FIN.

        Raises:
            OSError: the connection is broken; `ConnectionResetError` by an RST.
        """
        try:
            return await self._stream.receive(RECEIVE_BYTES)
        except anyio.EndOfStream:
            return b""
        except anyio.BrokenResourceError as problem:
            raise _cause(problem) from None

    def drain(self) -> Iterator[bytes]:
        """Yield what lies unread in the socket; what TLS would make of it is lost.

        A socket that is closed with bytes unread sends an RST instead of its FIN: RFC
        2525, section 2.17.
        """
        with suppress(OSError):
            while data := self._raw.recv(RECEIVE_BYTES):
                if self._stream.__class__ is _SocketStream:
                    yield data

    def leave_fin(self) -> None:
        """Close with a FIN, provided that `drain` left nothing unread."""
        with suppress(OSError):
            self._raw.shutdown(socket.SHUT_WR)
        self._raw.close()

    def leave_rst(self) -> None:
        """Close with an RST."""
        with suppress(OSError):
            self._raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._raw.close()

    def close(self) -> None:
        """Close, whichever way it goes; a second time does nothing."""
        self._raw.close()


def _cause(problem: BaseException) -> OSError:
    """Return the socket's own error behind one of anyio's."""
    cause = problem.__cause__
    return cause if isinstance(cause, OSError) else ConnectionError(str(problem))


async def _connect(target: Target) -> socket.socket:
    """Return a connected non-blocking socket to the first address that answers."""
    found = await _addresses(target)
    refused: OSError = OSError(f"no address for {target.host}")
    for family, kind, protocol, _, address in found:
        raw = socket.socket(family, kind, protocol)
        try:
            raw.settimeout(0)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(BlockingIOError):
                raw.connect(address)
            await anyio.wait_writable(raw)
            if code := raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(code, os.strerror(code))  # noqa: TRY301 -- next address
        except OSError as problem:
            raw.close()
            refused = problem
        except BaseException:
            raw.close()
            raise
        else:
            return raw
    raise refused


async def _addresses(target: Target) -> Sequence[_Address]:
    """Look the host up; an address is no question for a thread and a resolver."""
    host, port, kind = target.host, target.port, socket.SOCK_STREAM
    try:
        with suppress(socket.gaierror):
            return socket.getaddrinfo(
                host, port, type=kind, flags=socket.AI_NUMERICHOST
            )
        return await anyio.getaddrinfo(host, port, type=kind)
    except UnicodeError as problem:
        raise OSError(f"no host name: {target.host}") from problem
