"""Takes event streams apart and puts them together wrongly, for the mutants.

Shares nothing with `streamproof.conformance.wire` or the server's own writer: a
mutation must not be defined by the code that is to notice it. It only has to
understand what the right servers write: LF line ends, one field a line.
"""

from __future__ import annotations

import json
from typing import Any

END = b"\n\n"


class Splitter:
    """Cuts a body into frames, each with the blank line that ends it."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the frames that are complete now."""
        *whole, self._rest = (self._rest + data).split(END)
        return [part + END for part in whole]


def get(frame: bytes, name: str) -> str | None:
    """Return the value of the first field `name`, or None."""
    for line in frame.decode().split("\n"):
        field, colon, value = line.partition(": ")
        if colon and field == name:
            return value
    return None


def put(frame: bytes, name: str, value: str) -> bytes:
    """Return the frame with the field `name` set, at its place or else in front."""
    old = get(frame, name)
    if old is None:
        return f"{name}: {value}\n".encode() + frame
    return frame.replace(f"{name}: {old}\n".encode(), f"{name}: {value}\n".encode(), 1)


def drop(frame: bytes, name: str) -> bytes:
    """Return the frame without its fields `name`."""
    prefix = f"{name}:".encode()
    lines = frame.removesuffix(END).split(b"\n")
    return b"\n".join(line for line in lines if not line.startswith(prefix)) + END


def document(frame: bytes) -> Any:  # noqa: ANN401 -- any JSON value
    """Return the JSON of the frame's data; None for a heartbeat or a comment."""
    data = get(frame, "data")
    return json.loads(data) if data is not None and is_event(frame) else None


def with_document(frame: bytes, value: object) -> bytes:
    """Return the frame with other JSON as its data."""
    return put(frame, "data", json.dumps(value, ensure_ascii=False))


def kind(frame: bytes) -> str:
    """Return the event's type, such as `token-stream`; "" for a heartbeat."""
    found = document(frame)
    return str(found.get("type", found.get("stage"))) if found else ""


def is_event(frame: bytes) -> bool:
    """Tell an event of the run from a heartbeat or a comment."""
    return get(frame, "id") is not None


def number(frame: bytes) -> int:
    """Return n of the id `<stream>-<n>`; 0 for a heartbeat."""
    return int((get(frame, "id") or "-0").rpartition("-")[2])
