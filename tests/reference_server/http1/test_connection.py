"""What the server's end of a connection reads, however the bytes are cut."""

from __future__ import annotations

import h11
import pytest

from streamproof.reference_server.http1.connection import ServerConnection

GET = b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n"
ANSWER = (
    h11.Response(status_code=200, headers=[("content-length", "0")]),
    h11.EndOfMessage(),
)
BOUND = 64 * 1024


def read(connection: ServerConnection, *pieces: bytes) -> list[object]:
    """Feed the pieces one by one and return all events."""
    events: list[object] = []
    for piece in pieces:
        connection.receive_data(piece)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            events.append(event)
    return events


def answer(connection: ServerConnection) -> None:
    for event in ANSWER:
        connection.send(event)


def requests(events: list[object]) -> list[tuple[bytes, bytes]]:
    return [(e.method, e.target) for e in events if isinstance(e, h11.Request)]


def letters(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


EMPTY_LINES = [b"\r\n", b"\n", b"\r\n\r\n\n\r\n", b"\r\n" * 5000]


@pytest.mark.parametrize("empty", EMPTY_LINES)
def test_empty_lines_before_a_request_are_skipped(empty: bytes) -> None:
    whole = read(ServerConnection(BOUND), empty + GET)
    cut = read(ServerConnection(BOUND), *letters(empty[-20:] + GET))

    assert requests(whole) == requests(cut) == [(b"GET", b"/a")]


def test_a_line_end_behind_a_request_is_no_part_of_the_next() -> None:
    connection = ServerConnection(BOUND)

    first = read(connection, GET + b"\r\n", b"\r")
    answer(connection)
    connection.start_next_cycle()
    second = read(connection, b"\n" + GET)

    assert requests(first) == requests(second) == [(b"GET", b"/a")]


@pytest.mark.parametrize("start", [b"\r", b"\r\r\n", b"\0", b"\r\n \r\n", b"\x16\x03"])
def test_what_is_no_empty_line_is_refused(start: bytes) -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(ServerConnection(BOUND), start, GET)


def test_a_url_as_target_is_a_path_and_its_host_counts() -> None:
    head = GET.replace(b"/a", b"http://other:8/a?b")
    request = read(ServerConnection(BOUND), head)[0]

    assert isinstance(request, h11.Request)
    assert request.target == b"/a?b"
    assert list(request.headers) == [(b"host", b"other:8")]


def test_a_target_without_a_form_is_no_http() -> None:
    with pytest.raises(h11.RemoteProtocolError):
        read(ServerConnection(BOUND), b"GET a HTTP/1.1\r\nhost: h\r\n\r\n")


def test_requests_behind_one_that_is_not_answered_wait_for_their_turn() -> None:
    connection = ServerConnection(BOUND)
    found = requests(read(connection, GET + GET.replace(b"/a", b"/b"), GET[:9]))
    for piece in (b"", GET[9:]):
        answer(connection)
        connection.start_next_cycle()
        found += requests(read(connection, piece) if piece else read_rest(connection))

    assert found == [(b"GET", b"/a"), (b"GET", b"/b"), (b"GET", b"/a")]
    assert not connection.has_dropped


def read_rest(connection: ServerConnection) -> list[object]:
    events: list[object] = []
    while (event := connection.next_event()) is not h11.NEED_DATA:
        events.append(event)
    return events


def test_no_more_than_the_bound_is_kept_behind_a_request() -> None:
    connection = ServerConnection(BOUND)

    read(connection, GET, b"x" * BOUND)
    kept = len(connection.trailing_data[0]), connection.has_dropped
    read(connection, b"x", b"x" * 1_000_000)

    assert kept == (BOUND, False)
    assert len(connection.trailing_data[0]) == BOUND
    assert connection.has_dropped


def test_after_a_hole_nothing_is_kept() -> None:
    connection = ServerConnection(BOUND)

    read(connection, GET, b"x" * (BOUND + 1), GET)

    assert connection.trailing_data[0] == b""


LAST = [
    b"GET /a HTTP/1.0\r\n\r\n",
    b"GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n",
]


@pytest.mark.parametrize("last", LAST)
@pytest.mark.parametrize("more", [b"\r\n", GET, b"\0"])
def test_what_follows_a_last_request_is_not_looked_at(last: bytes, more: bytes) -> None:
    apart, together = ServerConnection(BOUND), ServerConnection(BOUND)

    assert requests(read(apart, last, more, more)) == [(b"GET", b"/a")]
    assert requests(read(together, last + more, more)) == [(b"GET", b"/a")]
    answer(apart)


def test_a_client_that_offers_another_protocol_can_still_be_read() -> None:
    connection = ServerConnection(BOUND)
    offer = GET[:-2] + b"connection: upgrade\r\nupgrade: h2c\r\n\r\n"

    found = requests(read(connection, offer, GET))
    answer(connection)
    connection.start_next_cycle()
    found += requests(read_rest(connection))

    assert found == [(b"GET", b"/a")] * 2


def test_a_body_that_breaks_does_not_spoil_its_answer() -> None:
    connection = ServerConnection(BOUND)
    chunked = b"POST /a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n"
    read(connection, chunked)
    with pytest.raises(h11.RemoteProtocolError):
        read(connection, b"nonsense\r\n")

    assert read(connection, b"more", GET) == []
    answer(connection)
    assert connection.our_state is h11.MUST_CLOSE
