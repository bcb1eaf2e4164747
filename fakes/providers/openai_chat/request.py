"""What a chat request asks for, read as strictly as the real service reads it.

Unknown fields are taken, wrong types are refused. Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from ...errors import RequestError
from ..complaints import Items, read
from ..openai_service import Tolerant, count_words, explain, require_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["ChatRequest", "parse_request"]


class _Part(Tolerant):
    type: str
    text: str | None = None


class _Message(Tolerant):
    role: str
    content: str | Items[_Part] | None = None


class _StreamOptions(Tolerant):
    include_usage: bool = False
    include_obfuscation: bool = True


class _Body(Tolerant):
    # Names are kept in the journal, so they cannot be of any length.
    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[Items[_Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None


class _DeployedBody(_Body):
    # The path names it already.
    model: Annotated[str, Field(max_length=256)] = ""


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
    max_tokens: int | None
    fingerprint: str
    # Counted once: it is told several times, and a prompt may have millions of words.
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what the prompt counts as."""
        tokens = count_words(self.texts)
        object.__setattr__(self, "prompt_tokens", tokens)


def parse_request(
    body: bytes,
    headers: Mapping[str, str],
    *,
    fingerprint: str,
    deployment: str | None = None,
) -> ChatRequest:
    """Read a request as strictly as the real service does.

    A deployment is the model of a request that names none.

    Raises:
        RequestError: 401 without a key, 400 for anything malformed.
    """
    require_key(headers)
    try:
        parsed = read(_DeployedBody if deployment else _Body, body)
    except ValidationError as error:
        raise explain(error) from None
    _check_values(parsed)
    options = parsed.stream_options or _StreamOptions()
    return ChatRequest(
        model=parsed.model or deployment or "",
        stream=bool(parsed.stream),
        texts=tuple(_texts(parsed.messages)),
        include_usage=options.include_usage,
        include_obfuscation=options.include_obfuscation,
        max_tokens=parsed.max_completion_tokens or parsed.max_tokens,
        fingerprint=fingerprint,
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
