"""Strict reading of what a fake sends: HTTP bodies, events, JSON, closed objects.

Shares no code with the fakes: it is the second opinion. Everything that is not
exactly as expected is an `AssertionError` that shows what came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

Json = dict[str, Any]
Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NULL: Schema = {"type": "null"}
EMPTY: Schema = {"type": "array", "maxItems": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a client that reads everything knows in the end.

    Args:
        parts: kind, name (of a tool) and text of every part, in order.
    """

    parts: tuple[tuple[str, str, str], ...]
    stop: str
    input_tokens: int | None
    output_tokens: int | None


def closed(**fields: Schema) -> Schema:
    """An object with exactly these fields; `field_` may be missing."""
    named = {name.rstrip("_"): schema for name, schema in fields.items()}
    return {
        "type": "object",
        "properties": named,
        "required": [name for name in fields if not name.endswith("_")],
        "additionalProperties": False,
    }


def one_of(*values: object) -> Schema:
    return {"enum": list(values)}


def matching(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^{pattern}$"}


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, NULL]}


def check(value: object, schema: Schema) -> None:
    errors = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
    assert not errors, f"{errors} in {value!r}"


def parse(text: str) -> Json:
    """Read a JSON object in which no name occurs twice."""

    def no_twins(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"a name occurs twice in {names}"
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=no_twins)
    assert isinstance(value, dict), f"expected an object, got {text[:80]!r}"
    return value


def split_events(body: bytes) -> list[tuple[str | None, str]]:
    """Split a stream into name and data of its events, each ended by a blank line."""
    text = body.decode()
    assert text.endswith("\n\n"), f"expected a blank line at the end: {text[-80:]!r}"
    events: list[tuple[str | None, str]] = []
    for block in text[:-2].split("\n\n"):
        lines = block.split("\n")
        name = None
        if lines[0].startswith("event: "):
            name = lines.pop(0).removeprefix("event: ")
            assert name, f"expected a name: {block!r}"
        assert len(lines) == 1, f"expected one line of data: {block!r}"
        assert lines[0].startswith("data: "), f"expected data: {block!r}"
        assert "\r" not in block
        events.append((name, lines[0].removeprefix("data: ")))
    return events


def body_of(response: bytes) -> tuple[int, dict[str, str], bytes]:
    """Take one HTTP response apart: status, header fields, body without chunks."""
    head, _, rest = response.partition(b"\r\n\r\n")
    status_line, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") != "chunked":
        assert len(rest) == int(headers["content-length"])
        return int(status_line.split(" ")[1]), headers, rest
    body = b""
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        assert rest[length : length + 2] == b"\r\n"
        body += rest[:length]
        rest = rest[length + 2 :]
        if length == 0:
            assert rest == b"", f"expected nothing behind the last chunk: {rest!r}"
            return int(status_line.split(" ")[1]), headers, body


def join_same(parts: list[tuple[str, str, str]]) -> tuple[tuple[str, str, str], ...]:
    """Join neighbours of one kind; calls of tools stay apart."""
    joined: list[tuple[str, str, str]] = []
    for kind, name, text in parts:
        if joined and kind == joined[-1][0] != "tool":
            joined[-1] = (kind, name, joined[-1][2] + text)
        else:
            joined.append((kind, name, text))
    return tuple(joined)
