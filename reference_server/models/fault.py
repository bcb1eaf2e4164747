"""What can go wrong with a model's answer, whichever service gave it.

Pure. Nothing here may carry an address, a credential or words of the service: what is
said of a fault reaches the log.
"""

from enum import StrEnum

_TOO_MANY_REQUESTS = 429
# 529 is what Anthropic and its proxies answer when they are overloaded.
_OVERLOADED = frozenset({503, 529})


class ModelFault(StrEnum):
    """Kinds of failure that a run may have to tell apart."""

    # Not reachable, or overloaded up to the last attempt.
    UNAVAILABLE = "unavailable"
    # Over its rate limit up to the last attempt.
    RATE_LIMITED = "rate_limited"
    TIMEOUT = "timeout"
    # An error, a cut, or an answer that is none.
    FAILED = "failed"
    # Our own request is what the service does not like.
    REFUSED = "refused"
    # The answer ended in order, and before its end: for its length or by a filter.
    STOPPED = "stopped"


class ModelError(Exception):
    """The model gave no usable answer; the text is fit for the log."""

    def __init__(self, fault: ModelFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


def is_overload(status: int) -> bool:
    """Whether a status asks for patience, so that the call is worth another try."""
    return status == _TOO_MANY_REQUESTS or status in _OVERLOADED


def fault_of_status(status: int) -> ModelFault:
    """Return what a status other than 200 stands for."""
    if status == _TOO_MANY_REQUESTS:
        return ModelFault.RATE_LIMITED
    if status in _OVERLOADED:
        return ModelFault.UNAVAILABLE
    return ModelFault.REFUSED if status // 100 == 4 else ModelFault.FAILED  # noqa: PLR2004 -- 4xx


def broken(reason: str) -> ModelError:
    """Return the error of a service that does not keep to its own protocol."""
    return ModelError(ModelFault.FAILED, reason)
