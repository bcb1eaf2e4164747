"""A reply as HTTP bytes: as a stream, or as one body when all is said.

All deliveries answer the same questions, so the engine plays one plan for either.
Each method returns the bytes that may leave now (a whole delivery keeps its own
until the end). Pure: no socket, no clock, no journal.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from ..net.http1 import Framing, encode_head, encode_response
from ..script import Garbling, Wire
from .shaping import Shape, break_frame, payload_of, repeat_frame

if TYPE_CHECKING:
    from ..content import Part
    from ..providers.provider import Headers, Reply
    from ..script import Fail, InStreamError, Page

__all__ = [
    "Delivery",
    "ShapedDelivery",
    "StreamDelivery",
    "Upcoming",
    "WholeDelivery",
    "deliver",
]

# The next piece of the answer; None when all of it is said.
Upcoming: TypeAlias = "tuple[Part, str] | None"

# "A 204 response is terminated by the end of the header section; it cannot contain
# content" (RFC 9110, 15.3.5), and so with 304.
BODILESS: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Delivery(Protocol):
    """What the engine asks for at each step of a plan."""

    @property
    def framing(self) -> Framing:
        """How HTTP frames the response, and whether the connection stays."""

    def open(self) -> bytes:
        """Head and opening frames."""

    def token(self, part: Part, text: str, garble: Garbling | None = None) -> bytes:
        """One piece of the answer; empty if it leaves with a later one."""

    def keepalive(self, text: str | None) -> bytes:
        """Something between two frames that says nothing."""

    def close(self) -> bytes:
        """Finish reason and usage."""

    def terminate(self) -> bytes:
        """All that is left but the last bytes of the body."""

    def end(self) -> bytes:
        """The last bytes of the body."""

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """Response and its last byte, for an HTTP error instead of an answer."""

    def page(self, page: Page) -> tuple[bytes, bytes]:
        """Response and its last byte, for one that is none of the service's."""

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Status, bytes and last bytes of an error after some tokens."""

    def release(self) -> bytes:
        """Whatever was kept back, because there is going to be a pause."""

    def cut(self, upcoming: Upcoming, size: int, *, terminates: bool = True) -> bytes:
        """Whatever was kept back, then `size` bytes of the body of what comes next.

        What comes next is the upcoming piece, or else the closing and, if it would be
        sent at all, the terminator. Nothing but `truncate` may be asked for afterwards.
        """

    def truncate(self) -> tuple[bytes, bytes]:
        """Bytes and last bytes of a body that ends too early, but cleanly."""


def deliver(reply: Reply, framing: Framing, *, stream: bool, wire: Wire) -> Delivery:
    """Choose how a reply leaves: once per call, so that a plain stream costs nothing.

    Raises:
        ScriptError: when the reply cannot be put on the connection like that.
    """
    if not stream:
        return WholeDelivery(reply, framing, media_type=wire.type)
    if wire == PLAIN:
        return StreamDelivery(reply, framing)
    return ShapedDelivery(reply, framing, wire)


PLAIN: Final = Wire()


class StreamDelivery:
    """Each piece leaves as soon as it is made."""

    __slots__ = ("_before", "_garble", "_is_right", "_reply", "framing")

    def __init__(self, reply: Reply, framing: Framing) -> None:
        """Take what is said and how HTTP wants it framed."""
        self.framing = framing
        self._reply = reply
        # What is wrong with a piece without bytes is wrong with the frame that brings
        # them: how that is to be changed, and what is to come before it.
        self._is_right = True
        self._garble: Garbling | None = None
        self._before = b""

    def open(self) -> bytes:
        """Head and opening frames."""
        head = self.framing.stream_head(self._headers())
        return head + self._part(self._reply.opening())

    def token(self, part: Part, text: str, garble: Garbling | None = None) -> bytes:
        """One piece of the answer, and what has to come before it."""
        if garble is None and self._is_right:
            # As `_part`, without a call more: this is where the time goes.
            frames = self._reply.token(part, text)
            return self.framing.part(frames) if frames else b""
        return self._frame(self._body(self._garbled(part, text, garble)))

    def release(self) -> bytes:
        """Nothing: nothing is kept back."""
        return b""

    def keepalive(self, text: str | None) -> bytes:
        """A comment, a ping or white space."""
        return self._part(self._reply.keepalive(text))

    def close(self) -> bytes:
        """Finish reason and usage."""
        return self._part(self._reply.closing())

    def terminate(self) -> bytes:
        """Terminal frame."""
        return self._part(self._reply.terminator())

    def end(self) -> bytes:
        """The last chunk."""
        return self.framing.end

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """An HTTP error is no stream."""
        return _failure(self._reply, self.framing, fail)

    def page(self, page: Page) -> tuple[bytes, bytes]:
        """Neither is a page."""
        return _page(self.framing, page)

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Error frame and terminal frame, inside a 200."""
        return 200, self._part(self._reply.stream_error(error)), self.framing.end

    def cut(self, upcoming: Upcoming, size: int, *, terminates: bool = True) -> bytes:
        """A chunk that ends in the middle of a frame."""
        return self._frame(self._body(self._next(upcoming, terminates))[:size])

    def truncate(self) -> tuple[bytes, bytes]:
        """The last chunk without what belongs before it."""
        return b"", self.framing.end

    def _headers(self) -> Headers:
        return self._reply.stream_headers()

    def _next(self, upcoming: Upcoming, terminates: bool) -> bytes:  # noqa: FBT001 -- passed on
        if upcoming is not None:
            return self._reply.token(*upcoming)
        return self._reply.closing() + (self._reply.terminator() if terminates else b"")

    def _garbled(self, part: Part, text: str, garble: Garbling | None) -> bytes:
        """Make a piece and what is wrong with it."""
        if garble is Garbling.EMPTY:
            self._before += self._reply.blank()
        elif garble is Garbling.UNKNOWN:
            self._before += self._reply.unknown()
        elif garble is not None:
            self._garble = garble
        frames = self._reply.token(part, text)
        self._is_right = bool(frames) or not (self._garble or self._before)
        if not frames:
            return b""
        garble, self._garble = self._garble, None
        if garble is Garbling.BAD_JSON:
            frames = break_frame(frames)
        elif garble is Garbling.DUPLICATE:
            frames = repeat_frame(frames, self._reply.syntax)
        return self._take_before() + frames

    def _take_before(self) -> bytes:
        before, self._before = self._before, b""
        return before

    def _body(self, frames: bytes) -> bytes:
        """Return frames as the bytes of the body that they are."""
        return frames

    def _frame(self, body: bytes) -> bytes:
        # An empty chunk would be the last one.
        return self.framing.part(body) if body else b""

    def _part(self, frames: bytes) -> bytes:
        return self._frame(self._body(self._take_before() + frames))


class ShapedDelivery(StreamDelivery):
    """The same stream with other line ends, comments and the like.

    Chunks are made bigger here; who makes them smaller, where each of them is a write,
    is the link.
    """

    __slots__ = ("_held", "_shape", "_wire")

    def __init__(self, reply: Reply, framing: Framing, wire: Wire) -> None:
        """Take what is said and what is to be made of it.

        Raises:
            ScriptError: when it cannot.
        """
        if wire.framing == "close":
            framing = Framing(chunked=False, keep_alive=False)
        super().__init__(reply, framing)
        self._wire = wire
        self._shape = Shape(wire, reply.syntax)
        # The frames of each token that waits for others, dressed; none for one without.
        self._held: list[bytes] = []

    def token(self, part: Part, text: str, garble: Garbling | None = None) -> bytes:
        """All tokens that were kept back, once there are enough."""
        # Dressed one by one, so that the last is no more work than any other.
        self._held.append(self._shape.dress(self._garbled(part, text, garble)))
        if len(self._held) < self._wire.coalesce:
            return b""
        return self._frame(self._release())

    def release(self) -> bytes:
        """All tokens that were kept back, though there are not enough."""
        return self._frame(self._release()) if self._held else b""

    def keepalive(self, text: str | None) -> bytes:
        """The same, between two frames; what is kept back stays so."""
        return self._frame(self._body(self._reply.keepalive(text)))

    def cut(self, upcoming: Upcoming, size: int, *, terminates: bool = True) -> bytes:
        """What was kept back, and a chunk that ends in the middle of a frame."""
        held = self._release()
        return self._frame(held + self._body(self._next(upcoming, terminates))[:size])

    def truncate(self) -> tuple[bytes, bytes]:
        """What was kept back, and the last chunk."""
        return self._part(b""), self.framing.end

    def _headers(self) -> Headers:
        return _retyped(super()._headers(), self._wire.type)

    def _release(self) -> bytes:
        body = self._shape.open(b"".join(self._held))
        self._held.clear()
        return body

    def _body(self, frames: bytes) -> bytes:
        return self._shape.open(self._shape.dress(frames))

    def _part(self, frames: bytes) -> bytes:
        held = self._release()
        return self._frame(held + self._body(self._take_before() + frames))


class WholeDelivery:
    """Nothing leaves before everything is said."""

    __slots__ = ("_garble", "_last", "_made", "_media_type", "_reply", "framing")

    def __init__(
        self, reply: Reply, framing: Framing, *, media_type: str | None = None
    ) -> None:
        """Take what is said, how HTTP wants it framed, and what to call it."""
        self.framing = framing
        self._reply = reply
        self._media_type = media_type
        self._made = 0
        self._garble: Garbling | None = None
        self._last = b""

    def open(self) -> bytes:
        """Nothing yet."""
        return b""

    def token(
        self,
        part: Part,  # noqa: ARG002 -- one signature
        text: str,  # noqa: ARG002 -- as above
        garble: Garbling | None = None,
    ) -> bytes:
        """Count it; the reply knows what it is."""
        self._made += 1
        self._garble = garble or self._garble
        return b""

    def release(self) -> bytes:
        """Nothing yet."""
        return b""

    def keepalive(self, text: str | None) -> bytes:  # noqa: ARG002 -- one signature
        """Nothing: there is no stream to keep alive."""
        return b""

    def close(self) -> bytes:
        """Nothing yet."""
        return b""

    def terminate(self) -> bytes:
        """Head and body but for its last byte."""
        first, self._last = self._response(200, self._body())
        return first

    def end(self) -> bytes:
        """The last byte of the body."""
        return self._last

    def fail(self, fail: Fail) -> tuple[bytes, bytes]:
        """The same as for a stream."""
        return _failure(self._reply, self.framing, fail)

    def page(self, page: Page) -> tuple[bytes, bytes]:
        """The same as for a stream."""
        return _page(self.framing, page)

    def fail_late(self, error: InStreamError) -> tuple[int, bytes, bytes]:
        """Answer with an HTTP error, since nothing has left yet."""
        status, body = self._reply.body_error(error)
        return status, *self._response(status, body)

    def cut(self, upcoming: Upcoming, size: int, *, terminates: bool = True) -> bytes:  # noqa: ARG002 -- one signature
        """Nothing: there are no frames to cut."""
        return b""

    def truncate(self) -> tuple[bytes, bytes]:
        """Answer with a body that stops behind the last token."""
        return self._response(200, self._reply.truncated_body(self._made))

    def _body(self) -> bytes:
        """Encode the answer; it is its one frame, so all that is wrong is in it."""
        body = self._reply.body()
        match self._garble:
            case Garbling.BAD_JSON:
                return break_frame(body)
            case Garbling.EMPTY:
                return b""
            case Garbling.DUPLICATE:
                return body + body
            case Garbling.UNKNOWN:
                return payload_of(self._reply.unknown(), self._reply.syntax)
        return body

    def _response(self, status: int, body: bytes) -> tuple[bytes, bytes]:
        headers = _retyped(self._reply.body_headers(), self._media_type)
        return _response(self.framing, status, headers, body)


def _failure(reply: Reply, framing: Framing, fail: Fail) -> tuple[bytes, bytes]:
    headers, body = reply.failure(fail)
    return _response(framing, fail.status, headers, body)


def _page(framing: Framing, page: Page) -> tuple[bytes, bytes]:
    headers = [("content-type", page.type)]
    if page.status not in BODILESS:
        return _response(framing, page.status, headers, page.text.encode())
    head = encode_head(page.status, [], keep_alive=framing.keep_alive)
    return head[:-1], head[-1:]


def _retyped(headers: Headers, media_type: str | None) -> Headers:
    """Call the content something else, if anything."""
    if media_type is None:
        return headers
    others = [field for field in headers if field[0] != "content-type"]
    return [("content-type", media_type), *others]


def _response(
    framing: Framing, status: int, headers: Headers, body: bytes
) -> tuple[bytes, bytes]:
    """Encode a response, its last byte apart."""
    whole = encode_response(status, headers, body, keep_alive=framing.keep_alive)
    return whole[:-1], whole[-1:]
