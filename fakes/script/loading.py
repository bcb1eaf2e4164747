"""Reading scripts: JSON and TOML to the model, and every mistake to one clear line.

Pure apart from `load_library`, which reads one file.
"""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, RootModel, ValidationError

from ..errors import ScriptError
from ..wording import MAX_SHOWN, expected_and_got, suggestion
from .locate import line_of
from .model import PLAYED, WORDS, Library, Match, Rule, Script
from .words import SAID

_MAX_FILE_CHARS = 16 * 1024 * 1024
"""A file beyond that is no script, and may have no end."""

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

ModelT = TypeVar("ModelT", bound=BaseModel)

__all__ = [
    "check_library",
    "check_part",
    "load_library",
    "parse_library",
    "parse_script",
    "parse_scripts",
]


class _Scripts(RootModel[tuple[Script, ...]]):
    """Scripts, one after the other."""

    model_config = ConfigDict(strict=True)

    root: Annotated[tuple[Script, ...], Field(strict=False, min_length=1)]


def parse_script(data: bytes | str, *, where: str) -> Script:
    """Read one script from JSON.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    return _parse(Script, data, where)


def parse_scripts(data: bytes, *, where: str) -> tuple[Script, ...]:
    """Read one script, or a list of scripts, from JSON.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    if data.lstrip().startswith(b"["):
        return _parse(_Scripts, data, where).root
    return (parse_script(data, where=where),)


def parse_library(
    data: bytes | str, *, where: str, base: Library | None = None
) -> Library:
    """Read scripts and rules from JSON; scripts of a base are there beside them.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    library = _parse(Library, data, where)
    if base is not None:
        scripts = {**base.scripts, **library.scripts}
        library = Library(scripts=scripts, rules=library.rules)
    return check_library(library, where)


def check_part(word: str, data: str, *, where: str) -> None:
    """Check one word's JSON object against its part of the model.

    Raises:
        ScriptError: naming `where`, the key, what was expected and what came.
    """
    _parse(WORDS[word], data, where)


def load_library(path: Path) -> Library:
    """Read the scripts and rules of a TOML file.

    Raises:
        ScriptError: naming the file, line and key, what was expected and what came.
    """
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(_MAX_FILE_CHARS + 1)
        if len(text) > _MAX_FILE_CHARS:
            raise ScriptError(
                f"{path}: expected at most {_MAX_FILE_CHARS} characters, got more"
            )
        data = json.dumps(tomllib.loads(text), default=str)
    except OSError as error:
        raise ScriptError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        # Also for numbers and nesting that Python refuses to read.
        raise ScriptError(f"{path}: cannot be read as TOML: {error}") from error
    # Strict validation takes TOML's arrays as tuples only in JSON mode.
    library = _parse(Library, data, str(path), toml=text)
    return check_library(library, str(path), toml=text)


def _parse(
    model: type[ModelT], data: bytes | str, where: str, *, toml: str | None = None
) -> ModelT:
    """Validate JSON; the text that it was made of tells the line of a mistake."""
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        raise ScriptError(_explain(error, model, where, toml)) from None


def check_library(library: Library, where: str, *, toml: str | None = None) -> Library:
    """Return the library, unless a rule names a script that is not there.

    Raises:
        ScriptError: naming `where`, the rule, and the nearest script there is.
    """
    for at, rule in enumerate(library.rules):
        for place, script in enumerate(rule.scripts):
            if isinstance(script, str) and script not in library.scripts:
                hint = (
                    suggestion(script, library.scripts)
                    if library.scripts
                    else "there is none"
                )
                where = _with_line(where, ("rules", at, "scripts", place), toml)
                raise ScriptError(
                    f"{where}: rules.{at}.scripts.{place}: unknown script {script!r}, "
                    f"{hint}"
                )
    return library


def _with_line(where: str, place: Sequence[int | str], toml: str | None) -> str:
    line = None if toml is None else line_of(toml, place)
    return where if line is None else f"{where}:{line}"


def _explain(
    error: ValidationError, model: type[BaseModel], where: str, toml: str | None
) -> str:
    """Turn the first complaint into one line: where, key, expected, got.

    A mistyped key that is needed is missing too; what was typed says more.
    """
    complaints = error.errors(include_url=False)
    unknown = (one for one in complaints if one["type"] == "extra_forbidden")
    first = next(unknown, complaints[0])
    spelled = tuple(_place(first["loc"]))
    location = ".".join(str(part) for part in spelled)
    where = _with_line(where, spelled, toml)
    place = f"{where}: {location}" if location else where
    if first["type"] == "union_tag_invalid":
        kind = str(first.get("ctx", {}).get("tag", ""))[:MAX_SHOWN]
        return f"{place}: unknown kind {kind!r}, {suggestion(kind, SAID)}"
    if first["type"] == "extra_forbidden":
        *path, key = first["loc"]
        return f"{place}: unknown key, {suggestion(str(key), _keys_at(model, path))}"
    return f"{place}: {expected_and_got(first)}"


def _place(location: Sequence[int | str]) -> Iterator[int | str]:
    """Spell a location; pydantic names the kind of an entry behind its number."""
    for at, part in enumerate(location):
        is_kind = part in {*SAID, *PLAYED} and isinstance(location[at - 1], int)
        if not (is_kind and at > 1 and location[at - 2] in {"say", "scripts"}):
            yield part


def _keys_at(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """Follow a location down the models to the keys that are known there."""
    if model is Library and path:
        if path[0] == "scripts":
            return _keys_at(Script, path[2:])
        return _keys_at(Rule, path[2:])
    if model is _Scripts:
        return _keys_at(Script, path[1:])
    if model is Rule and path:
        # match, or scripts, 0, script, …
        return _keys_at(Match, []) if path[0] == "match" else _keys_at(Script, path[3:])
    if model is Script and path:
        # A part of what is said is found by its kind: say, 0, think, …
        word = path[2] if path[0] == "say" else path[0]
        return list(WORDS[str(word)].model_fields)
    return list(model.model_fields)
