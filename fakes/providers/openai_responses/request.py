"""What a request for a response asks for, read as the real service reads it.

Unknown fields are taken, wrong types are refused. Must not know how it is answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field, ValidationError

from ..complaints import Items, Table, read
from ..openai_service import Tolerant, count_words, explain, require_key

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ResponseRequest", "parse_request"]


class _Part(Tolerant):
    type: str
    text: str | None = None


class _Item(Tolerant):
    """A message, or the result of a tool call, or any other item."""

    type: str = "message"
    role: str | None = None
    content: str | Items[_Part] | None = None
    # A string, parts, or what else the tool of the item gives.
    output: object = None


class _StreamOptions(Tolerant):
    include_obfuscation: bool = True


class _Body(Tolerant):
    # Names are kept in the journal, so they cannot be of any length.
    model: Annotated[str, Field(max_length=256)]
    input: str | Annotated[Items[_Item], Field(min_length=1)]
    instructions: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_output_tokens: Annotated[int, Field(ge=16)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    tools: Items[dict[str, object]] | None = None
    metadata: Table[str] | None = None
    parallel_tool_calls: bool | None = None
    previous_response_id: str | None = None


# What a response says again of its request, and what the service takes without it.
ECHOED: Final[dict[str, object]] = {
    "background": False,
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "previous_response_id": None,
    "prompt_cache_key": None,
    "reasoning": {"effort": None, "summary": None},
    "safety_identifier": None,
    "store": True,
    "temperature": 1.0,
    "text": {"format": {"type": "text"}, "verbosity": "medium"},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": 0,
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """What a request asks for, as far as a fake cares."""

    model: str
    stream: bool
    texts: tuple[str, ...]
    include_obfuscation: bool
    max_tokens: int | None
    echo: Mapping[str, object]
    fingerprint: str
    # Counted once: it is told several times, and a prompt may have millions of words.
    prompt_tokens: int = field(init=False)

    def __post_init__(self) -> None:
        """Count what the prompt counts as."""
        tokens = count_words(self.texts)
        object.__setattr__(self, "prompt_tokens", tokens)


def parse_request(
    body: bytes, headers: Mapping[str, str], *, fingerprint: str
) -> ResponseRequest:
    """Read a request as strictly as the real service does.

    Raises:
        RequestError: 401 without a bearer token, 400 for anything malformed.
    """
    require_key(headers)
    try:
        parsed = read(_Body, body)
    except ValidationError as error:
        raise explain(error) from None
    options = parsed.stream_options or _StreamOptions()
    return ResponseRequest(
        model=parsed.model,
        stream=bool(parsed.stream),
        texts=tuple(_texts(parsed)),
        include_obfuscation=options.include_obfuscation,
        max_tokens=parsed.max_output_tokens,
        echo=_echo(json.loads(body)),
        fingerprint=fingerprint,
    )


def _echo(given: Mapping[str, object]) -> Mapping[str, object]:
    """Take what was given for each field, or else what the service takes."""
    asked = {name: given.get(name) for name in ECHOED}
    return {
        name: default if asked[name] is None else asked[name]
        for name, default in ECHOED.items()
    }


def _texts(body: _Body) -> Iterator[str]:
    if body.instructions is not None:
        yield body.instructions
    if isinstance(body.input, str):
        yield body.input
        return
    for item in body.input:
        if isinstance(item.content, str):
            yield item.content
        for part in item.content if isinstance(item.content, list) else ():
            if part.text is not None:
                yield part.text
        if isinstance(item.output, str):
            yield item.output
