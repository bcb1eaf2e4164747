"""What a request for embeddings asks for, read as the real service reads it.

Unknown fields are taken, wrong types are refused. Must not know how it is answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, ValidationError

from ...errors import RequestError
from ..complaints import Items, read
from ..encoding import words_in
from ..openai_service import Tolerant, explain, require_key

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EmbeddingRequest", "parse_request"]

# Numbers in a vector of each model; of all others as many as of the first.
SIZES: Final = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
}
DEFAULT_SIZE: Final = 1536
# To spell so many takes a quarter of a second of the shared event loop.
MAX_NUMBERS: Final = 500_000

Tokens = Annotated[list[int], Field(min_length=1, fail_fast=True)]


class _Body(Tolerant):
    model: Annotated[str, Field(max_length=256)]
    input: (
        str
        | Annotated[Items[str], Field(min_length=1, max_length=2048)]
        | Tokens
        | Annotated[Items[Tokens], Field(min_length=1, max_length=2048)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1, le=3072)] | None = None


class _DeployedBody(_Body):
    # The path names it already.
    model: Annotated[str, Field(max_length=256)] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingRequest:
    """What a request asks for, as far as a fake cares.

    Args:
        inputs: what gets a vector each; lists of token ids are spelled as text.
        texts: those of them that were texts, for directives.
        size: numbers in a vector.
    """

    model: str
    inputs: tuple[str, ...]
    texts: tuple[str, ...]
    size: int
    is_base64: bool
    prompt_tokens: int
    fingerprint: str
    stream: bool = False
    max_tokens: int | None = None


def parse_request(
    body: bytes,
    headers: Mapping[str, str],
    *,
    fingerprint: str,
    deployment: str | None = None,
) -> EmbeddingRequest:
    """Read a request as strictly as the real service does.

    A deployment is the model of a request that names none.

    Raises:
        RequestError: 401 without a key, 400 for anything malformed or too much.
    """
    require_key(headers)
    try:
        parsed = read(_DeployedBody if deployment else _Body, body)
    except ValidationError as error:
        raise explain(error) from None
    model = parsed.model or deployment or ""
    inputs = _inputs(parsed.input)
    size = parsed.dimensions or SIZES.get(model, DEFAULT_SIZE)
    if len(inputs) * size > MAX_NUMBERS:
        raise RequestError(
            f"expected at most {MAX_NUMBERS} numbers in all vectors of a request, "
            f"got {len(inputs)} times {size}",
            param="input",
        )
    return EmbeddingRequest(
        model=model,
        inputs=tuple(_spelled(each) for each in inputs),
        texts=tuple(each for each in inputs if isinstance(each, str)),
        size=size,
        is_base64=parsed.encoding_format == "base64",
        prompt_tokens=sum(
            words_in(each) if isinstance(each, str) else len(each) for each in inputs
        ),
        fingerprint=fingerprint,
    )


def _inputs(
    given: str | list[str] | list[int] | list[list[int]],
) -> list[str | list[int]]:
    """Return what gets a vector each."""
    if isinstance(given, str):
        return [given]
    tokens = [each for each in given if isinstance(each, int)]
    if tokens:
        return [tokens]
    return [each for each in given if not isinstance(each, int)]


def _spelled(given: str | list[int]) -> str:
    return given if isinstance(given, str) else f"tokens {given}"
