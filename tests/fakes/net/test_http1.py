"""`net.http1`: requests from bytes in any pieces, responses to exact bytes."""

from __future__ import annotations

import tracemalloc

import pytest

from streamproof.fakes.errors import RequestError
from streamproof.fakes.net.http1 import (
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    Framing,
    Request,
    RequestReader,
    encode_response,
)

POST = b"POST /a?b=1&c= HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
CHUNKED = (
    b"POST /a?b=1&c= HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
)
GET = b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n"


def read(*pieces: bytes) -> Request:
    reader = RequestReader()
    for piece in pieces:
        reader.feed(piece)
        request = reader.next_request()
    assert request is not None
    return request


@pytest.mark.parametrize("data", [POST, CHUNKED], ids=["length", "chunked"])
def test_a_request_is_the_same_in_any_pieces(data: bytes) -> None:
    whole = read(data)
    splits = [read(data[:at], data[at:]) for at in range(1, len(data))]
    one_by_one = read(*(data[at : at + 1] for at in range(len(data))))

    assert (whole.method, whole.path, whole.body) == ("POST", "/a", b"abc")
    assert whole.query == {"b": "1", "c": ""}
    assert whole.keep_alive
    assert all(request == whole for request in [*splits, one_by_one])


def test_pipelined_requests_come_one_at_a_time() -> None:
    reader = RequestReader()
    reader.feed(POST + GET + GET[:9])
    first, second = reader.next_request(), reader.next_request()

    assert first is not None
    assert first.path == "/a"
    assert second is not None
    assert second.path == "/next"
    assert reader.next_request() is None
    assert not reader.is_idle


def test_a_reader_is_idle_between_requests_only() -> None:
    reader = RequestReader()
    idle = [reader.is_idle]
    reader.feed(GET[:5])
    idle.append(reader.is_idle)
    reader.next_request()
    idle.append(reader.is_idle)
    reader.feed(GET[5:])
    reader.next_request()
    idle.append(reader.is_idle)

    assert idle == [True, False, False, True]


@pytest.mark.parametrize(
    ("head", "keep_alive"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Close\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nHost: x\r\nConnection: te, close\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\n\r\n", False),
        (b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", False),
    ],
)
def test_a_connection_is_kept_when_the_client_lets_us(
    head: bytes, *, keep_alive: bool
) -> None:
    assert read(head).keep_alive is keep_alive


def test_a_client_that_waits_for_continue_is_noticed() -> None:
    reader = RequestReader()
    reader.feed(
        b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        b"Content-Length: 1\r\n\r\n"
    )

    assert reader.next_request() is None
    assert reader.wants_continue


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00 this is TLS\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * MAX_HEAD_BYTES, 431),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n"
            + b"a" * (MAX_BODY_BYTES + 1),
            413,
        ),
    ],
    ids=["tls", "no host", "target", "endless head", "endless body"],
)
def test_what_is_no_request_is_refused_with_a_status(data: bytes, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        read(data)

    assert caught.value.status == status


def test_a_known_body_is_encoded_with_its_length() -> None:
    data = encode_response(429, [("retry-after", "1")], b"{}", keep_alive=True)

    assert data == (
        b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\n"
        b"connection: keep-alive\r\n\r\n{}"
    )


def test_a_status_without_a_name_has_an_empty_phrase() -> None:
    data = encode_response(529, [], b"", keep_alive=False)

    assert data.startswith(b"HTTP/1.1 529 \r\n")
    assert b"connection: close" in data


def test_a_stream_is_chunked_for_http_1_1() -> None:
    framing = Framing.of(read(GET))

    assert framing.stream_head([]).endswith(
        b"transfer-encoding: chunked\r\nconnection: keep-alive\r\n\r\n"
    )
    assert framing.part(b"x" * 26) == b"1a\r\n" + b"x" * 26 + b"\r\n"
    assert framing.end == b"0\r\n\r\n"


def test_a_stream_ends_with_the_connection_for_http_1_0() -> None:
    framing = Framing.of(read(b"GET / HTTP/1.0\r\n\r\n"))

    assert b"transfer-encoding" not in framing.stream_head([])
    assert framing.part(b"x") == b"x"
    assert framing.end == b""
    assert not framing.keep_alive


CHUNKED_HEAD = b"POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"


def test_very_many_chunks_are_read_some_at_a_time() -> None:
    reader = RequestReader()
    reader.feed(CHUNKED_HEAD + b"1\r\na\r\n" * 1000 + b"0\r\n\r\n")
    turns = [reader.next_request()]
    while reader.is_behind:
        turns.append(reader.next_request())

    *before, request = turns
    assert before == [None] * 3
    assert request is not None
    assert request.body == b"a" * 1000


def test_a_body_in_small_chunks_takes_no_more_room_than_its_bytes() -> None:
    reader = RequestReader()
    tracemalloc.start()
    reader.feed(CHUNKED_HEAD)
    for _ in range(200):
        reader.feed(b"1\r\na\r\n" * 100)
        reader.next_request()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 5 * 20_000


@pytest.mark.parametrize("step", [1000, 100_000])
def test_a_head_is_too_long_however_it_comes(step: int) -> None:
    head = b"GET / HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 70_000 + b"\r\n\r\n"
    with pytest.raises(RequestError) as caught:
        read(*(head[at : at + step] for at in range(0, len(head), step)))

    assert caught.value.status == 431


@pytest.mark.parametrize("before", [b"\r\n", b"\n", b"\r\n\r\n"], ids=repr)
def test_empty_lines_before_a_request_are_ignored(before: bytes) -> None:
    data = before + POST
    whole = read(POST)
    splits = [read(data[:at], data[at:]) for at in range(1, len(data))]

    assert all(request == whole for request in [read(data), *splits])


def test_an_empty_line_between_requests_is_none_of_the_next() -> None:
    reader = RequestReader()
    reader.feed(POST + b"\r\n")
    first = reader.next_request()
    is_idle = reader.is_idle
    reader.feed(b"\r\n" + GET)
    second = reader.next_request()

    assert first is not None
    assert is_idle
    assert second is not None
    assert second.path == "/next"


def test_an_empty_line_inside_a_head_still_ends_it() -> None:
    reader = RequestReader()
    reader.feed(b"GET /next HTTP/1.1\r\nHost: x\r\n")
    assert reader.next_request() is None
    reader.feed(b"\r\n")

    assert reader.next_request() is not None


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"http://api.example/v1/models?a=1", "/v1/models", {"a": "1"}),
        (b"HTTPS://api.example:443/v1/models", "/v1/models", {}),
        (b"http://api.example", "/", {}),
        (b"http://api.example?a=1", "/", {"a": "1"}),
        (b"//v1/models", "//v1/models", {}),
        (b"/a/http://b/c?d=/e", "/a/http://b/c", {"d": "/e"}),
        (b"*", "*", {}),
    ],
)
def test_a_target_is_a_path_or_a_whole_url(
    target: bytes, path: str, query: dict[str, str]
) -> None:
    request = read(GET.replace(b"/next", target))

    assert (request.path, request.query) == (path, query)
    assert request.target == target.decode()
