"""Reading a stream as its standard says, in whatever shape: the second opinion.

Unlike the strict judges, which know one spelling, these take every one that means the
same. Shares no code with the fakes.
"""

from __future__ import annotations

import json
import re
from typing import Any

Event = tuple[str, str]


def take_apart(response: bytes) -> tuple[dict[str, str], list[bytes]]:
    """Return header fields and HTTP chunks; a body without any is one.

    A body that is cut off has no last chunk; one that is cut in a chunk has it short.
    """
    head, _, rest = response.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines)
    if headers.get("transfer-encoding") != "chunked":
        return headers, [rest]
    chunks: list[bytes] = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        chunks.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return headers, chunks


def decode_events(body: bytes) -> list[Event]:
    """Read events: type and data of each.

    After https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation;
    what is left without a blank line is no event.
    """
    text = body.decode().removeprefix("\ufeff")
    events: list[Event] = []
    kind, data = "", ""
    for line in re.split(r"\r\n|\r|\n", text):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                events.append((kind or "message", data.removesuffix("\n")))
            kind, data = "", ""
        elif name == "event":
            kind = value
        elif name == "data":
            data += f"{value}\n"
    return events


def decode_values(body: bytes) -> list[Any]:
    """Read JSON values with white space of JSON between them."""
    text = body.decode().removeprefix("\ufeff").strip(" \t\r\n")
    values: list[Any] = []
    decoder = json.JSONDecoder()
    while text:
        value, end = decoder.raw_decode(text)
        values.append(value)
        text = text[end:].strip(" \t\r\n")
    return values


def decode_array(body: bytes) -> list[Any]:
    """Read the elements of one JSON array."""
    values = json.loads(body.decode().removeprefix("\ufeff"))
    assert isinstance(values, list), values
    return values
