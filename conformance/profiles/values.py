"""The kinds of single values in a profile: paths, pointers, header texts, schemas.

Pure. Each kind refuses what would only fail later, in the middle of a run. Knows one
value at a time: what two values have to do with each other is in `rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

import jsonschema
import referencing
import referencing.exceptions
from pydantic import AfterValidator, Field, JsonValue
from referencing.jsonschema import DRAFT202012

from .grammar import Grammar, GrammarError

LONGEST_S = 86_400.0
"""A day: a longer wait in a profile is a slip, and no timer takes any length."""

MOST_CHARACTERS = 4 * 1024 * 1024
"""Longest text that a request is filled up to: servers take bodies of 1 MiB or so."""

_POINTER = re.compile(r"(/([^~]|~[01])*)?", re.DOTALL)
_PATH = re.compile(r"/[!-~]*")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[ -~]*")
_FRAGMENT = "#"


def _json_pointer(text: str) -> str:
    if not _POINTER.fullmatch(text):
        raise ValueError(f"expected a JSON pointer such as '/type', got {text!r}")
    return text


def _id_place(text: str) -> str:
    if text != "id-field" and not (text and _POINTER.fullmatch(text)):
        raise ValueError(
            f"expected 'id-field' or a JSON pointer such as '/id', got {text!r}"
        )
    return text


def _path(text: str) -> str:
    if not _PATH.fullmatch(text) or _FRAGMENT in text:
        raise ValueError(
            "expected a path that starts with '/', in ASCII without white space or "
            f"'#', got {text!r}"
        )
    return text


def _header_name(text: str) -> str:
    if not _HEADER_NAME.fullmatch(text):
        raise ValueError(f"expected a name of a header, got {text!r}")
    return text


def _header_value(text: str) -> str:
    if not _HEADER_VALUE.fullmatch(text):
        raise ValueError(f"expected one line of ASCII text, got {text!r}")
    return text


def _grammar(text: str) -> str:
    try:
        Grammar(text)
    except GrammarError as problem:
        raise ValueError(str(problem)) from problem
    return text


def _marker(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error as problem:
        raise ValueError(
            f"expected a regular expression, but {problem} in {text!r}"
        ) from problem
    if groups != 1:
        raise ValueError(
            f"expected a regular expression with one group, got {groups} in {text!r}"
        )
    return text


def _json_schema(schema: dict[str, JsonValue]) -> dict[str, JsonValue]:
    try:
        jsonschema.Draft202012Validator.check_schema(schema)
    except jsonschema.SchemaError as problem:
        raise ValueError(
            f"expected a JSON Schema, but {problem.message} at {problem.json_path}"
        ) from problem
    for key, value in _keywords(schema):
        _expect_usable(key, value, schema)
    _expect_finite(schema)
    return schema


def _keywords(node: JsonValue) -> Iterator[tuple[str, str]]:
    """Yield every key with a text for its value, outside of literal values."""
    if isinstance(node, list):
        for each in node:
            yield from _keywords(each)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, str):
            yield key, value
        elif key not in ("const", "enum", "default", "examples"):
            yield from _keywords(value)


def _expect_usable(key: str, value: str, schema: dict[str, JsonValue]) -> None:
    """Refuse what makes a validator fetch something, or raise in a check."""
    if key in ("$ref", "$dynamicRef"):
        if not value.startswith("#"):
            raise ValueError(
                f"expected a local {key} such as '#/$defs/name', got {value!r}"
            )
        resource = DRAFT202012.create_resource(schema)
        registry: referencing.Registry[dict[str, JsonValue]] = referencing.Registry()
        try:
            registry.resolver_with_root(resource).lookup(value)
        except referencing.exceptions.Unresolvable as problem:
            raise ValueError(
                f"expected a {key} to something in the same schema, got {value!r}"
            ) from problem
    elif key == "$id":
        raise ValueError(f"expected a schema without $id, got {value!r}")


def _expect_finite(schema: dict[str, JsonValue]) -> None:
    """Refuse a schema that refers to itself for one and the same value."""
    validator = jsonschema.Draft202012Validator(schema, registry=referencing.Registry())
    try:
        for sample in _SAMPLES:
            validator.is_valid(sample)
    except RecursionError as problem:
        raise ValueError(
            "expected a schema that comes to an end, got a $ref to itself"
        ) from problem


_SAMPLES: tuple[JsonValue, ...] = ({}, [], "", 0, None)

Pointer = Annotated[str, AfterValidator(_json_pointer)]
"""A JSON pointer (RFC 6901) into the JSON of one event's data."""

IdPlace = Annotated[str, AfterValidator(_id_place)]
"""`id-field`, or a JSON pointer into the data."""

PathText = Annotated[str, AfterValidator(_path)]
"""A request's path, with placeholders, after the base URL."""

HeaderName = Annotated[str, AfterValidator(_header_name)]
"""A token of RFC 9110, section 5.6.2; also what a cookie's name is made of."""

HeaderValue = Annotated[str, AfterValidator(_header_value)]
Marker = Annotated[str, AfterValidator(_marker)]
"""A regular expression whose one group is the value of what it finds in a text."""

GrammarText = Annotated[str, AfterValidator(_grammar)]
JsonSchema = Annotated[dict[str, JsonValue], AfterValidator(_json_schema)]

Text = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S)]
Status = Annotated[int, Field(ge=100, le=599)]
"""An HTTP status code."""
