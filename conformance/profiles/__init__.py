"""Profiles: what an implementation says about itself.

`load` reads one by name or file; nothing here connects to anything.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..errors import ProfileError
from .capabilities import CAPABILITIES, is_declared
from .locate import line_of
from .schema import Profile

__all__ = [
    "CAPABILITIES",
    "Profile",
    "built_in_names",
    "is_declared",
    "load",
    "parse",
]


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
        text = path.read_text("utf-8")
    except FileNotFoundError:
        raise ProfileError(_unknown_name(name)) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise ProfileError(f"cannot read profile {name}: {problem}") from problem
    return parse(text, origin=name, overrides=overrides)


def parse(text: str, *, origin: str, overrides: Iterable[str] = ()) -> Profile:
    """Read a profile from TOML text; `origin` names it in error messages."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise ProfileError(f"{origin}: expected TOML, but {problem}") from problem
    settings = {_override(values, override) for override in overrides}
    try:
        return Profile.model_validate(values)
    except ValidationError as problem:
        lines = []
        for error in problem.errors(include_url=False):
            is_set = _dotted(_keys(error, values)) in settings
            lines.append(_explain(error, values, text, "--set" if is_set else origin))
        raise ProfileError("\n".join(lines)) from problem


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
    except tomllib.TOMLDecodeError:
        values[key] = text
    return dotted


def _explain(
    error: Mapping[str, Any], values: Mapping[str, Any], text: str, origin: str
) -> str:
    """Word an error as `file:line: key: what`; a setting has no line."""
    path = _keys(error, values)
    line = None if origin == "--set" else line_of(text, path)
    where = f"{origin}:{line}" if line else origin
    return f"{where}: {_dotted(path)}: {_message(error)}"


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path) or "profile"


def _keys(error: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str | int, ...]:
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
        return str(error["msg"]).removeprefix("Value error, ")
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
