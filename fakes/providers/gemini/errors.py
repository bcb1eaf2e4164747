"""How the service words what it does not do: one object, a status word for each code.

Shapes after https://google.aip.dev/193 and
https://ai.google.dev/gemini-api/docs/troubleshooting.
Must not know requests or replies.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from ...content import Quantity
from ..encoding import seconds

if TYPE_CHECKING:
    from ...content import Limits
    from ...errors import RequestError
    from ...script import Fail, InStreamError
    from ..provider import Headers

__all__ = [
    "JSON_HEADERS",
    "encode_failure",
    "encode_refusal",
    "error_object",
    "late_error",
    "pretty",
]

Json = dict[str, object]

JSON_HEADERS: Final = [
    ("content-type", "application/json; charset=UTF-8"),
    ("vary", "Origin, X-Origin, Referer"),
    ("server", "scaffolding on HTTPServer2"),
    ("x-content-type-options", "nosniff"),
]
SERVER_FAULT: Final = 500
OVERLOADED: Final = 503

# code -> (status, message), after google/rpc/code.proto and the service's own page.
FAILURES: Final[dict[int, tuple[str, str]]] = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "The caller does not have permission"),
    404: ("NOT_FOUND", "Requested entity was not found."),
    409: ("ABORTED", "The operation was aborted."),
    429: ("RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."),
    499: ("CANCELLED", "The operation was cancelled."),
    500: ("INTERNAL", "An internal error has occurred."),
    501: ("UNIMPLEMENTED", "Operation is not implemented, or not enabled."),
    OVERLOADED: ("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}
_CODES: Final = {status: code for code, (status, _) in FAILURES.items()}


def pretty(value: object) -> str:
    """Encode JSON as the service spells whatever is not an event."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def error_object(
    code: int, status: str, message: str, details: list[Json] | None = None
) -> Json:
    """Return the object in which every error is told."""
    error: Json = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = details
    return {"error": error}


def encode_refusal(error: RequestError) -> tuple[Headers, bytes]:
    """Encode a refusal as the service does: header fields and body."""
    details: list[Json] = []
    if error.param is not None:
        violation = {"field": error.param, "description": str(error)}
        details = [_detail("BadRequest", fieldViolations=[violation])]
    status, _ = _kind_of(error.status)
    whole = error_object(error.status, status, str(error), details)
    return JSON_HEADERS, f"{pretty(whole)}\n".encode()


def encode_failure(
    fail: Fail, *, limits: Limits, model: str, as_array: bool
) -> tuple[Headers, bytes]:
    """Encode a scripted HTTP error; a stream that is an array has it as its element."""
    headers = list(JSON_HEADERS)
    details: list[Json] = []
    status, message = _kind_of(fail.status)
    if limits.exceeded is not None:
        quota = _quota(limits, limits.exceeded, model)
        details = [_detail("QuotaFailure", violations=[quota]), LEARN_MORE]
        message = (
            "You exceeded your current quota, please check your plan and billing "
            f"details. \n* Quota exceeded for metric: {quota['quotaMetric']}, "
            f"limit: {quota.get('quotaValue', 0)}"
        )
    if fail.retry_after_s is not None:
        delay = seconds(fail.retry_after_s)
        headers.append(("retry-after", delay))
        details.append(_detail("RetryInfo", retryDelay=f"{delay}s"))
    whole = error_object(fail.status, status, fail.message or message, details)
    encoded = f"[{pretty(whole)}\n]\n" if as_array else f"{pretty(whole)}\n"
    return headers, encoded.encode()


def _quota(limits: Limits, quantity: Quantity, model: str) -> Json:
    """Return the violation of a quota, after google/rpc/error_details.proto."""
    metric, name, value = {
        Quantity.REQUESTS: ("requests", "RequestsPerMinute", limits.requests),
        Quantity.TOKENS: ("input_token_count", "InputTokensPerMinute", limits.tokens),
        # XX: the service publishes no metric for this one.
        Quantity.CONCURRENCY: ("concurrent_requests", "ConcurrentRequests", None),
    }[quantity]
    violation: Json = {
        "quotaMetric": f"generativelanguage.googleapis.com/generate_content_{metric}",
        "quotaId": f"GenerateContent{name}PerProjectPerModel",
        "quotaDimensions": {"location": "global", "model": model},
    }
    return violation if value is None else {**violation, "quotaValue": str(value)}


def late_error(error: InStreamError) -> tuple[int, Json]:
    """Return code and object of an error that comes after a 200."""
    status = error.type or FAILURES[OVERLOADED][0]
    code = _CODES.get(status, SERVER_FAULT)
    message = error.message or FAILURES[code][1]
    return code, error_object(code, status, message)


def _kind_of(code: int) -> tuple[str, str]:
    return FAILURES.get(code, FAILURES[500 if code >= SERVER_FAULT else 400])


def _detail(kind: str, **fields: object) -> Json:
    return {"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}


LEARN_MORE: Final = _detail(
    "Help",
    links=[
        {
            "description": "Learn more about Gemini API quotas",
            "url": "https://ai.google.dev/gemini-api/docs/rate-limits",
        }
    ],
)
