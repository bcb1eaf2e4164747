"""What is recorded of one HTTP exchange: head, timed body chunks, and how it ended.

Must not interpret the body, do I/O, or read a clock. All times are seconds of one
monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EndingKind(StrEnum):
    """How an exchange ended."""

    CLEAN = "clean"
    """The body ended as its framing said it would."""

    PREMATURE_EOF = "premature_eof"
    """The peer closed before the framing said so."""

    RESET = "reset"
    """The peer reset the connection or the stream."""

    CLOSED_BY_US = "closed_by_us"
    """The probe had what it wanted, or left on purpose."""

    DEADLINE = "deadline"
    """The probe's time was up."""

    LIMIT = "limit"
    """The peer sent more than the probe would hold."""

    NOT_CONNECTED = "not_connected"
    """There was no connection."""

    PROTOCOL_ERROR = "protocol_error"
    """The peer's bytes are not HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How and when an exchange ended.

    Attributes:
        kind: which way.
        at: when the probe knew, in seconds.
        detail: the error text or the reason, for people; may be empty.
    """

    kind: EndingKind
    at: float
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Body bytes that arrived together.

    Attributes:
        at: arrival at the socket, in seconds.
        data: the bytes, after transfer decoding.
    """

    at: float
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One HTTP exchange as the client saw it.

    Attributes:
        started_at: just before connecting, in seconds.
        connected_at: when the connection stood; None if it never did.
        request_sent_at: when the last request byte was handed to the socket.
        http_version: as in the status line, such as "1.1"; None without a head.
        status: None without a head.
        reason: the reason phrase; may be empty.
        raw_head: status line and header bytes as received.
        headers: names and values in order, names as received.
        head_at: arrival of the last header byte.
        chunks: the body.
        ending: how the exchange ended.
    """

    started_at: float
    connected_at: float | None = None
    request_sent_at: float | None = None
    http_version: str | None = None
    status: int | None = None
    reason: str = ""
    raw_head: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    head_at: float | None = None
    chunks: tuple[Chunk, ...] = ()
    ending: Ending

    def header_all(self, name: str) -> tuple[str, ...]:
        """Return every value of a header; names are compared without case."""
        wanted = name.lower()
        return tuple(value for key, value in self.headers if key.lower() == wanted)

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None; see `header_all`."""
        return next(iter(self.header_all(name)), None)
