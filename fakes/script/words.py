"""The words of a script: what a model says, and when.

Durations carry their unit in the name. Faults and shapes of the transport are words
too, in `faults` and `transport`. Pure. Must not know any wire format, any clock, or
how a prompt spells these words.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import (
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import from_json

from ..content import StopReason
from ..wording import MAX_SHOWN
from .fields import (
    MAX_MS,
    MAX_TOKENS,
    Count,
    Milliseconds,
    Name,
    Position,
    Strict,
    Text,
)

__all__ = [
    "DEFAULT_TOKENS",
    "SAID",
    "Cost",
    "Delay",
    "Hold",
    "KeepAlive",
    "Linger",
    "Queue",
    "Quota",
    "Refuse",
    "Said",
    "Say",
    "Spread",
    "Stall",
    "Stop",
    "Think",
    "Tool",
]

DEFAULT_TOKENS = 8
# Nothing waits for longer than any other duration may be.
SLOWEST_PER_S = 1000 / MAX_MS
# Words that say something; together, in their order, they are a script's `say`.
SAID = ("say", "think", "tool", "refuse")


class _Kind(Strict):
    """Something that is said; its kind is told even where only what differs is."""

    kind: str

    @model_serializer(mode="wrap")
    def _with_kind(self, rest: SerializerFunctionWrapHandler) -> dict[str, object]:
        return {"kind": self.kind, **rest(self)}


class _Words(_Kind):
    """A text, or a number of seeded words (default 8).

    Args:
        pieces: in how many tokens the text is made, each of about the same length;
            default: a word each, with the white space behind it.
    """

    text: Text | None = None
    tokens: Position | None = None
    pieces: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.text is not None and self.tokens is not None:
            raise ValueError("expected text or tokens, got both")
        if self.pieces is not None and self.text is None:
            raise ValueError("expected pieces only with text, got none")
        return self


class Say(_Words):
    """A part of the answer that is text."""

    kind: Literal["say"] = "say"


class Think(_Words):
    """A part of the answer that is reasoning, before or between what is said."""

    kind: Literal["think"] = "think"


class Tool(_Kind):
    """A call of a tool; several of them one after the other are parallel calls.

    Args:
        arguments: a JSON object as text; its spelling is kept.
        pieces: in how many fragments it is made, each of about the same length;
            default: fragments of 6 characters.
        keep: only so many characters of the arguments are made, so that they are no
            JSON any more, while everything after them comes as if they were. The call
            is `completed`: a model that says nonsense is no fault of the service.
        deltas: how the chunks of `openai_chat` say what does not change: fields that
            are `null` or `empty` instead of absent, or no index (`unindexed`).
    """

    kind: Literal["tool"] = "tool"
    name: Name
    arguments: Text = "{}"
    pieces: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None
    keep: Position | None = None
    deltas: Literal["null", "empty", "unindexed"] | None = None

    @field_validator("arguments")
    @classmethod
    def _is_an_object(cls, text: str) -> str:
        try:
            # Stricter than Python's own: no NaN, no half of a surrogate pair; and what
            # Python could not spell again (very long numbers) is refused here too.
            value = from_json(text, allow_inf_nan=False)
            json.dumps(value)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            shown = repr(text[:MAX_SHOWN])
            raise ValueError(f"expected a JSON object as text, got {shown}")  # noqa: TRY004 -- pydantic wants it
        return text

    @model_validator(mode="after")
    def _keeps_less_than_all(self) -> Self:
        if self.keep is not None and self.keep >= len(self.arguments):
            raise ValueError(
                f"expected keep to be less than {len(self.arguments)}, the number of "
                f"characters of the arguments, got {self.keep}"
            )
        return self


class Refuse(_Words):
    """A part of the answer that says no; where a provider has a place for it.

    Args:
        category: what kind of thing was refused (Anthropic `stop_details`).
        explanation: why, beside the answer (Anthropic `stop_details`).
    """

    kind: Literal["refuse"] = "refuse"
    category: Annotated[str, Field(max_length=64)] | None = None
    explanation: Text | None = None


def _kind_of(part: object) -> object:
    """Tell which model a part of the answer is meant to be."""
    if isinstance(part, dict):
        return part.get("kind", "say")
    return getattr(part, "kind", None)


Said: TypeAlias = Annotated[
    Annotated[Say, Tag("say")]
    | Annotated[Think, Tag("think")]
    | Annotated[Tool, Tag("tool")]
    | Annotated[Refuse, Tag("refuse")],
    Discriminator(_kind_of),
]


class Stop(Strict):
    """Why the answer ends, if not for the reason that its content suggests.

    Args:
        reason: told in the provider's words.
        literal: told instead of these, as it stands; may be empty.
    """

    reason: StopReason | None = None
    literal: Annotated[str, Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _one_at_least(self) -> Self:
        if self.reason is None and self.literal is None:
            raise ValueError("expected reason or literal, got neither")
        return self


class Cost(Strict):
    """What the usage says, where it is not what was really read and said.

    Args:
        every: every chunk of a stream tells what was made so far, where a service
            tells it only at the end (`openai_chat`).
    """

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    thinking_tokens: Count | None = None
    every: bool = False


class Spread(StrEnum):
    """How the times between tokens are distributed around their mean."""

    UNIFORM = "uniform"
    NORMAL = "normal"
    EXPONENTIAL = "exponential"


class Delay(Strict):
    """Time before the first content token, and between tokens.

    Args:
        each_ms: between tokens; or `tokens_per_s` of them in a second.
        prefill_ms: for every token of the prompt, on top of `first_ms`.
        jitter_ms: how far a token strays from its time (not from the token before it,
            so the mean rate is kept), seeded: half the width of a uniform spread, the
            standard deviation of a normal one, the mean of an exponential one (which
            only ever makes tokens late).
        burst: so many tokens leave together, at the time of the last of them.
    """

    first_ms: Milliseconds = 0.0
    each_ms: Milliseconds = 0.0
    tokens_per_s: Annotated[float, Field(ge=SLOWEST_PER_S, le=1_000_000)] | None = None
    prefill_ms: Milliseconds = 0.0
    jitter_ms: Milliseconds = 0.0
    spread: Annotated[Spread, Field(strict=False)] = Spread.UNIFORM
    burst: Annotated[int, Field(ge=1, le=MAX_TOKENS)] = 1

    @model_validator(mode="after")
    def _one_pace(self) -> Self:
        if self.each_ms and self.tokens_per_s is not None:
            raise ValueError("expected each_ms or tokens_per_s, got both")
        return self


class Stall(Strict):
    """Silence after a number of content tokens; without `ms` until the peer leaves."""

    after: Position
    ms: Milliseconds | None = None


class KeepAlive(Strict):
    """What the service sends while it has nothing to say, at fixed intervals.

    Args:
        each_ms: of silence before the first one, and before the next.
        text: of the comment, for services that send one.
    """

    each_ms: Annotated[Milliseconds, Field(ge=1)]
    text: Annotated[str, Field(pattern=r"^[^\r\n]{0,200}$")] | None = None


class Hold(Strict):
    """A gate that stays closed until it is released over the control API."""

    at: Literal["headers", "token", "end", "body_end"]
    after: Position | None = None

    @model_validator(mode="after")
    def _after_belongs_to_token(self) -> Self:
        if self.at == "token" and self.after is None:
            raise ValueError("expected after=N with at=token, got none")
        if self.at != "token" and self.after is not None:
            raise ValueError(f"expected after only with at=token, got at={self.at}")
        return self


class Queue(Strict):
    """How many calls of a model are played at once; more wait, before their headers.

    Calls whose script has no queue neither wait nor count.
    """

    slots: Annotated[int, Field(ge=1, le=100_000)]


class Quota(Strict):
    """What a model allows in a window of time; more is an HTTP 429.

    Calls whose script has no quota do not count, and refused ones cost nothing.

    Args:
        requests: calls in a window.
        tokens: of prompts and answers together, in a window.
        concurrency: calls at once, whenever they began.
        window_ms: starts with the first call, and again with the first after its end.
    """

    requests: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    tokens: Count | None = None
    concurrency: Annotated[int, Field(ge=0, le=100_000)] | None = None
    window_ms: Annotated[Milliseconds, Field(ge=1)] = 60_000.0


class Linger(Strict):
    """How long the model goes on after the peer has left; without `ms` to the end.

    What it makes then is counted and never written. It ends early in a stall without
    end, which lasts until the peer leaves.
    """

    ms: Milliseconds | None = None
