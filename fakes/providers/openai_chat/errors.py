"""How the service words what it does not do: bodies and the codes of each status.

Shapes after https://platform.openai.com/docs/guides/error-codes.
Must not know requests or replies.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...errors import RequestError

__all__ = ["CLIENT_FAILURE", "FAILURES", "encode_error", "encode_error_body"]


def encode_error(error: RequestError) -> bytes:
    """Encode a refusal as the service does."""
    return encode_error_body(
        str(error),
        kind="invalid_request_error" if error.status < 500 else "server_error",  # noqa: PLR2004
        param=error.param,
        code=error.code,
    )


def encode_error_body(
    message: str, *, kind: str, param: str | None = None, code: str | None = None
) -> bytes:
    """Encode the object that every error of the service is."""
    error = {"message": message, "type": kind, "param": param, "code": code}
    return json.dumps({"error": error}, separators=(",", ":")).encode()


# status -> (type, code, message), after the error-codes guide of the service.
FAILURES: Final[dict[int, tuple[str, str | None, str]]] = {
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: (
        "invalid_request_error",
        "model_not_found",
        "The model does not exist or you do not have access to it.",
    ),
    429: (
        "requests",
        "rate_limit_exceeded",
        "Rate limit reached for requests. Please try again later.",
    ),
    500: (
        "server_error",
        None,
        "The server had an error while processing your request.",
    ),
    503: (
        "service_unavailable_error",
        None,
        "The engine is currently overloaded, please try again later.",
    ),
}
CLIENT_FAILURE: Final = ("invalid_request_error", None, "The request was refused.")
