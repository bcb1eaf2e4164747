"""How the service words what it does not do: one object, a type for each status.

Shapes after https://docs.anthropic.com/en/api/errors.
Must not know requests or replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...content import Quantity
from ...dice import ALPHANUMERIC, Dice
from ..encoding import dumps, seconds

if TYPE_CHECKING:
    from ...content import Limits
    from ...errors import RequestError
    from ...script import Fail, InStreamError
    from ..provider import Headers

__all__ = [
    "encode_failure",
    "encode_late_error",
    "encode_refusal",
    "late_error",
    "request_id",
]

SERVER_FAULT: Final = 500
OVERLOADED: Final = 529

# status -> (type, message), after the errors page of the service.
FAILURES: Final[dict[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "The request was refused."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "There is a problem with your billing information."),
    403: ("permission_error", "Your API key does not have permission to do this."),
    404: ("not_found_error", "The requested resource could not be found."),
    409: ("conflict_error", "The request conflicts with another one."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request took too long."),
    OVERLOADED: ("overloaded_error", "Overloaded"),
}


def request_id(dice: Dice) -> str:
    """Return the id under which the service would know this request."""
    return "req_011C" + dice.text(ALPHANUMERIC, "request id", 20)


def encode_refusal(error: RequestError, dice: Dice) -> tuple[Headers, bytes]:
    """Encode a refusal as the service does: header fields and body."""
    headers = [("content-type", "application/json"), ("request-id", request_id(dice))]
    return headers, _error_body(_kind_of(error.status)[0], str(error), dice)


def encode_failure(
    fail: Fail, headers: Headers, dice: Dice, *, limits: Limits
) -> tuple[Headers, bytes]:
    """Encode a scripted HTTP error: header fields and body."""
    kind, message = _kind_of(fail.status)
    if limits.exceeded is not None:
        message = _exceeded(limits, limits.exceeded)
    if fail.retry_after_s is not None:
        headers = [*headers, ("retry-after", seconds(fail.retry_after_s))]
    return headers, _error_body(kind, fail.message or message, dice)


def _exceeded(limits: Limits, quantity: Quantity) -> str:
    """Word the refusal of too much."""
    if quantity is Quantity.CONCURRENCY:
        return "Number of concurrent connections has exceeded your rate limit."
    bound = f"{limits.requests} requests"
    if quantity is Quantity.TOKENS:
        bound = f"{limits.tokens} tokens"
    return (
        f"This request would exceed your organization's rate limit of {bound} per "
        "minute."
    )


def late_error(error: InStreamError) -> dict[str, object]:
    """Return the object of a stream's error event; it has no request id."""
    kind = error.type or FAILURES[OVERLOADED][0]
    message = error.message or _MESSAGES.get(kind, FAILURES[500][1])
    return {"type": "error", "error": {"type": kind, "message": message}}


def encode_late_error(error: InStreamError, dice: Dice) -> tuple[int, bytes]:
    """Encode the same error as status and body of an answer.

    "For example, if the API's traffic is high, you may receive an overloaded_error
    […], which would normally correspond to an HTTP 529 in a non-streaming context"
    (https://docs.anthropic.com/en/docs/build-with-claude/streaming#error-events).
    """
    late = late_error(error)
    status = _STATUSES.get(error.type or FAILURES[OVERLOADED][0], SERVER_FAULT)
    return status, dumps({**late, "request_id": request_id(dice)}).encode()


def _kind_of(status: int) -> tuple[str, str]:
    return FAILURES.get(status, FAILURES[500 if status >= SERVER_FAULT else 400])


def _error_body(kind: str, message: str, dice: Dice) -> bytes:
    error = {"type": kind, "message": message}
    whole = {"type": "error", "error": error, "request_id": request_id(dice)}
    return dumps(whole).encode()


_STATUSES: Final = {kind: status for status, (kind, _) in FAILURES.items()}
_MESSAGES: Final = dict(FAILURES.values())
