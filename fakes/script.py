"""What a fake model says and does: the script, and its TOML library.

One model for every way in (prompt directive, control API, TOML file). Durations
carry their unit in the name. Pure apart from `load_library`, which reads one file.
Must not know any wire format, any clock, or how a prompt spells these words.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeAlias

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import from_json

from .content import StopReason
from .errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = [
    "DEFAULT_TOKENS",
    "MAX_TOKENS",
    "SAID",
    "Cost",
    "Delay",
    "Drop",
    "Fail",
    "Hold",
    "InStreamError",
    "Library",
    "Refuse",
    "Said",
    "Say",
    "Script",
    "Stall",
    "Stop",
    "Think",
    "Tool",
    "Truncate",
    "check_part",
    "load_library",
    "nearest",
    "parse_script",
]

DEFAULT_TOKENS = 8
# A plan is walked lazily but its texts are held while the call runs: 100 000
# short words are about 6 MB, and longer than any answer a model gives.
MAX_TOKENS = 100_000
# Ten characters per token of the longest answer.
MAX_TEXT = 10 * MAX_TOKENS
# One day: longer than any test waits, small enough that no timer overflows.
MAX_MS = 86_400_000.0
# No model reads or writes as much; it still fits every client's integer.
MAX_COUNT = 1_000_000_000
# A refused text is quoted that far.
MAX_SHOWN = 80

Position = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Milliseconds = Annotated[float, Field(ge=0, le=MAX_MS, allow_inf_nan=False)]


class Strict(BaseModel):
    """Frozen, no unknown keys, no silent conversion between types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Words(Strict):
    """A text, or a number of seeded words (default 8)."""

    text: Text | None = None
    tokens: Position | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.text is not None and self.tokens is not None:
            raise ValueError("expected text or tokens, got both")
        return self


class Say(_Words):
    """A part of the answer that is text."""

    kind: Literal["say"] = "say"


class Think(_Words):
    """A part of the answer that is reasoning, before or between what is said."""

    kind: Literal["think"] = "think"


class Tool(Strict):
    """A call of a tool; several of them one after the other are parallel calls.

    Args:
        arguments: a JSON object as text; its spelling is kept.
        pieces: in how many fragments it is made, each of about the same length;
            default: fragments of 6 characters.
    """

    kind: Literal["tool"] = "tool"
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
    arguments: Text = "{}"
    pieces: Annotated[int, Field(ge=1, le=MAX_TOKENS)] | None = None

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


class Refuse(_Words):
    """A part of the answer that says no; where a provider has a place for it.

    Args:
        category: what kind of thing was refused (Anthropic `stop_details`).
        explanation: why, beside the answer (Anthropic `stop_details`).
    """

    kind: Literal["refuse"] = "refuse"
    category: Annotated[str, Field(max_length=64)] | None = None
    explanation: Annotated[str, Field(max_length=MAX_TEXT)] | None = None


class Stop(Strict):
    """Why the answer ends, if not for the reason that its content suggests."""

    reason: StopReason


class Cost(Strict):
    """What the usage says, where it is not what was really read and said."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_tokens: Count | None = None
    thinking_tokens: Count | None = None


class Delay(Strict):
    """Time before the first content token, and between tokens."""

    first_ms: Milliseconds = 0.0
    each_ms: Milliseconds = 0.0


class Stall(Strict):
    """Silence after a number of content tokens; without `ms` until the peer leaves."""

    after: Position
    ms: Milliseconds | None = None


class Fail(Strict):
    """An HTTP error instead of the stream."""

    status: Annotated[int, Field(ge=400, le=599)]
    retry_after_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    message: str | None = None


class InStreamError(Strict):
    """An error object in the stream after a number of content tokens."""

    after: Position
    message: str | None = None
    type: str | None = None


class Drop(Strict):
    """The connection is cut after that many content tokens were delivered."""

    after: Position
    how: Literal["fin", "rst"] = "fin"


class Truncate(Strict):
    """The body ends cleanly after that many content tokens, without a terminator."""

    after: Position


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


class Script(Strict):
    """Everything one call does. An empty script says eight words and ends well."""

    say: tuple[Said, ...] = ()
    stop: Stop | None = None
    usage: Cost | None = None
    delay: Delay = Delay()
    stall: tuple[Stall, ...] = ()
    fail: Fail | None = None
    error: InStreamError | None = None
    drop: Drop | None = None
    truncate: Truncate | None = None
    hold: tuple[Hold, ...] = ()

    @model_validator(mode="after")
    def _one_ending(self) -> Self:
        endings = [name for name in ENDINGS if getattr(self, name) is not None]
        if len(endings) > 1:
            raise ValueError(f"expected one ending, got {' and '.join(endings)}")
        return self


ENDINGS = ("fail", "error", "drop", "truncate")
# Words that say something; together, in their order, they are a script's `say`.
SAID = ("say", "think", "tool", "refuse")


class Library(Strict):
    """Named scripts, as one TOML file holds them."""

    scripts: dict[str, Script] = Field(default_factory=dict)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that looks most like `word`."""
    return difflib.get_close_matches(word, list(known), n=1, cutoff=0.0)[0]


def parse_script(data: bytes | str, *, where: str) -> Script:
    """Read one script from JSON.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    try:
        return Script.model_validate_json(data)
    except ValidationError as error:
        raise ScriptError(_explain(error, Script, where)) from None


def check_part(word: str, data: str, *, where: str) -> None:
    """Check one word's JSON object against its part of the model.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    try:
        WORDS[word].model_validate_json(data)
    except ValidationError as error:
        raise ScriptError(_explain(error, WORDS[word], where)) from None


def load_library(path: Path) -> Library:
    """Read the named scripts of a TOML file.

    Raises:
        ScriptError: naming the file, the key, what was expected and what came.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScriptError(f"{path}: expected TOML, got {error}") from error
    try:
        # Strict validation takes TOML's arrays as tuples only in JSON mode.
        return Library.model_validate_json(json.dumps(table, default=str))
    except ValidationError as error:
        raise ScriptError(_explain(error, Library, str(path))) from None


def _explain(error: ValidationError, model: type[BaseModel], where: str) -> str:
    """Turn the first complaint into one line: where, key, expected, got."""
    first = error.errors(include_url=False)[0]
    location = ".".join(_place(first["loc"]))
    place = f"{where}: {location}" if location else where
    if first["type"] == "union_tag_invalid":
        kind = str(first.get("ctx", {}).get("tag", ""))[:MAX_SHOWN]
        return f"{place}: unknown kind {kind!r}, did you mean {nearest(kind, SAID)!r}"
    if first["type"] == "extra_forbidden":
        *path, key = first["loc"]
        suggestion = nearest(str(key), _keys_at(model, path))
        return f"{place}: unknown key, did you mean {suggestion!r}"
    reason = str(first.get("ctx", {}).get("error", first["msg"]))
    reason = reason[:1].lower() + reason[1:]
    if first["type"] in {"value_error", "missing", "json_invalid"}:
        return f"{place}: {reason}"
    got = repr(first["input"])
    return f"{place}: {reason}, got {got if len(got) < MAX_SHOWN else got[:MAX_SHOWN]}"


def _place(location: Sequence[int | str]) -> Iterator[str]:
    """Spell a location; pydantic names the kind of a part behind its number."""
    before: int | str = ""
    for part in location:
        if not (isinstance(before, int) and part in SAID):
            yield str(part)
        before = part


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Follow a location down the models to the keys that are known there."""
    if model is Library and path:
        return _keys_at(Script, path[2:])
    if model is Script and path:
        # A part of what is said is found by its kind: say, 0, think, …
        word = path[2] if path[0] == "say" else path[0]
        return list(WORDS[str(word)].model_fields)
    return list(model.model_fields)


WORDS: dict[str, type[Strict]] = {
    "say": Say,
    "think": Think,
    "tool": Tool,
    "refuse": Refuse,
    "stop": Stop,
    "usage": Cost,
    "delay": Delay,
    "stall": Stall,
    "fail": Fail,
    "error": InStreamError,
    "drop": Drop,
    "truncate": Truncate,
    "hold": Hold,
}
