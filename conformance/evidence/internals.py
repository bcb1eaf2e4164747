"""What must not be read in an error message: the inside of the server and its provider.

Pure. Looks only; whether a response is one that tells of a failure is for the caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ..profiles import Profile
from ..profiles.pointer import lookup, parse_json
from ..profiles.typed import Outcome
from ..steering import without_directives
from .refusals import is_refused
from .streams import Stream

_AROUND = 20  # characters of context shown on either side of what was found

_ANYWHERE = {
    "a stack trace": re.compile(
        r'Traceback \(most recent call last\)|File "[^"\n]+", '
    ),
    "a source file": re.compile(
        r"(?:/[\w.-]+){2,}\.(?:py|js|ts|go|rb|java|rs)\b|[A-Za-z]:\\[\w\\.-]+\.py\b"
        r"|\bsite-packages\b"
    ),
}
"""No stream and no refusal has a use for these."""

_IN_ERRORS = {
    "an address": re.compile(
        r"https?://(?:localhost|\d{1,3}(?:\.\d{1,3}){3}|[^\s/:]+:\d)[^\s\"'<>]*"
        r"|\b(?:localhost|\d{1,3}(?:\.\d{1,3}){3}):\d+|\b127\.0\.0\.1\b"
    ),
    "an exception name": re.compile(
        r"\b[A-Z][A-Za-z0-9]*[a-z0-9](?:Error|Exception)\b"
        r"|\b(?:Read|Write|Connect|Pool)Timeout\b"
        r"|\b(?:httpx|httpcore|h11|openai|anthropic|aiohttp|asyncio|anyio)\.[A-Za-z_]+"
    ),
}
"""Looked for in the message alone: a stable code may well be called `NotFoundError`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Internal:
    """Something of the inside, in words, and its byte offset in the body if known."""

    what: str
    offset: int | None


def find_internals(
    seen: Stream, profile: Profile, *, marker: object
) -> Iterator[Internal]:
    """Find what a response shows of the inside.

    `marker` is the text of the provider's own error message, if the probe set one.
    """
    # A stream may echo the probe's own steering text as part of the prompt.
    text = seen.transcript.body.decode("utf-8", "replace")
    body = _unquoted(without_directives(text))
    for what, pattern in _ANYWHERE.items():
        if found := pattern.search(body):
            yield _internal(what, body, found, seen)
    told = re.search(re.escape(marker), body) if isinstance(marker, str) else None
    if told and marker:
        yield _internal("the provider's own message", body, told, seen)
    for message in _messages(seen, profile):
        for what, pattern in _IN_ERRORS.items():
            if found := pattern.search(message):
                yield _internal(what, message, found, seen)


def _messages(seen: Stream, profile: Profile) -> Iterator[str]:
    """Return the messages of the error events, or the refusal's own."""
    errors, refusal = profile.errors, profile.refusal
    if is_refused(seen.exchange):
        body = seen.transcript.body.decode("utf-8", "replace")
        document = parse_json(body)
        message = lookup(document, refusal.message) if refusal is not None else None
        yield message if isinstance(message, str) else body
    elif errors is not None:
        for event in seen.events:
            message = lookup(event.data, errors.message)
            if event.outcome is Outcome.ERROR and isinstance(message, str):
                yield message


def _unquoted(text: str) -> str:
    """Undo the escapes of JSON strings that would hide a stack trace."""
    return text.replace("\\n", "\n").replace('\\"', '"').replace("\\/", "/")


def _internal(what: str, text: str, found: re.Match[str], seen: Stream) -> Internal:
    start, end = max(0, found.start() - _AROUND), found.end() + _AROUND
    offset = seen.transcript.body.find(found[0].encode())
    return Internal(
        what=f"{what}: …{text[start:end]}…", offset=offset if offset >= 0 else None
    )
