"""The recorded part of an exchange."""

from __future__ import annotations

from streamproof.conformance.wire import Ending, EndingKind
from streamproof.conformance.wire.recording import Recording

EXCHANGE = Recording(
    started_at=1.0,
    headers=(("Content-Type", "a/b"), ("X-A", "1"), ("x-a", "2")),
    ending=Ending(kind=EndingKind.CLEAN, at=2.0),
)


def test_header_names_are_compared_without_case() -> None:
    assert EXCHANGE.header("content-type") == "a/b"
    assert EXCHANGE.header("CONTENT-TYPE") == "a/b"


def test_a_header_sent_twice_gives_its_first_value_or_all() -> None:
    assert EXCHANGE.header("X-a") == "1"
    assert EXCHANGE.header_all("X-a") == ("1", "2")


def test_a_header_not_sent_is_none() -> None:
    assert EXCHANGE.header("retry-after") is None
    assert EXCHANGE.header_all("retry-after") == ()
