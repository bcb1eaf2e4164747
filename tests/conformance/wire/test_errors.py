"""The error tree of the package."""

from __future__ import annotations

import pytest

from streamproof.conformance.wire.errors import (
    DecoderClosed,
    LimitExceeded,
    LimitKind,
    TranscriptError,
    WireError,
)


@pytest.mark.parametrize("error", [LimitExceeded, DecoderClosed, TranscriptError])
def test_every_error_is_a_wire_error(error: type[Exception]) -> None:
    assert issubclass(error, WireError)


def test_a_bad_transcript_is_also_a_value_error() -> None:
    assert issubclass(TranscriptError, ValueError)


def test_a_limit_error_carries_its_facts_and_says_them() -> None:
    error = LimitExceeded(limit=LimitKind.EVENT, max_bytes=5, offset=12)

    assert (error.limit, error.max_bytes, error.offset) == (LimitKind.EVENT, 5, 12)
    assert error.items == ()
    assert str(error) == "expected event of at most 5 bytes, got more at byte 12"
