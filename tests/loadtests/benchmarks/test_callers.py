"""How much of an answer has arrived is counted in HTTP chunks."""

import pytest

from streamproof.loadtests.benchmarks.callers import PHASES, PROVIDERS, chunks_in

RESPONSE = b"HTTP/1.1 200 OK\r\na: b\r\n\r\n3\r\nx\r\n\r\n10\r\n0123456789abcdef\r\n"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"", -1),
        (RESPONSE[:23], -1),
        (RESPONSE[:25], 0),
        (RESPONSE[:26], 0),
        (RESPONSE[:32], 0),
        (RESPONSE[:33], 1),
        (RESPONSE[:-1], 1),
        (RESPONSE, 2),
        (RESPONSE + b"0\r\n\r\n", 3),
    ],
)
def test_only_whole_chunks_count(received: bytes, expected: int) -> None:
    assert chunks_in(received) == expected


def test_every_phase_of_every_provider_comes_after_the_one_before() -> None:
    for provider in PROVIDERS:
        counts = [phase.chunks(provider) for phase in PHASES if phase.stream]

        assert counts == sorted(set(counts))
        assert counts[0] == -1


def test_a_request_says_how_long_it_is_and_whether_it_is_the_last() -> None:
    head, _, body = (
        PROVIDERS[0].request("hi", stream=True, keep_alive=False).partition(b"\r\n\r\n")
    )

    assert f"content-length: {len(body)}".encode() in head
    assert b"connection: close" in head
