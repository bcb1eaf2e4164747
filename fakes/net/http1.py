"""HTTP/1.1 as bytes: requests in, responses out.

Requests are read by h11; responses are written here, because they must be cut at
exact bytes and pushed fast, which h11's bookkeeping is not for. Pure: the shell
feeds bytes and writes what it is given.

Retained between calls: one incomplete request, at most `MAX_HEAD_BYTES` +
`MAX_BODY_BYTES`, and whatever the shell fed behind it (the shell stops reading at
`MAX_BUFFERED_BYTES`).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

import h11

from ..errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Framing", "Request", "RequestReader", "encode_head", "encode_response"]

# Four times what Node, nginx and h11 allow by default; SDKs send under 2 KiB.
MAX_HEAD_BYTES: Final = 64 * 1024
# A prompt of a million words is about 6 MB; the real service refuses before that.
MAX_BODY_BYTES: Final = 8 * 1024 * 1024
MAX_BUFFERED_BYTES: Final = MAX_HEAD_BYTES + MAX_BODY_BYTES

# Chunks of a body that are read at once, which takes 6 ms: there may be millions.
SLICE: Final = 256

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNK: Final = b"%x\r\n%b\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One whole request."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    http_version: str
    keep_alive: bool
    # As the client spelled them, for the recorder; empty if it never was bytes.
    target: str = ""
    fields: tuple[tuple[str, str], ...] = ()


class RequestReader:
    """Bytes of one connection to requests, one at a time."""

    def __init__(self) -> None:
        """Start at the beginning of a connection."""
        self._later = bytearray()
        self._head: h11.Request | None
        self._body: bytearray
        # Whether there is more to be read of what was fed.
        self.is_behind = False
        self._start_afresh()

    @property
    def is_idle(self) -> bool:
        """True between requests: nothing of the next one has arrived."""
        return not self._has_begun and not self._later

    @property
    def buffered(self) -> int:
        """Bytes fed and not yet looked at."""
        return len(self._later)

    @property
    def wants_continue(self) -> bool:
        """True when the client waits for `100 Continue` before its body."""
        return self._parser.they_are_waiting_for_100_continue

    def feed(self, data: bytes) -> None:
        """Take bytes as they came; nothing is parsed yet.

        "a server that is expecting to receive and parse a request-line SHOULD ignore at
        least one empty line (CRLF) received prior to the request-line" (RFC 9112, 2.2,
        https://www.rfc-editor.org/rfc/rfc9112#section-2.2); all of them are ignored.
        """
        self._later += data.lstrip(b"\r\n") if self.is_idle else data

    def next_request(self) -> Request | None:
        """Return the next whole request, None while it is incomplete.

        Also None, and `is_behind`, if there is much to read: ask again in another turn.

        Raises:
            RequestError: the peer does not speak HTTP/1.1, or says too much.
        """
        if self._later:
            self._parser.receive_data(bytes(self._later))
            self._later.clear()
            self._has_begun = True
        try:
            return self._parse()
        except h11.RemoteProtocolError as error:
            raise RequestError(
                f"expected an HTTP/1.1 request, got {error}",
                status=error.error_status_hint,
            ) from error

    def _parse(self) -> Request | None:
        self.is_behind = False
        for _ in range(SLICE):
            event = self._parser.next_event()
            if isinstance(event, h11.Request):
                self._head = _bounded(event)
            elif isinstance(event, h11.Data):
                self._take_body(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return self._complete()
            else:
                return None
        self.is_behind = True
        return None

    def _take_body(self, data: bytes | bytearray) -> None:
        if len(self._body) + len(data) > MAX_BODY_BYTES:
            raise RequestError(
                f"expected a body of at most {MAX_BODY_BYTES} bytes, got more",
                status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            )
        self._body += data

    def _complete(self) -> Request:
        head, body = self._head, bytes(self._body)
        if head is None:  # pragma: no cover -- h11 gives a request first
            raise RequestError("expected a request line")
        trailing, _ = self._parser.trailing_data
        self._start_afresh()
        self.feed(trailing)
        return _request_of(head, body)

    def _start_afresh(self) -> None:
        self._parser = h11.Connection(
            h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES
        )
        self._head = None
        self._body = bytearray()
        self._has_begun = False


def _bounded(head: h11.Request) -> h11.Request:
    """Refuse a head that is too long: h11 does so only while it is incomplete."""
    size = len(head.target) + sum(len(n) + len(value) for n, value in head.headers)
    if size > MAX_HEAD_BYTES:
        raise RequestError(
            f"expected a head of at most {MAX_HEAD_BYTES} bytes, got more",
            status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        )
    return head


def _request_of(head: h11.Request, body: bytes) -> Request:
    try:
        target = _split(head.target.decode("ascii"))
    except ValueError as error:
        raise RequestError(f"expected a request target, got {head.target!r}") from error
    headers = {
        name.decode("ascii"): value.decode("latin-1") for name, value in head.headers
    }
    method = head.method.decode("ascii")
    version = head.http_version.decode("ascii")
    options = {
        part.strip().lower() for part in headers.get("connection", "").split(",")
    }
    return Request(
        method=method,
        path=unquote(target.path),
        query=dict(parse_qsl(target.query, keep_blank_values=True)),
        headers=headers,
        body=body,
        http_version=version,
        # A HEAD is refused with a body, which must not pass for the next response.
        keep_alive="close" not in options and version == "1.1" and method != "HEAD",
        target=head.target.decode("ascii"),
        fields=tuple(
            (name.decode("ascii"), value.decode("latin-1"))
            for name, value in head.headers.raw_items()
        ),
    )


def _split(target: str) -> SplitResult:
    """Take a request target apart: a path, or a whole URL.

    "a server MUST accept the absolute-form in requests even though most HTTP/1.1
    clients will only send the absolute-form to a proxy" (RFC 9112, 3.2.2,
    https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2).
    """
    if target.startswith("/"):
        # Without a host before it, `//v1/models` would be a path on the host `v1`.
        return urlsplit(f"http://fakes{target}")
    parts = urlsplit(target)
    is_url = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return parts._replace(path=parts.path or "/") if is_url else parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """How one connection wants its responses: chunked or not, kept or closed."""

    chunked: bool
    keep_alive: bool

    @classmethod
    def of(cls, request: Request) -> Framing:
        """Choose for the version the request was made in."""
        return cls(chunked=request.http_version == "1.1", keep_alive=request.keep_alive)

    def stream_head(self, headers: Iterable[tuple[str, str]]) -> bytes:
        """Encode the head of a 200 whose length is not known."""
        extra = [("transfer-encoding", "chunked")] if self.chunked else []
        return encode_head(200, [*headers, *extra], keep_alive=self.keep_alive)

    def part(self, data: bytes) -> bytes:
        """Frame a piece of a body whose length is not known."""
        if not self.chunked:
            return data
        return CHUNK % (len(data), data)

    @property
    def end(self) -> bytes:
        """What ends such a body; nothing when the connection's end does."""
        return LAST_CHUNK if self.chunked else b""


def encode_head(
    status: int, headers: Iterable[tuple[str, str]], *, keep_alive: bool
) -> bytes:
    """Encode status line and header fields."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"connection: {'keep-alive' if keep_alive else 'close'}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def encode_response(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    keep_alive: bool,
) -> bytes:
    """Encode a response whose body is known."""
    length = [("content-length", str(len(body)))]
    return encode_head(status, [*headers, *length], keep_alive=keep_alive) + body
