"""How the service words what it does not do: one object with one text.

Shapes after https://github.com/ollama/ollama/blob/main/docs/api/errors.mdx.
Must not know requests or replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..encoding import dumps, seconds
from .spelling import spell

if TYPE_CHECKING:
    from ...errors import RequestError
    from ...script import Fail, InStreamError
    from ..provider import Headers

__all__ = ["JSON_HEADERS", "encode_failure", "encode_late_error", "encode_refusal"]

JSON_HEADERS: Final = [("content-type", "application/json; charset=utf-8")]
SERVER_FAULT: Final = 500

# status -> message; `{model}` is the one that was asked for.
FAILURES: Final[dict[int, str]] = {
    400: "invalid request",
    401: "unauthorized",
    404: "model '{model}' not found",
    429: "too many requests",
    500: "llama runner process has terminated",
    502: "the cloud model could not be reached",
    503: "server busy, please try again, maximum pending requests exceeded",
}


def encode_refusal(error: RequestError) -> tuple[Headers, bytes]:
    """Encode a refusal as the service does: header fields and body."""
    return JSON_HEADERS, _error_body(str(error))


def encode_failure(fail: Fail, model: str) -> tuple[Headers, bytes]:
    """Encode a scripted HTTP error: header fields and body."""
    headers = list(JSON_HEADERS)
    if fail.retry_after_s is not None:
        headers.append(("retry-after", seconds(fail.retry_after_s)))
    other = FAILURES[500 if fail.status >= SERVER_FAULT else 400]
    message = FAILURES.get(fail.status, other).replace("{model}", model)
    return headers, _error_body(fail.message or message)


def encode_late_error(error: InStreamError) -> bytes:
    """Encode the error of a stream, which is also the body of a 500.

    It has no place for a type.
    """
    return _error_body(error.message or FAILURES[500])


def _error_body(message: str) -> bytes:
    return spell(dumps({"error": message}))
