"""What a request for a message asks for, read as strictly as the real service reads it.

Unknown fields are taken, wrong types are refused. Old and new credentials are taken:
`x-api-key`, or a bearer token. Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import RequestError
from ..complaints import Items, deepest, read
from ..encoding import words_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

__all__ = ["MessageRequest", "parse_request"]


class _Tolerant(BaseModel):
    """The real service refuses unknown fields; its newest ones are unknown to us."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Text(_Tolerant):
    type: str
    text: str | None = None


class _Result(_Text):
    """A block of a tool's result, which may be what a search found."""

    content: str | Items[_Text] | None = None


class _Block(_Text):
    """A block of a message, which may be a tool's result."""

    content: str | Items[_Result] | None = None


class _Message(_Tolerant):
    role: Literal["user", "assistant", "system"]
    content: str | Items[_Block]


class _Body(_Tolerant):
    # Names are kept in the journal, so they cannot be of any length.
    model: Annotated[str, Field(max_length=256)]
    messages: Annotated[Items[_Message], Field(min_length=1)]
    max_tokens: Annotated[int, Field(ge=1)]
    system: str | Items[_Block] | None = None
    stream: bool | None = None
    temperature: Annotated[float, Field(ge=0, le=1)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=0)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRequest:
    """What a request asks for, as far as a fake cares."""

    model: str
    stream: bool
    texts: tuple[str, ...]
    max_tokens: int
    fingerprint: str
    # Counted once: it is told several times, and a prompt may have millions of words.
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count like a tokenizer that knows words only, plus 3 per text and 4."""
        tokens = sum(words_in(text) + 3 for text in self.texts) + 4
        object.__setattr__(self, "prompt_tokens", tokens)


def parse_request(
    body: bytes, headers: Mapping[str, str], *, fingerprint: str
) -> MessageRequest:
    """Read a request as strictly as the real service does.

    Raises:
        RequestError: 401 without credentials, 400 for anything malformed.
    """
    _require_credentials(headers)
    try:
        parsed = read(_Body, body)
    except ValidationError as error:
        raise _explain(deepest(error)) from None
    return MessageRequest(
        model=parsed.model,
        stream=bool(parsed.stream),
        texts=tuple(_texts(parsed)),
        max_tokens=parsed.max_tokens,
        fingerprint=fingerprint,
    )


def _require_credentials(headers: Mapping[str, str]) -> None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    has_token = scheme.lower() == "bearer" and token.strip()
    if not has_token and not headers.get("x-api-key", "").strip():
        raise RequestError(
            "x-api-key header is required (or a bearer token); any value will do",
            status=401,
        )
    if not headers.get("anthropic-version", "").strip():
        raise RequestError("anthropic-version: header is required; any value will do")


def _texts(body: _Body) -> Iterator[str]:
    yield from _texts_of(body.system)
    for message in body.messages:
        yield from _texts_of(message.content)


def _texts_of(content: str | Sequence[_Text] | None) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        return
    for block in content or ():
        if block.text is not None:
            yield block.text
        if isinstance(block, _Block | _Result):
            yield from _texts_of(block.content)


def _explain(complaint: ErrorDetails) -> RequestError:
    """Word the first thing wrong with a body as the real service does."""
    if complaint["type"] == "json_invalid":
        reason = complaint.get("ctx", {}).get("error", complaint["msg"])
        return RequestError(f"The request body is not valid JSON: {reason}")
    place = ".".join(
        str(part)
        for part in complaint["loc"]
        if part != "str" and not str(part).startswith("list[")
    )
    return RequestError(f"{place or 'body'}: {complaint['msg']}", param=place or None)
