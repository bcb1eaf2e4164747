"""A client's request as the recorder sends it upstream.

Passed on as it was spelled, but for what belongs to the connection between client and
recorder, and two changes of ours:

- `host` names the upstream.
- `accept-encoding: identity`, whatever the client asked for: a compressed stream
  hides where its events end and what they say, so a cassette of it could neither be
  read nor searched for secrets.

Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..net.http1 import Request

__all__ = ["check", "encode_request", "forwarded_fields"]

# "Intermediaries MUST parse a received Connection header field before a message is
# forwarded and, for each connection-option in this field, remove any header or trailer
# field(s) from the message with the same name" (RFC 9110, 7.6.1,
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1); those listed there, and those
# that we answer ourselves.
_OURS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# Header fields that tell a fake what to do are none of the service's business.
_FAKES: Final = "x-fakes-"
_BODILESS: Final = frozenset({"GET", "HEAD", "DELETE", "OPTIONS", "TRACE"})


def check(request: Request) -> None:
    """Refuse what cannot be recorded.

    Raises:
        RequestError: naming what was expected instead.
    """
    if request.http_version != "1.1":
        raise RequestError(
            f"expected HTTP/1.1, got HTTP/{request.http_version}: the recorder passes "
            "responses on as they are, which an older client may not understand",
            status=505,
        )
    if request.method == "CONNECT" or not request.target.startswith("/"):
        got = f"{request.method} {request.target[:80]}"
        raise RequestError(
            f"expected a path, got {got!r}: the recorder is no forward proxy, make it "
            "the base URL of the SDK"
        )


def forwarded_fields(request: Request, host: str) -> tuple[tuple[str, str], ...]:
    """Return the header fields that the upstream gets; `host` comes first."""
    return tuple(_fields(request, host))


def encode_request(
    request: Request, fields: tuple[tuple[str, str], ...], prefix: str
) -> bytes:
    """Encode the whole request; `prefix` is the path of the upstream's URL."""
    lines = [f"{request.method} {prefix}{request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + request.body


def _fields(request: Request, host: str) -> Iterator[tuple[str, str]]:
    options = {
        option.strip().lower()
        for name, value in request.fields
        if name.lower() == "connection"
        for option in value.split(",")
    }
    yield "host", host
    for name, value in request.fields:
        lower = name.lower()
        is_dropped = lower in _OURS or lower in options or lower.startswith(_FAKES)
        if not is_dropped:
            yield name, value
    yield "accept-encoding", "identity"
    # Told as the client told it: the response says the same in return.
    kept = [option for option in ("close", "keep-alive") if option in options]
    if kept:
        yield "connection", kept[0]
    if request.body or request.method not in _BODILESS:
        yield "content-length", str(len(request.body))
