"""What a request for content asks for, read as strictly as the real service reads it.

Names are taken in camel and in snake case, as protocol buffers take them from JSON;
one object stands for a list of one. Unknown fields are taken, wrong types are refused.
Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from ...errors import RequestError
from ..complaints import Items, read
from ..encoding import words_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

    from ..provider import Received

__all__ = ["ContentRequest", "Shape", "parse_request"]

T = TypeVar("T")


class Shape(StrEnum):
    """How the answer is wanted."""

    EVENTS = "events"
    ARRAY = "array"
    WHOLE = "whole"


def _listed(value: object) -> object:
    return [value] if isinstance(value, dict) else value


Listed = Annotated[Items[T], BeforeValidator(_listed)]


class _Tolerant(BaseModel):
    """The real service refuses unknown fields; its newest ones are unknown to us."""

    model_config = ConfigDict(
        strict=True,
        extra="ignore",
        frozen=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )


class _FunctionResponse(_Tolerant):
    name: str | None = None
    response: dict[str, object] | None = None


class _Part(_Tolerant):
    text: str | None = None
    function_response: _FunctionResponse | None = None


class _Content(_Tolerant):
    role: Literal["user", "model", "function"] | None = None
    parts: Listed[_Part] = Field(default_factory=list)


class _Instruction(_Tolerant):
    # Its role is ignored, whatever it says.
    parts: Listed[_Part] = Field(default_factory=list)


class _Config(_Tolerant):
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    candidate_count: Literal[1] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_k: Annotated[float, Field(ge=0)] | None = None


class _Body(_Tolerant):
    contents: Annotated[Listed[_Content], Field(min_length=1)]
    system_instruction: _Instruction | None = None
    generation_config: _Config | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentRequest:
    """What a request asks for, as far as a fake cares."""

    model: str
    shape: Shape
    texts: tuple[str, ...]
    max_tokens: int | None
    fingerprint: str
    # Counted once: it is told several times, and a prompt may have millions of words.
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count like a tokenizer that knows words only, plus 1 per text."""
        tokens = sum(words_in(text) + 1 for text in self.texts)
        object.__setattr__(self, "prompt_tokens", tokens)


def parse_request(received: Received) -> ContentRequest:
    """Read a request as strictly as the real service does.

    Raises:
        RequestError: 403 without a key, 400 for anything malformed.
    """
    _require_key(received)
    shape = _shape_of(received)
    try:
        parsed = read(_Body, received.body)
    except ValidationError as error:
        raise _explain(error.errors(include_url=False)[0]) from None
    config = parsed.generation_config or _Config()
    return ContentRequest(
        # Names are kept in the journal, so they cannot be of any length.
        model=received.params["model"][:256],
        shape=shape,
        texts=tuple(_texts(parsed)),
        max_tokens=config.max_output_tokens,
        fingerprint=received.fingerprint,
    )


def _require_key(received: Received) -> None:
    scheme, _, token = received.headers.get("authorization", "").partition(" ")
    keys = (
        token if scheme.lower() == "bearer" else "",
        received.headers.get("x-goog-api-key", ""),
        received.query.get("key", ""),
    )
    if not any(key.strip() for key in keys):
        raise RequestError(
            "Method doesn't allow unregistered callers (callers without established "
            "identity). Please use x-goog-api-key, ?key= or a bearer token; any value "
            "will do.",
            status=403,
        )


def _shape_of(received: Received) -> Shape:
    alt = received.query.get("alt", received.query.get("$alt", "json"))
    if alt not in {"json", "sse"}:
        raise RequestError(
            f"Invalid value at 'alt': expected json or sse, got {alt!r}", param="alt"
        )
    if not received.path.endswith(":streamGenerateContent"):
        return Shape.WHOLE
    return Shape.EVENTS if alt == "sse" else Shape.ARRAY


def _texts(body: _Body) -> Iterator[str]:
    instruction = body.system_instruction
    yield from _texts_of(instruction.parts if instruction else [])
    for content in body.contents:
        yield from _texts_of(content.parts)


def _texts_of(parts: list[_Part]) -> Iterator[str]:
    for part in parts:
        if part.text is not None:
            yield part.text
        result = part.function_response
        for value in ((result and result.response) or {}).values():
            if isinstance(value, str):
                yield value


def _explain(complaint: ErrorDetails) -> RequestError:
    """Word the first thing wrong with a body much as the real service does."""
    if complaint["type"] == "json_invalid":
        reason = complaint.get("ctx", {}).get("error", complaint["msg"])
        return RequestError(f"Invalid JSON payload received. {reason}")
    place = ""
    for part in complaint["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}"
    place = place.removeprefix(".")
    if complaint["type"] == "missing":
        message = f"* GenerateContentRequest.{place}: {place} is not specified"
        return RequestError(message, param=place)
    return RequestError(
        f"Invalid value at '{place or 'body'}': {complaint['msg']}", param=place or None
    )
