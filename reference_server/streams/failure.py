"""What happens in a run, in words that belong to no dialect.

Pure values. Nothing here may know how an event looks on the wire or how it was made.
"""

from dataclasses import dataclass
from enum import StrEnum


class FailureCode(StrEnum):
    """Why a run failed; stable, part of the public protocol."""

    UPSTREAM_ERROR = "UPSTREAM_ERROR"
    UPSTREAM_TIMEOUT = "UPSTREAM_TIMEOUT"
    UPSTREAM_RATE_LIMITED = "UPSTREAM_RATE_LIMITED"
    CANCELLED = "CANCELLED"
    SERVER_SHUTDOWN = "SERVER_SHUTDOWN"
    INTERNAL_ERROR = "INTERNAL_ERROR"


# What a user may read: no address, no exception text, nothing the provider said.
_MESSAGES = {
    FailureCode.UPSTREAM_ERROR: "the language model failed to answer",
    FailureCode.UPSTREAM_TIMEOUT: "the language model took too long to answer",
    FailureCode.UPSTREAM_RATE_LIMITED: "the language model is over its rate limit",
    FailureCode.CANCELLED: "the run was cancelled",
    FailureCode.SERVER_SHUTDOWN: "the server is shutting down, try again shortly",
    FailureCode.INTERNAL_ERROR: "an internal error ended the run",
}

_RETRYABLE = frozenset(
    {
        FailureCode.UPSTREAM_ERROR,
        FailureCode.UPSTREAM_TIMEOUT,
        FailureCode.UPSTREAM_RATE_LIMITED,
        FailureCode.SERVER_SHUTDOWN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a run ended early, fit to be shown to its user."""

    code: FailureCode
    message: str
    retryable: bool
    # How long a client should wait before it returns, where the server has a wish.
    retry_ms: int | None = None


def failure(code: FailureCode, *, retry_ms: int | None = None) -> Failure:
    """Return the failure of this code with its public message."""
    return Failure(
        code=code,
        message=_MESSAGES[code],
        retryable=code in _RETRYABLE,
        retry_ms=retry_ms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in the pipeline an event happened, and how much is left after it."""

    node: str
    step: int
    total: int
    eta_ms: int

    @property
    def is_last(self) -> bool:
        """Whether no node follows this one."""
        return self.step == self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEntered:
    """A node began to work."""

    at: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    """The model said one more piece of text."""

    at: Position
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCompleted:
    """A node is done; `output` is everything its model call said."""

    at: Position
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFailed:
    """The run ended before its last node was complete."""

    at: Position
    failure: Failure


RunEvent = NodeEntered | TextDelta | NodeCompleted | RunFailed
