"""A client of streams on raw sockets: it says when it asks, and how and when it leaves.

Must not judge what it read.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

__all__ = ["PATH", "Stream", "ask", "last_id"]

PATH = "/api/generation/stream"
_ID = re.compile(rb"^id: (.*)$", re.MULTILINE)
_RETRY = re.compile(rb"\Aretry: [0-9]+\n")
# What one read of a head or a chunk may have.
_LIMIT_BYTES = 1024 * 1024


@dataclass(slots=True)
class Stream:
    """One connection and the response on it; made by `connect`."""

    address: tuple[str, int]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    status: int = 0
    id: str = ""
    is_complete: bool = False
    _body: bytearray = field(default_factory=bytearray)

    @classmethod
    async def connect(cls, address: tuple[str, int]) -> Self:
        """Open a connection."""
        reader, writer = await asyncio.open_connection(*address, limit=_LIMIT_BYTES)
        return cls(address, reader, writer)

    @classmethod
    async def start(
        cls, address: tuple[str, int], headers: Mapping[str, str], prompt: str
    ) -> Self:
        """Ask for a stream on a connection of its own, and return at once."""
        stream = await cls.connect(address)
        stream.ask(headers, document={"prompt": prompt})
        return stream

    def ask(
        self,
        headers: Mapping[str, str],
        *,
        method: str = "POST",
        path: str = PATH,
        document: object = None,
    ) -> None:
        """Send a request."""
        body = b"" if document is None else json.dumps(document).encode()
        fields = {
            "Host": f"{self.address[0]}:{self.address[1]}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body)

    async def read_head(self) -> Self:
        """Read status and id."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        self.status = int(head.split(" ", 2)[1])
        found = re.search(r"^x-stream-id: (\S+)", head, re.IGNORECASE | re.MULTILINE)
        self.id = found[1] if found else ""
        return self

    @property
    def events(self) -> list[bytes]:
        """Whole blocks with an id, as they were sent but for a retry time in front."""
        blocks = bytes(self._body).split(b"\n\n")[:-1]
        return [_RETRY.sub(b"", block) for block in blocks if _ID.search(block)]

    async def read_events(self, number: int) -> list[bytes]:
        """Read until so many events are there, or the end; return those that are."""
        while len(self.events) < number and await self._read_chunk():
            pass
        return self.events

    async def read_all(self) -> list[bytes]:
        """Read to the end of a response in chunks; return its events."""
        while await self._read_chunk():
            pass
        return self.events

    def close(self) -> None:
        """Leave with a FIN (or with a reset, when there is something unread)."""
        self.writer.close()

    def half_close(self) -> None:
        """Say that nothing more will be said."""
        self.writer.write_eof()

    def reset(self) -> None:
        """Leave with an RST."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self.writer.transport.abort()

    async def _read_chunk(self) -> bool:
        try:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            self._body += (await self.reader.readexactly(size + 2))[:-2]
        except (asyncio.IncompleteReadError, ConnectionError):
            return False
        self.is_complete = size == 0
        return size > 0


async def ask(
    address: tuple[str, int],
    path: str,
    headers: Mapping[str, str],
    method: str = "GET",
) -> tuple[int, bytes]:
    """Return status and body of an ordinary request."""
    stream = await Stream.connect(address)
    stream.ask({**headers, "Connection": "close"}, method=method, path=path)
    await stream.read_head()
    body = await stream.reader.read()
    stream.close()
    return stream.status, body


def last_id(events: list[bytes]) -> str:
    """Return the id of the last of some events."""
    found = _ID.search(events[-1])
    if found is None:
        raise ValueError(f"expected an id in {events[-1]!r}")
    return found[1].decode()
