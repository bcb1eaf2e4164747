"""A script, the rules that choose one, and the library that holds both.

Pure. Must not know any wire format, any clock, or how a prompt spells its words.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from .faults import ENDINGS, Drop, Fail, Garble, InStreamError, Omit, Page, Truncate
from .fields import Position, Several, Strict
from .transport import Drip, Wire
from .words import (
    Cost,
    Delay,
    Hold,
    KeepAlive,
    Linger,
    Queue,
    Quota,
    Refuse,
    Said,
    Say,
    Stall,
    Stop,
    Think,
    Tool,
)

# https://www.rfc-editor.org/rfc/rfc9110#name-tokens, without capitals.
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")

# A name that no call has would be a rule that is never followed. The providers'
# own names; a test compares them.
Provider: TypeAlias = Literal[
    "openai_chat",
    "openai_responses",
    "openai_embeddings",
    "anthropic",
    "gemini",
    "ollama",
]
# A call is compared with every rule before its own: 100 ms for all of these and a
# prompt of a megabyte.
MAX_RULES = 500

__all__ = [
    "MAX_RULES",
    "PLAYED",
    "REPEATABLE",
    "WORDS",
    "Library",
    "Match",
    "Provider",
    "Rule",
    "Script",
]


class Script(Strict):
    """Everything one call does. An empty script says eight words and ends well."""

    say: Several[Said] = ()
    stop: Stop | None = None
    usage: Cost | None = None
    delay: Delay = Delay()
    stall: Several[Stall] = ()
    hold: Several[Hold] = ()
    keepalive: KeepAlive | None = None
    queue: Queue | None = None
    quota: Quota | None = None
    linger: Linger | None = None
    fail: Fail | None = None
    page: Page | None = None
    error: InStreamError | None = None
    drop: Drop | None = None
    truncate: Truncate | None = None
    garble: Several[Garble] = ()
    omit: Several[Omit] = ()
    wire: Wire = Wire()
    drip: Drip | None = None

    @model_validator(mode="after")
    def _one_ending(self) -> Self:
        endings = [name for name in ENDINGS if getattr(self, name) is not None]
        if len(endings) > 1:
            raise ValueError(f"expected one ending, got {' and '.join(endings)}")
        return self


class Match(Strict):
    """Which calls a rule is for: those that fit every condition it has.

    Args:
        prompt: a text that one of the prompt's texts contains.
        model: the model's name, with `*` for any characters.
        provider: the provider's name.
        header: header fields (lower case) and their values, with `*`.
        ordinal: only the n-th call, from 1, of those that fit all the rest.
    """

    prompt: str | None = None
    model: str | None = None
    provider: Provider | None = None
    header: dict[str, str] = Field(default_factory=dict)
    ordinal: Annotated[Position, Field(ge=1)] | None = None

    @field_validator("header")
    @classmethod
    def _is_spelled_low(cls, header: dict[str, str]) -> dict[str, str]:
        for name in header:
            if not _FIELD_NAME.fullmatch(name):
                raise ValueError(f"expected header names in lower case, got {name!r}")
        return header


def _kind_of(played: object) -> str:
    """Tell whether a rule's script is named or said."""
    return PLAYED[0] if isinstance(played, str) else PLAYED[1]


PLAYED = ("name", "script")
Played: TypeAlias = Annotated[
    Annotated[str, Tag("name")] | Annotated[Script, Tag("script")],
    Discriminator(_kind_of),
]


class Rule(Strict):
    """Scripts for the calls that match, one after the other; the last one stays.

    Args:
        scripts: names of the library's, or scripts.
    """

    match: Match = Match()
    scripts: Annotated[Several[Played], Field(min_length=1)]


class Library(Strict):
    """Named scripts and rules, as one TOML file holds them.

    A call that says nothing itself follows the first rule that fits it, else the
    script called `default`. With rules and without a default, it is refused.
    """

    scripts: dict[str, Script] = Field(default_factory=dict)
    rules: Annotated[Several[Rule], Field(max_length=MAX_RULES)] = ()


WORDS: dict[str, type[Strict]] = {
    "say": Say,
    "think": Think,
    "tool": Tool,
    "refuse": Refuse,
    "stop": Stop,
    "usage": Cost,
    "delay": Delay,
    "stall": Stall,
    "hold": Hold,
    "keepalive": KeepAlive,
    "queue": Queue,
    "quota": Quota,
    "linger": Linger,
    "fail": Fail,
    "page": Page,
    "error": InStreamError,
    "drop": Drop,
    "truncate": Truncate,
    "garble": Garble,
    "omit": Omit,
    "wire": Wire,
    "drip": Drip,
}
# Words that a call may be told more than once.
REPEATABLE = frozenset({"say", "stall", "hold", "garble", "omit"})
