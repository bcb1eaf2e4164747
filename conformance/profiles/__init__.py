"""Profiles: what an implementation says about itself.

`load` reads one by name or file; nothing here connects to anything.
"""

from __future__ import annotations

import difflib
import json
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import ProfileError
from .capabilities import CAPABILITIES, is_declared
from .locate import line_of
from .rules import contradictions
from .schema import Profile
from .wording import shown, worded

__all__ = [
    "CAPABILITIES",
    "Profile",
    "built_in_names",
    "is_declared",
    "load",
    "parse",
]

MAX_BYTES = 1024 * 1024
"""Largest profile file: the built-in ones have some 10 KiB."""

_MAX_DEPTH = 60
"""Most tables and lists inside each other; the schema alone has six."""

_LARGEST = 2**63
"""TOML promises 64 bits, and Python does not even print every number."""

_Path = tuple[str | int, ...]


def built_in_names() -> list[str]:
    """Return the names of the profiles that ship with the suite, sorted."""
    return sorted(
        entry.name.removesuffix(".toml")
        for entry in resources.files(__package__).iterdir()
        if entry.name.endswith(".toml")
    )


def load(name: str, overrides: Iterable[str] = ()) -> Profile:
    """Read the built-in profile `name`, or the profile in the file of that path.

    `overrides` are `dotted.key=value` settings (the value is TOML, or else a string)
    laid over the file, such as `heartbeat.interval_s=0.3`. Raises `ProfileError`.
    """
    if name in built_in_names():
        text = resources.files(__package__).joinpath(f"{name}.toml").read_text("utf-8")
        return parse(text, origin=f"profile {name}", overrides=overrides)
    path = Path(name)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise ProfileError(
                f"{name}: expected a profile of at most {MAX_BYTES} bytes, got more"
            )
        text = raw.decode("utf-8")
    except FileNotFoundError:
        raise ProfileError(_unknown_name(name)) from None
    except OSError as problem:
        reason = (problem.strerror or str(problem)).lower()
        raise ProfileError(f"cannot read profile {name or path}: {reason}") from problem
    except UnicodeDecodeError as problem:
        raise ProfileError(
            f"{name}: expected UTF-8, got byte 0x{raw[problem.start]:02x} at offset "
            f"{problem.start}"
        ) from problem
    return parse(text, origin=name, overrides=overrides)


def parse(text: str, *, origin: str, overrides: Iterable[str] = ()) -> Profile:
    """Read a profile from TOML text; `origin` names it in error messages."""
    try:
        values = tomllib.loads(text)
    except ValueError as problem:  # also one of Python's own: a number too long
        raise ProfileError(f"{origin}: expected TOML, but {problem}") from problem
    except RecursionError:
        raise ProfileError(f"{origin}: {_TOO_DEEP}") from None
    settings = {_override(values, override) for override in overrides}

    def refusal(problems: Iterable[tuple[_Path, str]]) -> ProfileError:
        lines = []
        for path, message in problems:
            is_set = _dotted(path) in settings
            where = "--set" if is_set else origin
            lines.append(_explain(path, message, text, where))
        return ProfileError("\n".join(lines))

    if strange := list(_strange(values)):
        raise refusal(strange)
    try:
        # As JSON, because there a strict schema takes a list for a tuple.
        profile = Profile.model_validate_json(json.dumps(values))
    except ValidationError as problem:
        errors = problem.errors(include_url=False)
        told = ((_keys(error, values), _message(error)) for error in errors)
        raise refusal(told) from problem
    if wrong := list(contradictions(profile)):
        raise refusal(wrong)
    return profile


_TOO_DEEP = f"expected at most {_MAX_DEPTH} tables inside each other, got more"


def _strange(values: Mapping[str, Any]) -> Iterator[tuple[_Path, str]]:
    """Find what TOML has and a profile has not: dates, infinity, bottomless tables."""
    todo: list[tuple[_Path, Any]] = [((), values)]
    while todo:
        path, value = todo.pop()
        if len(path) > _MAX_DEPTH:
            yield path[:_MAX_DEPTH], _TOO_DEEP
        elif isinstance(value, dict):
            todo += [((*path, key), each) for key, each in value.items()]
        elif isinstance(value, list):
            todo += [((*path, index), each) for index, each in enumerate(value)]
        elif isinstance(value, float) and not math.isfinite(value):
            yield path, f"expected a finite number, got {value}"
        elif isinstance(value, int) and abs(value) > _LARGEST:
            yield path, "expected a number of at most 64 bits, got a larger one"
        elif not isinstance(value, str | int | float):
            yield path, f"expected no date or time, got {shown(value)}"


def _unknown_name(name: str) -> str:
    known = built_in_names()
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return (
        f"expected the name of a profile ({', '.join(known)}) or a TOML file, "
        f"got {name!r}{hint}"
    )


def _override(values: dict[str, Any], setting: str) -> str:
    """Lay one setting over the values; return its dotted key."""
    dotted, equals, text = setting.partition("=")
    dotted = dotted.strip()
    if not equals or not dotted:
        raise ProfileError(f"expected --set key.path=value, got {setting!r}")
    *tables, key = dotted.split(".")
    for name in tables:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise ProfileError(f"--set {setting}: {name!r} is a value, not a table")
    try:
        values[key] = tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        values[key] = text
    return dotted


def _explain(path: _Path, message: str, text: str, origin: str) -> str:
    """Word an error as `file:line: key: what`; a setting has no line."""
    line = None if origin == "--set" else line_of(text, path)
    where = f"{origin}:{line}" if line else origin
    return f"{where}: {_dotted(path)}: {message}"


def _dotted(path: _Path) -> str:
    return ".".join(str(part) for part in path) or "profile"


def _keys(error: Mapping[str, Any], values: Mapping[str, Any]) -> _Path:
    """Return the path of an error without the names that pydantic gives to branches."""
    path: list[str | int] = []
    node: Any = values
    for part in error["loc"]:
        if _has(node, part):
            node = node[part]
        elif error["type"] != "missing" or part != error["loc"][-1]:
            continue
        path.append(part)
    return tuple(path)


def _has(node: object, part: str | int) -> bool:
    if isinstance(node, list):
        return isinstance(part, int) and part < len(node)
    return isinstance(node, dict) and part in node


def _message(error: Mapping[str, Any]) -> str:
    path = error["loc"]
    if error["type"] != "extra_forbidden":
        return worded(error)
    known = _known_keys(path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    return f"unknown key; {hint}"


def _known_keys(path: tuple[str | int, ...]) -> list[str]:
    """Return the keys that the schema knows at `path`, by walking its JSON Schema."""
    schema = Profile.model_json_schema()
    definitions = schema["$defs"]
    nodes = [schema]
    for part in path:
        if of_kind := [node for node in nodes if _is_tagged(node, part)]:
            nodes = of_kind
            continue
        found: list[Any] = []
        for node in nodes:
            if isinstance(part, int):
                found.append(node.get("items", {}))
            else:
                found.append(node.get("properties", {}).get(part, {}))
        nodes = [leaf for node in found for leaf in _leaves(node, definitions, part)]
    return sorted({key for node in nodes for key in node.get("properties", {})})


def _is_tagged(node: Mapping[str, Any], tag: str | int) -> bool:
    """Tell whether a schema is the branch of a tagged union with that tag."""
    properties = node.get("properties", {}).values()
    return any(each.get("const") == tag for each in properties)


def _leaves(
    node: Mapping[str, Any], definitions: Mapping[str, Any], part: str | int
) -> list[Any]:
    """Follow references and alternatives to the plain schemas behind a node."""
    if "$ref" in node:
        name = node["$ref"].rpartition("/")[2]
        return _leaves(definitions[name], definitions, part)
    for word in ("anyOf", "oneOf"):
        if word in node:
            return [
                leaf
                for branch in node[word]
                for leaf in _leaves(branch, definitions, part)
            ]
    return [node]


def json_schema() -> str:
    """Return the JSON Schema of a profile as indented JSON text."""
    return json.dumps(Profile.model_json_schema(), indent=2)
