"""`recording.forwarding`: what goes upstream, and what stays here."""

from __future__ import annotations

import pytest

from streamproof.fakes.errors import RequestError
from streamproof.fakes.net.http1 import Request, RequestReader
from streamproof.fakes.recording.forwarding import (
    check,
    encode_request,
    forwarded_fields,
)


def request_of(data: bytes) -> Request:
    reader = RequestReader()
    reader.feed(data)
    request = reader.next_request()
    assert request is not None
    return request


def forwarded(data: bytes, prefix: str = "") -> bytes:
    request = request_of(data)
    check(request)
    return encode_request(request, forwarded_fields(request, "api.example.com"), prefix)


def test_a_request_goes_on_as_it_was_spelled() -> None:
    assert forwarded(
        b"POST /v1/a%2Fb?x=1&x=2 HTTP/1.1\r\n"
        b"Host: 127.0.0.1:9001\r\n"
        b"X-Stainless-Lang: python\r\n"
        b"Accept-Encoding: gzip, deflate\r\n"
        b"x-twice: 1\r\n"
        b"X-Twice: \xe4\r\n"
        b"Connection: keep-alive\r\n"
        b"Content-Length: 2\r\n\r\n{}",
        prefix="/api",
    ) == (
        b"POST /api/v1/a%2Fb?x=1&x=2 HTTP/1.1\r\n"
        b"host: api.example.com\r\n"
        b"X-Stainless-Lang: python\r\n"
        b"x-twice: 1\r\n"
        b"X-Twice: \xe4\r\n"
        b"accept-encoding: identity\r\n"
        b"connection: keep-alive\r\n"
        b"content-length: 2\r\n\r\n{}"
    )


def test_what_is_between_client_and_recorder_stays_there() -> None:
    assert forwarded(
        b"POST / HTTP/1.1\r\n"
        b"Host: x\r\n"
        b"Connection: X-Hop, close\r\n"
        b"X-Hop: 1\r\n"
        b"Proxy-Authorization: Basic YTpi\r\n"
        b"X-Fakes-Key: k\r\n"
        b"TE: trailers\r\n"
        b"Expect: 100-continue\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
    ) == (
        b"POST / HTTP/1.1\r\n"
        b"host: api.example.com\r\n"
        b"accept-encoding: identity\r\n"
        b"connection: close\r\n"
        b"content-length: 2\r\n\r\nhi"
    )


@pytest.mark.parametrize(
    ("method", "told"), [("GET", False), ("DELETE", False), ("POST", True)]
)
def test_an_empty_body_is_told_where_a_body_is_usual(
    method: str, *, told: bool
) -> None:
    data = forwarded(f"{method} / HTTP/1.1\r\nhost: x\r\n\r\n".encode())

    assert (b"content-length: 0" in data) is told


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.0\r\nhost: x\r\n\r\n", 505),
        (b"GET http://api.openai.com/v1 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"CONNECT api.openai.com:443 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
        (b"CONNECT / HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_recorded_is_refused(data: bytes, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        check(request_of(data))

    assert caught.value.status == status
