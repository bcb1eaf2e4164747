"""What every endpoint of OpenAI shares: its key, its headers, its errors.

Shapes after https://platform.openai.com/docs/guides/error-codes and
https://platform.openai.com/docs/api-reference/debugging-requests.
Must not know any endpoint's requests or replies.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from ..dice import HEX, Dice
from ..errors import RequestError
from .encoding import dumps, seconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from ..script import Fail, InStreamError
    from .provider import Headers

__all__ = [
    "FAILURES",
    "Tolerant",
    "count_words",
    "encode_failure",
    "encode_late_error",
    "encode_refusal",
    "explain",
    "require_key",
    "service_headers",
]

REQUESTS_PER_MINUTE: Final = 10_000
TOKENS_PER_MINUTE: Final = 2_000_000
SERVER_FAULT: Final = 500


class Tolerant(BaseModel):
    """The real service takes fields it does not know; wrong types it refuses."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def count_words(texts: Iterable[str]) -> int:
    """Count like a tokenizer that knows words only, plus 4 per text and 3."""
    return sum(len(text.split()) + 4 for text in texts) + 3


def require_key(headers: Mapping[str, str]) -> None:
    """Refuse a request without a bearer token.

    Raises:
        RequestError: 401.
    """
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise RequestError(
            "You didn't provide an API key. Provide it in an Authorization header "
            "using Bearer auth (Authorization: Bearer YOUR_KEY); any key will do.",
            status=401,
        )


def service_headers(dice: Dice, prompt_tokens: int) -> Headers:
    """Return the header fields that every answer of the service has."""
    left = max(TOKENS_PER_MINUTE - prompt_tokens, 0)
    reset_ms = prompt_tokens * 60_000 // TOKENS_PER_MINUTE
    return [
        ("openai-organization", "streamproof-fakes"),
        ("openai-processing-ms", str(40 + dice.number("processing", 256))),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", str(REQUESTS_PER_MINUTE)),
        ("x-ratelimit-limit-tokens", str(TOKENS_PER_MINUTE)),
        ("x-ratelimit-remaining-requests", str(REQUESTS_PER_MINUTE - 1)),
        ("x-ratelimit-remaining-tokens", str(left)),
        ("x-ratelimit-reset-requests", "6ms"),
        ("x-ratelimit-reset-tokens", f"{reset_ms}ms"),
        ("x-request-id", request_id(dice)),
    ]


def request_id(dice: Dice) -> str:
    """Return the id under which the service would know this request."""
    return "req_" + dice.text(HEX, "request id", 32)


def encode_refusal(
    error: RequestError, *, seed: int, fingerprint: str
) -> tuple[Headers, bytes]:
    """Encode a refusal as the service does: header fields and body."""
    kind = "invalid_request_error" if error.status < SERVER_FAULT else "server_error"
    dice = Dice(seed=seed, fingerprint=fingerprint)
    headers = [
        ("content-type", "application/json"),
        ("openai-version", "2020-10-01"),
        ("x-request-id", request_id(dice)),
    ]
    return headers, _error_body(str(error), kind, param=error.param, code=error.code)


def encode_failure(fail: Fail, headers: Headers) -> tuple[Headers, bytes]:
    """Encode a scripted HTTP error: header fields and body."""
    other = FAILURES[500] if fail.status >= SERVER_FAULT else CLIENT_FAILURE
    kind, code, message = FAILURES.get(fail.status, other)
    if fail.retry_after_s is not None:
        headers = [*headers, ("retry-after", seconds(fail.retry_after_s))]
    return headers, _error_body(fail.message or message, kind, code=code)


def encode_late_error(error: InStreamError) -> bytes:
    """Encode the error object of a stream, which is also the body of a 500."""
    message = error.message or FAILURES[500][2]
    return _error_body(message, error.type or "server_error")


def _error_body(
    message: str, kind: str, *, param: str | None = None, code: str | None = None
) -> bytes:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return dumps({"error": error}).encode()


def explain(error: ValidationError) -> RequestError:
    """Word what is wrong with a body as the real service does.

    Of several complaints the deepest is told: where a field may be a string or a list,
    a mistake inside the list is also one of not being a string.
    """
    complaints = error.errors(include_url=False)
    return _explain(max(complaints, key=lambda complaint: len(complaint["loc"])))


def _explain(complaint: ErrorDetails) -> RequestError:
    if complaint["type"] == "json_invalid":
        return RequestError(
            "We could not parse the JSON body of your request: "
            f"{complaint.get('ctx', {}).get('error', complaint['msg'])}."
        )
    param = _param(complaint["loc"])
    if complaint["type"] == "missing":
        return RequestError(
            f"Missing required parameter: '{param}'.",
            param=param,
            code="missing_required_parameter",
        )
    expected = complaint["msg"].removeprefix("Input should be ").rstrip(".")
    return RequestError(
        f"Invalid type for '{param}': expected {expected}, "
        f"but got {type(complaint['input']).__name__} instead.",
        param=param,
        code="invalid_type",
    )


def _param(location: Sequence[int | str]) -> str:
    """Spell a location as the service does: messages[0].content."""
    name = ""
    for part in location:
        if isinstance(part, int):
            name += f"[{part}]"
        elif part != "str" and not part.startswith("list["):
            name += f".{part}" if name else part
    return name or "body"


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
