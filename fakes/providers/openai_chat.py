"""OpenAI Chat Completions: request model, frames, bodies, errors, headers.

Pure; every id, date and padding derives from the seed and the request, so the same
request is answered with the same bytes. Formats after the public reference,
https://platform.openai.com/docs/api-reference/chat and …/chat-streaming.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass, field
from hashlib import sha256
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..dice import pick, roll
from ..errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

    from ..script import Fail, InStreamError

__all__ = ["NAME", "PATH", "ChatReply", "ChatRequest", "encode_error", "parse_request"]

NAME: Final = "openai_chat"
PATH: Final = "/v1/chat/completions"

# Characters that ids and the documented samples of `obfuscation` are made of.
ALPHANUMERIC: Final = string.ascii_letters + string.digits
HEX: Final = "0123456789abcdef"
# XX: the real padding scheme is not published; text and padding together fill a
# multiple of this, which hides the token's length as the reference promises.
PADDING_BLOCK: Final = 16

# `created` must not come from a clock; any fixed moment will do (2023-11-14).
EPOCH_S: Final = 1_700_000_000
EPOCH_SPAN_S: Final = 50_000_000

REQUESTS_PER_MINUTE: Final = 10_000
TOKENS_PER_MINUTE: Final = 2_000_000


class _Tolerant(BaseModel):
    """The real service takes fields it does not know; wrong types it refuses."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Part(_Tolerant):
    type: str
    text: str | None = None


class _Message(_Tolerant):
    role: str
    content: str | list[_Part] | None = None


class _StreamOptions(_Tolerant):
    include_usage: bool = False
    include_obfuscation: bool = True


class _Body(_Tolerant):
    # Names are kept in the journal, so they cannot be of any length.
    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[list[_Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None


ROLES: Final = frozenset(
    {"developer", "system", "user", "assistant", "tool", "function"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """What a request asks for, as far as a fake cares."""

    model: str
    stream: bool
    texts: tuple[str, ...]
    include_usage: bool
    include_obfuscation: bool
    fingerprint: str

    @property
    def prompt_tokens(self) -> int:
        """Count like a tokenizer that knows words only, plus 4 per message."""
        return sum(len(text.split()) + 4 for text in self.texts) + 3


def parse_request(body: bytes, headers: Mapping[str, str]) -> ChatRequest:
    """Read a request as strictly as the real service does.

    Raises:
        RequestError: 401 without a bearer token, 400 for anything malformed.
    """
    _require_key(headers.get("authorization", ""))
    try:
        parsed = _Body.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error.errors(include_url=False)[0]) from None
    _check_values(parsed)
    options = parsed.stream_options or _StreamOptions()
    return ChatRequest(
        model=parsed.model,
        stream=bool(parsed.stream),
        texts=tuple(_texts(parsed.messages)),
        include_usage=options.include_usage,
        include_obfuscation=options.include_obfuscation,
        fingerprint=sha256(body).hexdigest(),
    )


def _require_key(authorization: str) -> None:
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise RequestError(
            "You didn't provide an API key. Provide it in an Authorization header "
            "using Bearer auth (Authorization: Bearer YOUR_KEY); any key will do.",
            status=401,
        )


def _check_values(body: _Body) -> None:
    for at, message in enumerate(body.messages):
        if message.role not in ROLES:
            raise RequestError(
                f"Invalid value: '{message.role}'. Supported values are: "
                f"{', '.join(repr(role) for role in sorted(ROLES))}.",
                param=f"messages[{at}].role",
                code="invalid_value",
            )
    if body.stream_options is not None and not body.stream:
        raise RequestError(
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            param="stream_options",
        )
    if body.n not in {None, 1}:
        raise RequestError(
            f"Invalid value for 'n': expected 1, the only count this fake knows, "
            f"but got {body.n} instead.",
            param="n",
            code="unsupported_value",
        )


def _texts(messages: Iterable[_Message]) -> Iterable[str]:
    for message in messages:
        if isinstance(message.content, str):
            yield message.content
        elif message.content is not None:
            yield from (part.text for part in message.content if part.text is not None)


def _refusal(complaint: ErrorDetails) -> RequestError:
    """Word the first thing wrong with the body as the real service does."""
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


def encode_error(error: RequestError) -> bytes:
    """Encode a refusal as the service does."""
    return _error_body(
        str(error),
        kind="invalid_request_error" if error.status < 500 else "server_error",  # noqa: PLR2004
        param=error.param,
        code=error.code,
    )


def _error_body(
    message: str, *, kind: str, param: str | None = None, code: str | None = None
) -> bytes:
    error = {"message": message, "type": kind, "param": param, "code": code}
    return _dumps({"error": error}).encode()


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


@dataclass(slots=True, kw_only=True)
class ChatReply:
    """Everything the service says in answer to one request, piece by piece.

    Stream frames are `data:` lines without HTTP framing; the delivery adds that.
    """

    request: ChatRequest
    seed: int
    _tokens: int = field(default=0, init=False)
    _prefix: str = field(init=False)
    _suffix: str = field(init=False)
    _padding: str = field(init=False)
    _identity: dict[str, object] = field(init=False)
    _request_id: str = field(init=False)
    _processing_ms: int = field(init=False)

    def __post_init__(self) -> None:
        """Derive what the whole reply shares."""
        self._request_id = "req_" + self._pick(HEX, "request id", 32)
        self._processing_ms = 40 + self._roll("processing", 1)[0]
        self._padding = self._pick(ALPHANUMERIC, "padding", 1024)
        age_s = int.from_bytes(self._roll("created", 4)) % EPOCH_SPAN_S
        self._identity = {
            "id": "chatcmpl-" + self._pick(ALPHANUMERIC, "id", 29),
            "created": EPOCH_S + age_s,
            "fingerprint": "fp_" + self._pick(HEX, "system", 10),
        }
        head = _dumps(self._chunk_head())[:-1]
        self._prefix = f'{head},"choices":[{{"index":0,"delta":'
        self._suffix = ',"usage":null' if self.request.include_usage else ""

    def stream_headers(self) -> list[tuple[str, str]]:
        """Return the header fields of a streamed answer."""
        return [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            *self._headers(),
        ]

    def body_headers(self) -> list[tuple[str, str]]:
        """Return the header fields of an answer in one piece."""
        return [("content-type", "application/json"), *self._headers()]

    def opening(self) -> bytes:
        """Encode the role chunk that leaves with the headers."""
        return self._chunk('{"role":"assistant","content":"","refusal":null}', pad=0)

    def token(self, text: str) -> bytes:
        """Encode one content token."""
        return self._chunk(f'{{"content":{encode_basestring(text)}}}', pad=len(text))

    def closing(self, tokens: int) -> bytes:
        """Encode the chunk with the finish reason, and usage if it was asked for."""
        final = self._chunk("{}", pad=0, finish='"stop"')
        if not self.request.include_usage:
            return final
        usage = {**self._chunk_head(), "choices": [], "usage": self._usage(tokens)}
        if self.request.include_obfuscation:
            usage["obfuscation"] = self._pad(0)
        return final + _frame(_dumps(usage))

    def terminator(self) -> bytes:
        """Encode the terminal frame."""
        return b"data: [DONE]\n\n"

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says `[DONE]` after it."""
        message = error.message or FAILURES[500][2]
        body = _error_body(message, kind=error.type or "server_error")
        return _frame(body.decode()) + self.terminator()

    def body_error(self, error: InStreamError) -> bytes:
        """Encode the same error as the body of a 500."""
        message = error.message or FAILURES[500][2]
        return _error_body(message, kind=error.type or "server_error")

    def failure(self, fail: Fail) -> tuple[list[tuple[str, str]], bytes]:
        """Encode an HTTP error: header fields and body."""
        other = FAILURES[500] if fail.status >= 500 else CLIENT_FAILURE  # noqa: PLR2004
        kind, code, message = FAILURES.get(fail.status, other)
        headers = self.body_headers()
        if fail.retry_after_s is not None:
            seconds = f"{fail.retry_after_s:f}".rstrip("0").rstrip(".")
            headers.append(("retry-after", seconds))
        return headers, _error_body(fail.message or message, kind=kind, code=code)

    def body(self, texts: Sequence[str]) -> bytes:
        """Encode the answer in one piece."""
        return _dumps(self._whole("".join(texts), len(texts))).encode()

    def truncated_body(self, texts: Sequence[str]) -> bytes:
        """Encode that answer, cut off right behind its last token."""
        said = encode_basestring("".join(texts))
        before, _, _ = _dumps(self._whole("\0", 0)).partition(encode_basestring("\0"))
        return f"{before}{said[:-1]}".encode()

    def _whole(self, text: str, tokens: int) -> dict[str, object]:
        message: dict[str, object] = {
            "role": "assistant",
            "content": text,
            "refusal": None,
            "annotations": [],
        }
        choice = {
            "index": 0,
            "message": message,
            "logprobs": None,
            "finish_reason": "stop",
        }
        return {
            "id": self._identity["id"],
            "object": "chat.completion",
            "created": self._identity["created"],
            "model": self.request.model,
            "choices": [choice],
            "usage": self._usage(tokens),
            "service_tier": "default",
            "system_fingerprint": self._identity["fingerprint"],
        }

    def _roll(self, purpose: str, count: int) -> bytes:
        return roll(self.seed, self.request.fingerprint, purpose, count)

    def _pick(self, alphabet: str, purpose: str, count: int) -> str:
        return "".join(pick(alphabet, self._roll(purpose, count)))

    def _headers(self) -> list[tuple[str, str]]:
        prompt = self.request.prompt_tokens
        left = max(TOKENS_PER_MINUTE - prompt, 0)
        return [
            ("openai-organization", "streamproof-fakes"),
            ("openai-processing-ms", str(self._processing_ms)),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", str(REQUESTS_PER_MINUTE)),
            ("x-ratelimit-limit-tokens", str(TOKENS_PER_MINUTE)),
            ("x-ratelimit-remaining-requests", str(REQUESTS_PER_MINUTE - 1)),
            ("x-ratelimit-remaining-tokens", str(left)),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", f"{prompt * 60_000 // TOKENS_PER_MINUTE}ms"),
            ("x-request-id", self._request_id),
        ]

    def _chunk_head(self) -> dict[str, object]:
        return {
            "id": self._identity["id"],
            "object": "chat.completion.chunk",
            "created": self._identity["created"],
            "model": self.request.model,
            "service_tier": "default",
            "system_fingerprint": self._identity["fingerprint"],
        }

    def _chunk(self, delta: str, *, pad: int, finish: str = "null") -> bytes:
        """Assemble one chunk from text: ten times as fast as encoding a dict."""
        self._tokens += 1
        padding = ""
        if self.request.include_obfuscation:
            padding = f',"obfuscation":"{self._pad(pad)}"'
        return _frame(
            f'{self._prefix}{delta},"logprobs":null,"finish_reason":{finish}}}]'
            f"{self._suffix}{padding}}}"
        )

    def _pad(self, length: int) -> str:
        start = self._tokens * 61 % 1000
        return self._padding[start : start + PADDING_BLOCK - length % PADDING_BLOCK]

    def _usage(self, tokens: int) -> dict[str, object]:
        prompt = self.request.prompt_tokens
        return {
            "prompt_tokens": prompt,
            "completion_tokens": tokens,
            "total_tokens": prompt + tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {
                "reasoning_tokens": 0,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }


def _frame(data: str) -> bytes:
    return f"data: {data}\n\n".encode()


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
