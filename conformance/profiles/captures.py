"""What a profile wants kept of an answer: a header, a JSON value, an event's. Pure.

Works on an answer that is still coming as on a recorded one: probes put the values in
later requests, checks compare them.
"""

from __future__ import annotations

from collections.abc import Iterable

from .pointer import MISSING, lookup, parse_json
from .schema import Capture
from .typed import TypedEvent

Headers = Iterable[tuple[str, str]]


def find_header(capture: Capture, headers: Headers) -> object:
    """Return the first header of that name, or `MISSING`."""
    wanted = (capture.header or "").lower()
    return next((text for name, text in headers if name.lower() == wanted), MISSING)


def find_in_answer(capture: Capture, headers: Headers, body: bytes) -> object:
    """Return what to keep of an ordinary answer, or `MISSING`."""
    if capture.header is not None:
        return find_header(capture, headers)
    document = parse_json(body.decode("utf-8", "replace"))
    return MISSING if document is MISSING else lookup(document, capture.pointer or "")


def find_in_stream(
    capture: Capture, headers: Headers, events: Iterable[TypedEvent]
) -> object:
    """Return what to keep of a stream as far as it has come, or `MISSING`."""
    if capture.header is not None:
        return find_header(capture, headers)
    for event in events:
        if event.type == capture.event:
            return lookup(event.data, capture.pointer or "")
    return MISSING
