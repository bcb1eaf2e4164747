"""Requests as bytes, responses read in any cut."""

import pytest

from streamproof.conformance.model import Request
from streamproof.conformance.probes.carriers.http1 import (
    Body,
    End,
    Head,
    ResponseReader,
    encode_request,
)
from streamproof.conformance.wire import EndingKind

RESPONSE = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n"
    b"3;ext=1\r\nabc\r\n0002\r\nde\r\n0\r\nX-T: 1\r\n\r\n"
)


def feed(
    pieces: list[bytes], method: str = "GET", *, closes: bool = False
) -> list[Head | Body | End]:
    reader = ResponseReader(method)
    found = [each for piece in pieces for each in reader.feed(piece)]
    return found + (reader.close() if closes else [])


def body_of(found: list[Head | Body | End]) -> bytes:
    return b"".join(each.data for each in found if isinstance(each, Body))


def test_a_response_in_one_piece_is_head_body_and_end() -> None:
    head, body, end = feed([RESPONSE])

    assert isinstance(head, Head)
    assert head.raw == RESPONSE[: RESPONSE.index(b"3;ext")]
    assert (head.http_version, head.status, head.reason) == ("1.1", 200, "OK")
    assert body == Body(b"abcde")
    assert end == End(EndingKind.CLEAN)


@pytest.mark.parametrize("cut", range(1, len(RESPONSE)))
def test_a_response_reads_the_same_wherever_it_is_cut(cut: int) -> None:
    found = feed([RESPONSE[:cut], RESPONSE[cut:]])

    assert found[0] == feed([RESPONSE])[0]
    assert body_of(found) == b"abcde"
    assert found[-1] == End(EndingKind.CLEAN)


def test_a_response_reads_the_same_byte_by_byte() -> None:
    found = feed([bytes([byte]) for byte in RESPONSE])

    assert found[0] == feed([RESPONSE])[0]
    assert body_of(found) == b"abcde"
    assert found[-1] == End(EndingKind.CLEAN)


def test_the_answer_to_head_has_no_body_whatever_it_says() -> None:
    found = feed([b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"], "HEAD")

    assert found[-1] == End(EndingKind.CLEAN)


def test_an_answer_without_content_has_no_body() -> None:
    found = feed([b"HTTP/1.1 204 No Content\r\n\r\n"])

    assert found[-1] == End(EndingKind.CLEAN)


def test_nothing_is_read_after_the_end() -> None:
    reader = ResponseReader("GET")
    reader.feed(RESPONSE)

    assert reader.feed(b"more") == []
    assert reader.close() == []


def test_lines_that_end_in_lf_alone_are_read_as_h11_does() -> None:
    found = feed([b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"])

    assert body_of(found) == b"x"


@pytest.mark.parametrize(
    ("response", "detail"),
    [
        (b"no HTTP at all\r\n\r\n", "illegal status line: 'no HTTP at all'"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhat \xff\r\n",
            r"illegal chunk header: 'what \xff\r\n'",
        ),
    ],
)
def test_what_is_no_http_is_quoted_without_types_of_python(
    response: bytes, detail: str
) -> None:
    assert feed([response])[-1] == End(EndingKind.PROTOCOL_ERROR, detail)


def test_a_head_just_within_the_limit_is_read() -> None:
    fixed = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: \r\n\r\n"
    padded = fixed.replace(b"X: ", b"X: " + b"a" * (64 * 1024 - len(fixed)))

    assert feed([padded])[-1] == End(EndingKind.CLEAN)


def test_a_get_request_has_no_content_length() -> None:
    request = Request(method="GET", path="/a")

    assert encode_request(request, authority="h", credential="") == (
        b"GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    )


def test_a_post_request_without_body_says_so() -> None:
    request = Request(method="POST", path="/a")

    encoded = encode_request(request, authority="h", credential="")

    assert b"Content-Length: 0\r\n" in encoded


def test_a_header_beyond_ascii_is_written_as_utf_8() -> None:
    request = Request(method="GET", path="/", headers=(("Last-Event-ID", "é☃"),))

    encoded = encode_request(request, authority="h", credential="")

    assert "Last-Event-ID: é☃\r\n".encode() in encoded


def test_a_token_that_is_no_utf_8_is_written_as_its_bytes() -> None:
    token = b"\xff\xfe".decode(errors="surrogateescape")
    request = Request(method="GET", path="/", headers=(("X-Key", "$TOKEN"),))

    assert b"X-Key: \xff\xfe\r\n" in encode_request(
        request, authority="h", credential=token
    )
