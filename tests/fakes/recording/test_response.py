"""`recording.response`: where a response's head and body end, however it came."""

from __future__ import annotations

import pytest

from streamproof.fakes.recording.errors import UpstreamError
from streamproof.fakes.recording.response import (
    Head,
    Progress,
    ResponseReader,
    body_ranges,
)

LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    b"2\r\nhe\r\n3;note=1\r\nllo\r\n0\r\ntrailer: x\r\n\r\n"
)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"
CLOSED = b"HTTP/1.1 200 OK\r\n\r\nhello"
OLD = b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"

WHOLE = [LENGTH, CHUNKED, INTERIM + CHUNKED]


def body_of(response: bytes, head: Head) -> bytes:
    return b"".join(response[start:end] for start, end in body_ranges(response, head))


def pieces_of(data: bytes, size: int) -> list[bytes]:
    return [data[place : place + size] for place in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("response", WHOLE)
def test_a_response_is_over_with_its_last_byte(response: bytes, size: int) -> None:
    reader = ResponseReader("POST")
    for piece in pieces_of(response, size):
        assert reader.progress is not Progress.COMPLETE
        assert reader.feed(piece) == piece

    assert reader.progress is Progress.COMPLETE
    assert reader.keeps_alive
    assert reader.head is not None
    assert reader.head.status == 200
    assert body_of(response, reader.head) == b"hello"


@pytest.mark.parametrize("response", WHOLE)
def test_what_comes_behind_a_response_is_not_its_own(response: bytes) -> None:
    reader = ResponseReader("POST")

    assert reader.feed(response + b"HTTP/1.1 500 More\r\n") == response
    assert reader.progress is Progress.COMPLETE


def test_a_body_may_last_until_the_connection_ends() -> None:
    reader = ResponseReader("GET")
    reader.feed(CLOSED)

    assert reader.progress is Progress.BODY
    assert reader.close()
    assert not reader.keeps_alive


@pytest.mark.parametrize("response", [LENGTH, CHUNKED])
def test_a_connection_that_ends_too_early_ends_no_body(response: bytes) -> None:
    reader = ResponseReader("GET")
    reader.feed(response[:-1])

    assert not reader.close()


@pytest.mark.parametrize(
    "response", [OLD, LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]
)
def test_a_response_may_ask_for_the_connection_to_be_closed(response: bytes) -> None:
    reader = ResponseReader("GET")
    reader.feed(response)

    assert reader.progress is Progress.COMPLETE
    assert not reader.keeps_alive


def test_a_response_to_head_has_no_body() -> None:
    reader = ResponseReader("HEAD")
    reader.feed(LENGTH.removesuffix(b"hello"))

    assert reader.progress is Progress.COMPLETE


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x50\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
    ],
)
def test_what_is_no_response_is_an_error(garbage: bytes) -> None:
    with pytest.raises(UpstreamError, match=r"expected an HTTP/1\.1 response, got "):
        ResponseReader("GET").feed(garbage)


def test_a_connection_without_a_head_is_an_error() -> None:
    reader = ResponseReader("GET")
    reader.feed(INTERIM + b"HTTP/1.1 200 OK\r\n")

    with pytest.raises(UpstreamError, match="got the connection's end"):
        reader.close()


def test_a_body_that_breaks_its_framing_goes_on_to_the_connections_end() -> None:
    reader = ResponseReader("GET")
    response = CHUNKED.replace(b"3;note=1", b"three")

    assert reader.feed(response) == response
    assert reader.progress is Progress.BROKEN
    assert reader.feed(b"anything") == b"anything"
    assert not reader.close()
    assert reader.head is not None
    assert body_of(response, reader.head) == (
        b"he" + response[response.index(b"three") :]
    )


def test_fields_of_one_name_are_joined() -> None:
    head = Head(status=200, fields=(("vary", "a"), ("x", "y"), ("vary", "b")), size=0)

    assert head.field("vary") == "a, b"
    assert head.field("age") == ""


@pytest.mark.parametrize("size", [b"-2", b"0x2", b"2_0", b"", b"zz"])
def test_a_chunk_size_is_nothing_but_digits(size: bytes) -> None:
    head = Head(status=200, fields=(("transfer-encoding", "chunked"),), size=0)
    response = size + b"\r\nhe\r\n"

    assert list(body_ranges(response, head)) == [(0, len(response))]


def test_a_chunk_that_was_cut_off_is_a_piece_as_far_as_it_goes() -> None:
    head = Head(status=200, fields=(("transfer-encoding", "chunked"),), size=0)

    assert list(body_ranges(b"5\r\nhel", head)) == [(3, 6)]
