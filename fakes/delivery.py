"""A reply as HTTP bytes: as a stream, or as one body when all is said.

Both deliveries answer the same questions, so the engine plays one plan for either.
Each method returns the bytes that may leave now (a whole delivery keeps its own
until the end). Pure: no socket, no clock, no journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .http1 import Framing, encode_response

if TYPE_CHECKING:
    from .content import Part
    from .providers.provider import Headers, Reply
    from .script import Fail, InStreamError

__all__ = ["Delivery", "StreamDelivery", "WholeDelivery"]


class Delivery(Protocol):
    """What the engine asks for at each step of a plan."""

    def open(self) -> bytes:
        """Head and opening frames."""

    def token(self, part: Part, text: str) -> bytes:
        """One piece of the answer."""

    def close(self) -> bytes:
        """Finish reason and usage."""

    def terminate(self) -> bytes:
        """All that is left but the last bytes of the body."""

    def end(self) -> bytes:
        """The last bytes of the body."""

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """Response and its last byte, for an HTTP error instead of an answer."""

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Status, bytes and last bytes of an error after some tokens."""

    def truncate(self) -> tuple[bytes, bytes]:
        """Bytes and last bytes of a body that ends too early, but cleanly."""


class StreamDelivery:
    """Each piece leaves as soon as it is made."""

    __slots__ = ("_framing", "_reply")

    def __init__(self, reply: Reply, framing: Framing) -> None:
        """Take what is said and how HTTP wants it framed."""
        self._reply = reply
        self._framing = framing

    def open(self) -> bytes:
        """Head and opening frames."""
        head = self._framing.stream_head(self._reply.stream_headers())
        return head + self._part(self._reply.opening())

    def token(self, part: Part, text: str) -> bytes:
        """One piece of the answer, and what has to come before it."""
        return self._part(self._reply.token(part, text))

    def close(self) -> bytes:
        """Finish reason and usage."""
        return self._part(self._reply.closing())

    def terminate(self) -> bytes:
        """Terminal frame."""
        return self._part(self._reply.terminator())

    def end(self) -> bytes:
        """The last chunk."""
        return self._framing.end

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """An HTTP error is no stream."""
        return _failure(self._reply, self._framing, fail)

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Error frame and terminal frame, inside a 200."""
        return 200, self._part(self._reply.stream_error(error)), self._framing.end

    def truncate(self) -> tuple[bytes, bytes]:
        """The last chunk without what belongs before it."""
        return b"", self._framing.end

    def _part(self, data: bytes) -> bytes:
        # An empty chunk would be the last one.
        return self._framing.part(data) if data else b""


class WholeDelivery:
    """Nothing leaves before everything is said."""

    __slots__ = ("_framing", "_last", "_made", "_reply")

    def __init__(self, reply: Reply, framing: Framing) -> None:
        """Take what is said and how HTTP wants it framed."""
        self._reply = reply
        self._framing = framing
        self._made = 0
        self._last = b""

    def open(self) -> bytes:
        """Nothing yet."""
        return b""

    def token(self, part: Part, text: str) -> bytes:  # noqa: ARG002 -- one signature
        """Count it; the reply knows what it is."""
        self._made += 1
        return b""

    def close(self) -> bytes:
        """Nothing yet."""
        return b""

    def terminate(self) -> bytes:
        """Head and body but for its last byte."""
        first, self._last = self._response(200, self._reply.body())
        return first

    def end(self) -> bytes:
        """The last byte of the body."""
        return self._last

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """The same as for a stream."""
        return _failure(self._reply, self._framing, fail)

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Answer with an HTTP error, since nothing has left yet."""
        status, body = self._reply.body_error(error)
        return status, *self._response(status, body)

    def truncate(self) -> tuple[bytes, bytes]:
        """Answer with a body that stops behind the last token."""
        return self._response(200, self._reply.truncated_body(self._made))

    def _response(self, status: int, body: bytes) -> tuple[bytes, bytes]:
        return _response(self._framing, status, self._reply.body_headers(), body)


def _failure(reply: Reply, framing: Framing, fail: Fail) -> tuple[bytes, bytes]:
    headers, body = reply.failure(fail)
    return _response(framing, fail.status, headers, body)


def _response(
    framing: Framing, status: int, headers: Headers, body: bytes
) -> tuple[bytes, bytes]:
    """Encode a response, its last byte apart."""
    whole = encode_response(status, headers, body, keep_alive=framing.keep_alive)
    return whole[:-1], whole[-1:]
