"""What an answer consists of: parts, why it stopped, and what it is said to cost.

Every provider words these in its own way; nothing here knows how. Pure values: no
script spelling, no wire format, no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Answer",
    "Kind",
    "Limits",
    "Omission",
    "Part",
    "Quantity",
    "RefusalDetails",
    "StopReason",
    "Usage",
]


class Kind(StrEnum):
    """What a part is made of."""

    TEXT = "text"
    THINKING = "thinking"
    TOOL = "tool"
    REFUSAL = "refusal"


class StopReason(StrEnum):
    """Why a model said no more; providers that know fewer use the nearest."""

    STOP = "stop"
    LENGTH = "length"
    TOOL_CALLS = "tool_calls"
    REFUSAL = "refusal"
    CONTENT_FILTER = "content_filter"


class Omission(StrEnum):
    """What an answer can lack that every answer has."""

    FINISH = "finish"
    USAGE = "usage"
    TERMINATOR = "terminator"
    PARTS = "parts"


class Quantity(StrEnum):
    """What a service allows only so much of."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    CONCURRENCY = "concurrency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a service allows, and what is left of it once this call is counted.

    None is what the provider tells when nothing is kept count of.

    Args:
        reset_ms: until all of it is there again.
        exceeded: what there was too little of, if the call is refused for it.
    """

    requests: int | None = None
    requests_left: int | None = None
    tokens: int | None = None
    tokens_left: int | None = None
    reset_ms: float | None = None
    exceeded: Quantity | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of an answer, as the pieces in which a model would make it.

    Args:
        index: place among the parts of the answer, from 0.
        kind: what it is made of.
        pieces: tokens of a text, or fragments of a tool call's arguments (JSON).
        name: the tool that is called; empty unless the part calls one.
        deltas: what is odd with how its pieces are told; empty for nothing.
    """

    index: int
    kind: Kind
    pieces: tuple[str, ...]
    name: str = ""
    deltas: str = ""

    @property
    def text(self) -> str:
        """All pieces together."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a call is said to cost, in tokens; `cached` of input, `thinking` of output.

    Input counts everything the prompt holds, output everything the model made.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalDetails:
    """Why a model refused, for providers that say so beside the answer."""

    category: str | None = None
    explanation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Everything one call is going to be told, unless it ends before.

    Args:
        stop_literal: told as it stands instead of the provider's word for `stop`.
        is_usage_everywhere: every chunk tells what was made so far.
    """

    parts: tuple[Part, ...] = ()
    stop: StopReason = StopReason.STOP
    stop_literal: str | None = None
    usage: Usage = Usage()
    is_usage_everywhere: bool = False
    refusal: RefusalDetails = RefusalDetails()
    omitted: frozenset[Omission] = frozenset()
    limits: Limits = Limits()

    @property
    def size(self) -> int:
        """Number of pieces, over all parts."""
        return sum(len(part.pieces) for part in self.parts)

    def count(self, kind: Kind) -> int:
        """Count the pieces of all parts of one kind."""
        return sum(len(part.pieces) for part in self.parts if part.kind is kind)

    def has(self, what: Omission) -> bool:
        """Tell whether the answer has what every answer has."""
        return what not in self.omitted

    def stop_word(self, words: Mapping[StopReason, str]) -> str:
        """Return what is told as the reason to stop, out of a provider's words."""
        return words[self.stop] if self.stop_literal is None else self.stop_literal

    def text_of(self, kind: Kind) -> str | None:
        """Join all parts of one kind; None when there is no such part."""
        texts = [part.text for part in self.parts if part.kind is kind]
        return "".join(texts) if texts else None

    def tools(self) -> tuple[Part, ...]:
        """List the tool calls, in order."""
        return tuple(part for part in self.parts if part.kind is Kind.TOOL)

    def head(self, count: int) -> Answer:
        """Keep the first `count` pieces, and no part behind the last of them.

        With none kept, the first part stays, empty.
        """
        parts: list[Part] = []
        for part in self.parts:
            if parts and count <= 0:
                break
            parts.append(replace(part, pieces=part.pieces[:count]))
            count -= len(part.pieces)
        return replace(self, parts=tuple(parts))

    def mark_end(self, mark: str) -> Answer:
        """Put a mark behind the last piece, so that an encoded answer can be cut there.

        An answer without any part gets a text that is the mark alone.
        """
        if not self.parts:
            part = Part(index=0, kind=Kind.TEXT, pieces=(mark,))
            return replace(self, parts=(part,))
        *before, last = self.parts
        marked = replace(last, pieces=(*last.pieces, mark))
        return replace(self, parts=(*before, marked))
