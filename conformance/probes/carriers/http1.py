"""HTTP/1 on the client's side: request bytes out, response bytes in.

Must not do I/O or read a clock. Requests are written here and not by h11, which writes
no HTTP/1.0 and refuses header values that a probe sends on purpose; responses are read
by h11.

Retained between calls: the bytes of an incomplete head, at most `MAX_HEAD_BYTES`, and
h11's own buffer, which is bounded by the same number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import h11

from ...model import CREDENTIAL, Request
from ...wire import EndingKind

MAX_HEAD_BYTES = 64 * 1024
"""Everything before the body, interim responses included. Servers accept 8 to 64 KiB of
request head; a response head beyond that is an attack or a mistake."""

_TOO_LARGE = f"expected a response head of at most {MAX_HEAD_BYTES} bytes, got more"

_BYTEARRAY = re.compile(r"""bytearray\(b(".*"|'.*')\)""")
"""How h11 quotes what it has read; the quotes alone say as much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of the final response; `raw` are its bytes as received."""

    http_version: str
    status: int
    reason: str
    raw: bytes
    headers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Body:
    """Body bytes, after transfer decoding."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """The response is over: complete (`CLEAN`), or broken the way `kind` says."""

    kind: EndingKind
    detail: str = ""


def encode_request(
    request: Request, *, authority: str, credential: str, http_version: str = "1.1"
) -> bytes:
    """Return the bytes of a request, the credential in its place.

    Path and headers are written as they are: what a probe garbles on purpose stays so.
    """
    path = request.path.replace(CREDENTIAL, credential)
    lines = [f"{request.method} {path} HTTP/{http_version}", f"Host: {authority}"]
    lines += [
        f"{name}: {value.replace(CREDENTIAL, credential)}"
        for name, value in request.headers
    ]
    if request.body or request.method == "POST":
        lines.append(f"Content-Length: {len(request.body)}")
    head = "\r\n".join([*lines, "", ""])
    # A token out of the environment may hold bytes that are no UTF-8.
    return head.encode(errors="surrogateescape") + request.body


class ResponseReader:
    """Reads the response to one request.

    Args:
        method: of the request; the answer to HEAD has no body, whatever it says.
    """

    def __init__(self, method: str) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        # h11 reads a response only as the answer to a request that it has seen; this
        # stand-in has all that the reading depends on.
        self._h11.send(h11.Request(method=method, target="/", headers=[("Host", "-")]))
        self._h11.send(h11.EndOfMessage())
        self._head = bytearray()
        self._head_bytes = 0
        self._has_head = False
        self._is_over = False

    @property
    def has_head(self) -> bool:
        """Tell whether the final response's head is complete."""
        return self._has_head

    def feed(self, data: bytes) -> list[Head | Body | End]:
        """Take received bytes; return what they complete, body bytes as one piece."""
        if self._is_over:
            return []
        if not self._has_head:
            self._head += data
        found = self._read(data)
        if not self._has_head and self._head_bytes + len(self._head) > MAX_HEAD_BYTES:
            found.append(self._end(EndingKind.LIMIT, _TOO_LARGE))
        return found

    def close(self) -> list[Head | Body | End]:
        """Take the end of the connection; it completes a response without length."""
        if self._is_over:
            return []
        if self._has_head:
            return self._read(b"")
        got = len(self._head)
        detail = f"after {got} bytes of the response head" if got else "no response"
        return [self._end(EndingKind.PREMATURE_EOF, detail)]

    def _read(self, data: bytes) -> list[Head | Body | End]:
        found: list[Head | Body | End] = []
        pieces: list[bytes] = []
        try:
            self._h11.receive_data(data)
            while not self._is_over:
                event = self._h11.next_event()
                match event:
                    case h11.InformationalResponse():
                        self._take_head()
                    case h11.Response():
                        self._has_head = True
                        found.append(_head(event, self._take_head()))
                    case h11.Data():
                        pieces.append(bytes(event.data))
                    case h11.EndOfMessage():
                        end = self._end(EndingKind.CLEAN, self._surplus())
                    case _:
                        break
        except h11.RemoteProtocolError as problem:
            end = self._end(*self._error(data, str(problem)))
        if pieces:
            found.append(Body(b"".join(pieces)))
        if self._is_over:
            found.append(end)
        return found

    def _error(self, data: bytes, words: str) -> tuple[EndingKind, str]:
        if not data:
            return EndingKind.PREMATURE_EOF, words
        if not self._has_head and len(self._head) > MAX_HEAD_BYTES:
            return EndingKind.LIMIT, _TOO_LARGE
        return EndingKind.PROTOCOL_ERROR, _BYTEARRAY.sub(r"\1", words)

    def _surplus(self) -> str:
        surplus = len(self._h11.trailing_data[0])
        return f"{surplus} bytes came after the end of the response" if surplus else ""

    def _end(self, kind: EndingKind, detail: str) -> End:
        self._is_over = True
        return End(kind, detail)

    def _take_head(self) -> bytes:
        """Cut off and return the bytes of the head that h11 has just read."""
        size = len(self._head) - len(self._h11.trailing_data[0])
        raw = bytes(self._head[:size])
        del self._head[:size]
        self._head_bytes += size
        return raw


def _head(response: h11.Response, raw: bytes) -> Head:
    return Head(
        http_version=response.http_version.decode("ascii"),
        status=response.status_code,
        reason=response.reason.decode("latin-1"),
        raw=raw,
        headers=tuple(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.headers.raw_items()
        ),
    )
