"""How far a response goes: its head, its body, and whether it is over.

The recorder passes bytes on as they come; h11 reads along and says where the head
ends and when the body does. Nothing is decoded or kept but one incomplete head, at
most `MAX_HEAD_BYTES`.

A response that stops being HTTP behind its head is broken: no reader can tell where it
ends, so it goes on until its connection does. Pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

import h11

from ..net.http1 import MAX_HEAD_BYTES
from .errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Head", "Progress", "ResponseReader", "body_ranges", "trailer_at"]

_LINE_END: Final = b"\r\n"
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;.*)?")
# h11 waits for a whole head before it looks; a service that waits for us to speak
# first would never send one.
_BEGINNING: Final = b"HTTP/1."


class Progress(Enum):
    """Where in its response an upstream is."""

    HEAD = auto()
    BODY = auto()
    BROKEN = auto()
    COMPLETE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the final head of a response says.

    Args:
        size: bytes up to the body, interim responses among them.
        fields: names in lower case.
    """

    status: int
    fields: tuple[tuple[str, str], ...]
    size: int

    def field(self, name: str) -> str:
        """Return the values of a field, joined by commas; empty if there is none."""
        return ", ".join(value for known, value in self.fields if known == name)

    @property
    def is_chunked(self) -> bool:
        """True when the body comes in chunks."""
        return self.field("transfer-encoding").lower().endswith("chunked")


class ResponseReader:
    """Bytes of one connection to the bounds of one response."""

    def __init__(self, method: str) -> None:
        """Wait for the response to a request with that method."""
        self._parser = h11.Connection(
            h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES
        )
        # The method decides whether there is a body; the rest of it does not matter.
        asked = h11.Request(method=method, target="/", headers=[("host", "upstream")])
        self._parser.send(asked)
        self._parser.send(h11.EndOfMessage())
        self._fed = 0
        self._beginning = b""
        self._is_closed = False
        self.head: Head | None = None
        self.progress = Progress.HEAD

    @property
    def keeps_alive(self) -> bool:
        """True when the response leaves its connection open."""
        is_over = self.progress is Progress.COMPLETE
        return is_over and self._parser.their_state is h11.DONE and not self._is_closed

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they came; return those that belong to the response.

        Raises:
            UpstreamError: what came instead of a head is no HTTP/1.1.
        """
        if self.progress is Progress.BROKEN:
            return data
        self._check_beginning(data)
        self._fed += len(data)
        self._parser.receive_data(data)
        self._read()
        # What an upstream says behind its response was not asked for.
        behind = len(self._parser.trailing_data[0])
        is_over = self.progress is Progress.COMPLETE
        return data[: max(0, len(data) - behind)] if is_over else data

    def close(self) -> bool:
        """Take the connection's end; return whether the response ended with it.

        Raises:
            UpstreamError: the connection ended before the head did.
        """
        self._is_closed = True
        if self.progress is Progress.BODY:
            self._parser.receive_data(b"")
            self._read()
        elif self.progress is Progress.HEAD:
            raise UpstreamError("expected a response, got the connection's end")
        return self.progress is Progress.COMPLETE

    def _check_beginning(self, data: bytes) -> None:
        missing = len(_BEGINNING) - len(self._beginning)
        self._beginning += data[:missing]
        if not _BEGINNING.startswith(self._beginning):
            raise UpstreamError(f"expected an HTTP/1.1 response, got {data[:40]!r}")

    def _read(self) -> None:
        try:
            while self._take(self._parser.next_event()):
                pass
        except h11.RemoteProtocolError as error:
            if self.head is None:
                raise UpstreamError(
                    f"expected an HTTP/1.1 response, got {error}"
                ) from error
            self.progress = Progress.BROKEN

    def _take(self, event: object) -> bool:
        """Look at one event; False when there are no more for now."""
        match event:
            case h11.Response(status_code=status, headers=headers):
                unread, _ = self._parser.trailing_data
                self.progress = Progress.BODY
                self.head = Head(
                    status=status,
                    fields=tuple(
                        (name.decode("ascii"), value.decode("latin-1"))
                        for name, value in headers
                    ),
                    size=self._fed - len(unread),
                )
            case h11.EndOfMessage():
                self.progress = Progress.COMPLETE
                return False
            case h11.InformationalResponse() | h11.Data():
                pass
            case _:
                return False
        return True


def body_ranges(response: bytes, head: Head) -> Iterator[tuple[int, int]]:
    """Tell where in a response its body's bytes are: start and end of each piece.

    A body in chunks has their sizes between its pieces. Where it is broken, the rest
    is one piece.
    """
    place = head.size
    while head.is_chunked:
        line_end = response.find(_LINE_END, place)
        size = _chunk_size(response[place:line_end]) if line_end >= 0 else None
        if size == 0:
            return
        if size is None:
            break
        start = line_end + len(_LINE_END)
        yield start, min(start + size, len(response))
        place = start + size + len(_LINE_END)
    if place < len(response):
        yield place, len(response)


def trailer_at(response: bytes, head: Head) -> int:
    """Tell where fields behind a body in chunks begin; its end if there are none."""
    if not head.is_chunked:
        return len(response)
    pieces = list(body_ranges(response, head))
    place = pieces[-1][1] + len(_LINE_END) if pieces else head.size
    line_end = response.find(_LINE_END, place)
    is_over = line_end >= 0 and _chunk_size(response[place:line_end]) == 0
    return line_end + len(_LINE_END) if is_over else len(response)


def _chunk_size(line: bytes) -> int | None:
    found = _CHUNK.fullmatch(line)
    return int(found[1], 16) if found else None
