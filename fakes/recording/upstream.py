"""The service that is recorded: where it is, and one connection to it.

Each connection serves one request, over HTTP/1.1 alone. Bytes are stamped when they
come off the socket (with TLS: when they come out of it) and wait in order to be taken;
the caller bounds them. Must not know HTTP framing or cassettes.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self, cast
from urllib.parse import SplitResult, urlsplit

from .cassette import End
from .errors import UpstreamError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Arrival", "Ending", "Upstream", "UpstreamConnection"]

_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes of one read, and when they came, in seconds."""

    at: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Ending:
    """The connection's end, and when, in seconds."""

    at: float
    how: End


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A service by its URL.

    Args:
        prefix: path in front of every request's own; no slash at its end.
        tls: how to trust it; None for plain HTTP.
    """

    host: str
    port: int
    prefix: str
    tls: ssl.SSLContext | None

    @classmethod
    def at(cls, url: str, *, ca_file: Path | None = None) -> Self:
        """Read a base URL.

        Args:
            url: `https://host[:port][/path]` or `http://…`.
            ca_file: certificates (PEM) to trust instead of the system's.

        Raises:
            UpstreamError: the URL or the file is not what it should be.
        """
        target, port = _split(url)
        is_tls = target.scheme == "https"
        if ca_file is not None and not is_tls:
            raise UpstreamError(
                f"--ca-file {ca_file}: expected an upstream of https, got "
                f"{target.scheme}, where no server shows one; leave the file out"
            )
        return cls(
            host=target.hostname or "",
            port=port or _PORTS[target.scheme],
            prefix=target.path.rstrip("/"),
            tls=_trusting(ca_file) if is_tls else None,
        )

    @property
    def authority(self) -> str:
        """Host and port as the Host field tells them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_usual = self.port == _PORTS["https" if self.tls else "http"]
        return host if is_usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Base URL, spelled in one way only."""
        scheme = "https" if self.tls else "http"
        return f"{scheme}://{self.authority}{self.prefix}"

    async def connect(self) -> UpstreamConnection:
        """Open a connection.

        Raises:
            UpstreamError: it cannot be reached, or cannot be trusted.
        """
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: UpstreamConnection(loop),
                self.host,
                self.port,
                ssl=self.tls,
                server_hostname=self.host if self.tls else None,
            )
        except ssl.SSLCertVerificationError as error:
            raise UpstreamError(
                f"cannot trust {self.url}: {error.verify_message.lower()}; name its "
                "authority's certificate with --ca-file"
            ) from error
        except OSError as error:
            raise UpstreamError(f"cannot reach {self.url}: {_reason(error)}") from error
        return connection


class UpstreamConnection(asyncio.Protocol):
    """One connection: what it says, when it said so, and how it ended."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait for `connection_made`."""
        self._loop = loop
        self._arrived: asyncio.Queue[Arrival | Ending] = asyncio.Queue()
        # The request has left, or there is no more reason to wait for that.
        self._is_through = asyncio.Event()
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)

    async def send(self, data: bytes) -> float:
        """Hand over a request; return when its last byte left, in seconds.

        A service may answer, or hang up, before it has taken all of it: then too.
        """
        self._transport.write(data)
        if self._transport.get_write_buffer_size():
            await self._is_through.wait()
        return self._loop.time()

    async def take(self) -> Arrival | Ending:
        """Return what comes next; nothing comes after an ending."""
        return await self._arrived.get()

    def close(self) -> None:
        """Hang up, whatever is still on its way."""
        self._transport.abort()

    # What asyncio tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to be told once every byte has left."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)

    def resume_writing(self) -> None:
        """Take note that the kernel has taken the whole request."""
        self._is_through.set()

    def data_received(self, data: bytes) -> None:
        """Stamp one read."""
        self._arrived.put_nowait(Arrival(self._loop.time(), data))
        self._is_through.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stamp the end."""
        self._is_through.set()
        how = End.FIN if exc is None else End.RST
        self._arrived.put_nowait(Ending(self._loop.time(), how))


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        target = urlsplit(url)
        port = target.port
    except ValueError as error:
        # The URL itself is not told: a password may be in it.
        reason = str(error).lower()
        raise UpstreamError(
            f"expected the upstream as https://host or http://host:port: {reason}"
        ) from None
    if target.query or target.fragment or target.username is not None:
        raise UpstreamError(
            "expected an upstream without user, query and fragment: these come with "
            "the client's requests"
        )
    if target.scheme not in _PORTS or not target.hostname:
        raise UpstreamError(
            f"expected the upstream as https://host or http://host:port, got {url!r}"
        )
    return target, port


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UpstreamError(
            f"--ca-file {ca_file}: expected certificates as PEM, got {_reason(error)}"
        ) from error
    # A cassette holds HTTP/1.1 as it is on the wire.
    context.set_alpn_protocols(["http/1.1"])
    return context


def _reason(error: OSError) -> str:
    """Give the reason of the kernel, of the resolver or of TLS."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, socket.gaierror):
        return (error.strerror or str(error)).lower()
    # asyncio puts sentences of its own in place of the kernel's, and several into one
    # when a name has several addresses.
    numbers = re.findall(r"\[Errno (\d+)\]", str(error))
    return ", ".join(sorted({os.strerror(int(number)) for number in numbers})).lower()
