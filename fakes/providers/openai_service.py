"""What every endpoint of OpenAI shares: its key, its headers, its errors.

Shapes after https://platform.openai.com/docs/guides/error-codes and
https://platform.openai.com/docs/api-reference/debugging-requests.
Must not know any endpoint's requests or replies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from ..content import Quantity
from ..dice import HEX, Dice
from ..errors import RequestError
from .complaints import deepest
from .encoding import dumps, seconds, words_in
from .provider import Ask, Route

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from ..content import Answer, Limits
    from ..script import Fail, InStreamError
    from .provider import Headers, Received, Reply

__all__ = [
    "FAILURES",
    "Endpoint",
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
SECOND_MS: Final = 1000


class Asked(Protocol):
    """What every request of the service comes down to."""

    @property
    def model(self) -> str:
        """Return the model that is asked."""

    @property
    def stream(self) -> bool:
        """Tell whether the answer is to be streamed."""

    @property
    def texts(self) -> tuple[str, ...]:
        """Return every text of the prompt."""

    @property
    def prompt_tokens(self) -> int:
        """Return what the prompt counts as."""

    @property
    def max_tokens(self) -> int | None:
        """Return how many tokens the answer may have at most."""


AskedT = TypeVar("AskedT", bound=Asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Generic[AskedT]):
    """One endpoint of the service, as a provider.

    Args:
        paths: where it is; `{deployment}` names the model of a request without one.
        parse: reads a request that has arrived; raises RequestError.
        answer: makes the reply to a request out of the answer and the seed.
    """

    name: str
    prompt_field: str
    paths: tuple[str, ...]
    parse: Callable[[Received], AskedT]
    answer: Callable[[AskedT, Answer, int], Reply]

    @property
    def routes(self) -> Sequence[Route]:
        """Return where it is."""
        return tuple(Route("POST", path) for path in self.paths)

    def read(self, received: Received) -> Ask:
        """Read a request as strictly as the service does.

        Raises:
            RequestError: 401 without a bearer token, 400 for anything malformed.
        """
        request = self.parse(received)
        return Ask(
            model=request.model,
            stream=request.stream,
            texts=request.texts,
            prompt_tokens=request.prompt_tokens,
            max_tokens=request.max_tokens,
            reply=lambda answer, seed: self.answer(request, answer, seed),
        )

    def refuse(
        self, error: RequestError, *, seed: int, fingerprint: str
    ) -> tuple[Headers, bytes]:
        """Encode a refusal in the service's shape: header fields and body."""
        return encode_refusal(error, seed=seed, fingerprint=fingerprint)


class Tolerant(BaseModel):
    """The real service takes fields it does not know; wrong types it refuses."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


def count_words(texts: Iterable[str]) -> int:
    """Count like a tokenizer that knows words only, plus 4 per text and 3."""
    return sum(words_in(text) + 4 for text in texts) + 3


def require_key(headers: Mapping[str, str]) -> None:
    """Refuse a request without a bearer token, or a key as Azure wants it.

    Raises:
        RequestError: 401.
    """
    if headers.get("api-key", "").strip():
        return
    scheme, _, key = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise RequestError(
            "You didn't provide an API key. Provide it in an Authorization header "
            "using Bearer auth (Authorization: Bearer YOUR_KEY); any key will do.",
            status=401,
        )


def service_headers(dice: Dice, prompt_tokens: int, limits: Limits) -> Headers:
    """Return the header fields that every answer of the service has."""
    requests = _told(limits.requests, REQUESTS_PER_MINUTE)
    requests_left = _told(limits.requests_left, max(requests - 1, 0))
    requests_reset_ms = 6.0 if limits.requests is None else limits.reset_ms or 0.0
    tokens = _told(limits.tokens, TOKENS_PER_MINUTE)
    tokens_left = _told(limits.tokens_left, max(tokens - prompt_tokens, 0))
    tokens_reset_ms: float = prompt_tokens * 60_000 // TOKENS_PER_MINUTE
    if limits.tokens is not None:
        tokens_reset_ms = limits.reset_ms or 0.0
    return [
        ("openai-organization", "streamproof-fakes"),
        ("openai-processing-ms", str(40 + dice.number("processing", 256))),
        ("openai-version", "2020-10-01"),
        ("x-ratelimit-limit-requests", str(requests)),
        ("x-ratelimit-limit-tokens", str(tokens)),
        ("x-ratelimit-remaining-requests", str(requests_left)),
        ("x-ratelimit-remaining-tokens", str(tokens_left)),
        ("x-ratelimit-reset-requests", spell_duration(requests_reset_ms)),
        ("x-ratelimit-reset-tokens", spell_duration(tokens_reset_ms)),
        ("x-request-id", request_id(dice)),
    ]


def _told(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


def spell_duration(ms: float) -> str:
    """Spell a duration as the service does: 6ms, 1.5s, 6m0s, 24h0m0s.

    Go's way, https://pkg.go.dev/time#Duration.String; whole milliseconds, rounded up.
    """
    whole_ms = math.ceil(ms)
    if whole_ms < SECOND_MS:
        return f"{whole_ms}ms"
    minutes, rest_ms = divmod(whole_ms, 60 * SECOND_MS)
    spelled = f"{seconds(rest_ms / SECOND_MS)}s"
    if not minutes:
        return spelled
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{spelled}" if hours else f"{minutes}m{spelled}"


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


def encode_failure(
    fail: Fail, headers: Headers, *, limits: Limits, model: str
) -> tuple[Headers, bytes]:
    """Encode a scripted HTTP error: header fields and body."""
    other = FAILURES[500] if fail.status >= SERVER_FAULT else CLIENT_FAILURE
    kind, code, message = FAILURES.get(fail.status, other)
    if limits.exceeded is not None:
        kind, message = _exceeded(limits, limits.exceeded, model)
    if fail.retry_after_s is not None:
        headers = [*headers, ("retry-after", seconds(fail.retry_after_s))]
    return headers, _error_body(fail.message or message, kind, code=code)


def _exceeded(limits: Limits, quantity: Quantity, model: str) -> tuple[str, str]:
    """Return type and message of a refusal of too much."""
    again = f"Please try again in {spell_duration(limits.reset_ms or 0.0)}."
    if quantity is Quantity.TOKENS:
        bound = f"tokens per min (TPM): Limit {limits.tokens}"
        return "tokens", f"Rate limit reached for {model} on {bound}. {again}"
    if quantity is Quantity.REQUESTS:
        bound = f"requests per min (RPM): Limit {limits.requests}"
        return "requests", f"Rate limit reached for {model} on {bound}. {again}"
    return "requests", f"Rate limit reached for {model} on concurrent requests."


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
    """Word what is wrong with a body as the real service does."""
    complaint = deepest(error)
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
    bound = _BOUNDS.get(complaint["type"])
    if bound is not None:
        return _out_of_range(complaint, param, bound)
    expected = complaint["msg"].removeprefix("Input should be ").rstrip(".")
    return RequestError(
        f"Invalid type for '{param}': expected {expected}, "
        f"but got {type(complaint['input']).__name__} instead.",
        param=param,
        code="invalid_type",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bound:
    """How the service words that a value is beyond a bound.

    Args:
        side: which bound it is.
        sign: how the value and the bound should compare.
        limit: name that pydantic has for the bound.
    """

    side: str
    sign: str
    limit: str


_BOUNDS: Final = {
    "greater_than_equal": _Bound(side="minimum", sign=">=", limit="ge"),
    "less_than_equal": _Bound(side="maximum", sign="<=", limit="le"),
    "string_too_long": _Bound(side="maximum", sign="", limit="max_length"),
    "too_short": _Bound(side="minimum", sign="", limit="min_length"),
    "too_long": _Bound(side="maximum", sign="", limit="max_length"),
}


def _out_of_range(complaint: ErrorDetails, param: str, bound: _Bound) -> RequestError:
    """Word a value out of its range as the service does, each kind by its own code."""
    limit, value = complaint["ctx"][bound.limit], complaint["input"]
    below = "below" if bound.side == "minimum" else "above"
    short = "min" if bound.side == "minimum" else "max"
    if bound.sign:
        kind = "integer" if isinstance(limit, int) else "decimal"
        return RequestError(
            f"Invalid '{param}': {kind} {below} {bound.side} value. Expected a value "
            f"{bound.sign} {limit:g}, but got {value} instead.",
            param=param,
            code=f"{kind}_{below}_{short}_value",
        )
    kind = "string" if isinstance(value, str) else "array"
    if kind == "array" and not value:
        return RequestError(
            f"Invalid '{param}': empty array. Expected an array with minimum length "
            f"{limit}, but got an empty array instead.",
            param=param,
            code="empty_array",
        )
    return RequestError(
        f"Invalid '{param}': {kind} too {'short' if short == 'min' else 'long'}. "
        f"Expected {'a string' if kind == 'string' else 'an array'} with {bound.side} "
        f"length {limit}, but got one of length {len(value)} instead.",
        param=param,
        code=f"{kind}_{below}_{short}_length",
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
