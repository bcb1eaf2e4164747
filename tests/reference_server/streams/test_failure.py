"""Causes, and what is said of each."""

import pytest

from streamproof.reference_server.models.fault import ModelFault
from streamproof.reference_server.streams.failure import (
    CAUSES,
    CancelCause,
    Cause,
    OwnFault,
    describe,
)

CODES = {cause: f"CODE_{cause}" for cause in CAUSES}


def test_no_two_causes_are_the_same_word() -> None:
    assert len({str(cause) for cause in CAUSES}) == len(CAUSES)


@pytest.mark.parametrize("cause", CAUSES)
def test_every_cause_has_the_code_of_the_dialect_and_a_message(cause: Cause) -> None:
    failure = describe(cause, CODES)

    assert failure.code == CODES[cause]
    assert failure.message
    assert failure.cause is cause


def test_what_may_go_better_another_time_is_retryable() -> None:
    retryable = {cause for cause in CAUSES if describe(cause, CODES).retryable}

    assert retryable == {
        ModelFault.UNAVAILABLE,
        ModelFault.RATE_LIMITED,
        ModelFault.TIMEOUT,
        ModelFault.FAILED,
        CancelCause.SHUTDOWN,
        CancelCause.OVERTIME,
    }
    assert set(CAUSES) - retryable == {
        ModelFault.REFUSED,
        ModelFault.STOPPED,
        CancelCause.EXPLICIT,
        CancelCause.DISCONNECT,
        OwnFault.INTERNAL,
    }
