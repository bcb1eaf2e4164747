"""What a fake model says and does: the script, and its TOML library.

One model for every way in (prompt directive, control API, TOML file). Durations
carry their unit in the name. Pure apart from `load_library`, which reads one file.
Must not know any wire format, any clock, or how a prompt spells these words.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import ScriptError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

__all__ = [
    "DEFAULT_TOKENS",
    "MAX_TOKENS",
    "Delay",
    "Drop",
    "Fail",
    "Hold",
    "InStreamError",
    "Library",
    "Say",
    "Script",
    "Stall",
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
# A refused text is quoted that far.
MAX_SHOWN = 80

Position = Annotated[int, Field(ge=0, le=MAX_TOKENS)]
Milliseconds = Annotated[float, Field(ge=0, le=MAX_MS, allow_inf_nan=False)]


class Strict(BaseModel):
    """Frozen, no unknown keys, no silent conversion between types."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Say(Strict):
    """What is said: a text, or a number of seeded words (default 8)."""

    text: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    tokens: Annotated[int, Field(ge=0, le=MAX_TOKENS)] | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if self.text is not None and self.tokens is not None:
            raise ValueError("expected text or tokens, got both")
        return self


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


class Script(Strict):
    """Everything one call does. An empty script says eight words and ends well."""

    say: tuple[Say, ...] = ()
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
    location = ".".join(str(part) for part in first["loc"])
    place = f"{where}: {location}" if location else where
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


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Follow a location down the models to the keys that are known there."""
    if model is Library and path:
        return _keys_at(Script, path[2:])
    if model is Script and path:
        return list(WORDS[str(path[0])].model_fields)
    return list(model.model_fields)


WORDS: dict[str, type[Strict]] = {
    "say": Say,
    "delay": Delay,
    "stall": Stall,
    "fail": Fail,
    "error": InStreamError,
    "drop": Drop,
    "truncate": Truncate,
    "hold": Hold,
}
