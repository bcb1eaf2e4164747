"""What a chat request asks for, read as strictly as the real service reads it.

Unknown fields are taken, wrong types are refused. Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["ChatRequest", "parse_request"]


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
