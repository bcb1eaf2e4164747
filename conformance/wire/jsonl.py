r"""The JSONL form of an exchange: a head line, a line per chunk, an ending line.

    {"schema": "streamproof.transcript", "version": 1, "started_at": …, "headers": …}
    {"at": 12.5, "text": "data: x\n\n"}
    {"at": 12.6, "base64": "4oI="}
    {"ending": "clean", "at": 12.7, "detail": ""}

Must not open files. Bytes are stored as text where they are UTF-8, for people, and as
base64 elsewhere. Everything beyond ASCII is escaped, because U+2028 and its like end a
line for some of the tools that read line by line.
"""

from __future__ import annotations

import base64
import json
import math
from typing import TYPE_CHECKING, NoReturn, TypeGuard

from .errors import TranscriptError
from .recording import Chunk, Ending, EndingKind, Recording

if TYPE_CHECKING:
    from collections.abc import Collection

SCHEMA = "streamproof.transcript"
VERSION = 1

_HEAD_KEYS = (
    "schema",
    "version",
    "started_at",
    "connected_at",
    "request_sent_at",
    "http_version",
    "status",
    "reason",
    "raw_head",
    "headers",
    "head_at",
)


def dump(recording: Recording) -> str:
    """Write `recording`; the text ends in a line feed."""
    head = {
        "schema": SCHEMA,
        "version": VERSION,
        "started_at": recording.started_at,
        "connected_at": recording.connected_at,
        "request_sent_at": recording.request_sent_at,
        "http_version": recording.http_version,
        "status": recording.status,
        "reason": recording.reason,
        "raw_head": dump_bytes(recording.raw_head),
        "headers": recording.headers,
        "head_at": recording.head_at,
    }
    chunks = ({"at": c.at, **dump_bytes(c.data)} for c in recording.chunks)
    ending = {
        "ending": recording.ending.kind,
        "at": recording.ending.at,
        "detail": recording.ending.detail,
    }
    rows = (head, *chunks, ending)
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def load(text: str, *, first_line: int = 1) -> Recording:
    """Read what `dump` wrote; `first_line` is the number of its first line.

    Raises:
        TranscriptError: the text is something else; the message names the line.
    """
    # Not `splitlines`, which splits at more than LF.
    lines = text.removesuffix("\n").split("\n")
    rows = [
        _Row.parse(line, number) for number, line in enumerate(lines, start=first_line)
    ]
    head, *chunks, ending = rows if len(rows) > 1 else (rows[0], rows[0])
    head.expect_schema()
    if not ending.has("ending"):
        ending.fail("expected the ending line, the text stops before it; is it cut?")
    head.expect_keys(_HEAD_KEYS)
    return Recording(
        started_at=head.seconds("started_at"),
        connected_at=head.maybe_seconds("connected_at"),
        request_sent_at=head.maybe_seconds("request_sent_at"),
        http_version=head.maybe_text("http_version"),
        status=head.maybe_integer("status"),
        reason=head.text("reason"),
        raw_head=head.row("raw_head").payload(),
        headers=head.pairs("headers"),
        head_at=head.maybe_seconds("head_at"),
        chunks=tuple(_load_chunk(row) for row in chunks),
        ending=_load_ending(ending),
    )


def dump_bytes(data: bytes) -> dict[str, str]:
    """Return bytes as an object of JSON: `text` if they are UTF-8, else `base64`."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def load_bytes(values: dict[str, str], *, line: int) -> bytes:
    """Read what `dump_bytes` made; raise `TranscriptError` for anything else."""
    return _Row(dict(values), line).payload()


def _load_chunk(row: _Row) -> Chunk:
    if row.has("ending"):
        row.fail("expected the ending on the last line, got more lines after it")
    return Chunk(at=row.seconds("at"), data=row.payload("at"))


def _load_ending(row: _Row) -> Ending:
    row.expect_keys(("ending", "at", "detail"))
    name = row.text("ending")
    if name not in set(EndingKind):
        row.fail(
            f"expected 'ending' to be one of {', '.join(EndingKind)}, got {name!r}"
        )
    return Ending(
        kind=EndingKind(name), at=row.seconds("at"), detail=row.text("detail")
    )


def _is_seconds(value: object) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < math.inf  # NaN is not


class _Row:
    """One JSON object and the line it stands in."""

    def __init__(self, values: dict[str, object], number: int) -> None:
        self._values = values
        self._number = number

    @classmethod
    def parse(cls, line: str, number: int) -> _Row:
        try:
            values = json.loads(line)
        # RecursionError: brackets nested deeper than the interpreter's stack.
        except (ValueError, RecursionError) as error:
            message = f"line {number}: expected a JSON object, got {line[:40]!r}"
            raise TranscriptError(f"{message} ({error})") from error
        if not isinstance(values, dict):
            message = f"line {number}: expected a JSON object, got {line[:40]!r}"
            raise TranscriptError(message)
        return cls(values, number)

    def fail(self, message: str) -> NoReturn:
        raise TranscriptError(f"line {self._number}: {message}")

    def has(self, key: str) -> bool:
        return key in self._values

    def expect_schema(self) -> None:
        schema = self._values.get("schema")
        version = self._values.get("version")
        if schema != SCHEMA:
            self.fail(f"expected 'schema' to be {SCHEMA!r}, got {schema!r}")
        if version != VERSION:
            self.fail(f"expected 'version' to be {VERSION}, got {version!r}")

    def expect_keys(self, keys: Collection[str]) -> None:
        for key in self._values:
            if key not in keys:
                self.fail(f"expected the keys {', '.join(keys)}, got {key!r}")

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str):
            self.fail(f"expected {key!r} to be a string, got {value!r}")
        return value

    def maybe_text(self, key: str) -> str | None:
        return None if self._get(key) is None else self.text(key)

    def maybe_integer(self, key: str) -> int | None:
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(f"expected {key!r} to be an integer or null, got {value!r}")
        return value

    def seconds(self, key: str) -> float:
        value = self._get(key)
        if not _is_seconds(value):
            self.fail(f"expected {key!r} to be a time in seconds, got {value!r}")
        return value

    def maybe_seconds(self, key: str) -> float | None:
        return None if self._get(key) is None else self.seconds(key)

    def pairs(self, key: str) -> tuple[tuple[str, str], ...]:
        value = self._get(key)
        if not isinstance(value, list):
            self.fail(f"expected {key!r} to be a list of pairs, got {value!r}")
        pairs = []
        for pair in value:
            match pair:
                case [str(name), str(content)]:
                    pairs.append((name, content))
                case _:
                    self.fail(f"expected {key!r} to hold [name, value], got {pair!r}")
        return tuple(pairs)

    def row(self, key: str) -> _Row:
        value = self._get(key)
        if not isinstance(value, dict):
            self.fail(f"expected {key!r} to be an object, got {value!r}")
        return _Row(value, self._number)

    def payload(self, *others: str) -> bytes:
        """Return the bytes under `text` or `base64`, the only keys beside `others`."""
        self.expect_keys((*others, "text", "base64"))
        if self.has("text") == self.has("base64"):
            self.fail("expected either 'text' or 'base64'")
        encoding = "text" if self.has("text") else "base64"
        value = self.text(encoding)
        try:
            if encoding == "text":
                return value.encode()
            return base64.b64decode(value, validate=True)
        except ValueError as error:  # a lone surrogate, or not base64
            self.fail(
                f"expected {encoding!r} to hold bytes, got {value[:40]!r} ({error})"
            )

    def _get(self, key: str) -> object:
        if key not in self._values:
            self.fail(f"expected the key {key!r}, it is missing")
        return self._values[key]
