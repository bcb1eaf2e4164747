"""Why a run ends early: the causes that streams know, and what is said of each.

Pure values. A dialect gives every cause a code of its own; message and whether
another try can help are the same in all of them. What only one dialect can fail of, it
says with a `FailureError`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ..models.fault import ModelFault


class CancelCause(StrEnum):
    """Who or what wanted a run to stop."""

    EXPLICIT = "explicit"
    DISCONNECT = "disconnect"
    SHUTDOWN = "shutdown"
    OVERTIME = "overtime"


class OwnFault(StrEnum):
    """What is wrong with us."""

    INTERNAL = "internal"


Cause = ModelFault | CancelCause | OwnFault
CAUSES: tuple[Cause, ...] = (*ModelFault, *CancelCause, *OwnFault)

# What a user may read: no address, no exception text, nothing the provider said.
_MESSAGES: Mapping[Cause, str] = {
    ModelFault.UNAVAILABLE: "the language model failed to answer",
    ModelFault.RATE_LIMITED: "the language model is over its rate limit",
    ModelFault.TIMEOUT: "the language model took too long to answer",
    ModelFault.FAILED: "the language model failed to answer",
    ModelFault.REFUSED: "the language model failed to answer",
    ModelFault.STOPPED: "the language model stopped before the end of its answer",
    CancelCause.EXPLICIT: "the run was cancelled",
    CancelCause.DISCONNECT: "the run was cancelled",
    CancelCause.SHUTDOWN: "the server is shutting down, try again shortly",
    CancelCause.OVERTIME: "the run took too long",
    OwnFault.INTERNAL: "an internal error ended the run",
}

# What may go better another time: not what we asked wrongly, nor what ends in the same
# way with the same prompt.
_RETRYABLE: frozenset[Cause] = frozenset(
    {
        ModelFault.UNAVAILABLE,
        ModelFault.RATE_LIMITED,
        ModelFault.TIMEOUT,
        ModelFault.FAILED,
        CancelCause.SHUTDOWN,
        CancelCause.OVERTIME,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run ended early, fit to be shown to its user.

    Attributes:
        code: stable, part of the dialect's protocol.
        message: for people.
        retryable: whether another try can help.
        cause: None for what only the dialect knows.
    """

    code: str
    message: str
    retryable: bool
    cause: Cause | None = None


class FailureError(Exception):
    """Raised by the work of a run to end it with a failure of its dialect's own."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def describe(cause: Cause, codes: Mapping[Cause, str]) -> Failure:
    """Return the failure of this cause with the dialect's code and the public message.

    Args:
        cause: what happened.
        codes: the dialect's, one for every cause.
    """
    return Failure(
        code=codes[cause],
        message=_MESSAGES[cause],
        retryable=cause in _RETRYABLE,
        cause=cause,
    )
