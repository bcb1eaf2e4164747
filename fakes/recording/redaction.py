"""Secrets of a call, and how they are kept out of its cassette.

What a request proves itself with (header fields, cookies, a key in the query) is
replaced wherever it is; its text is also looked for in everything else that is kept,
as it stands and as a URL, JSON or HTML would spell it. In a request `REDACTED` takes
its place. In a response, whose framing counts bytes, the mask has the secret's own
length (`REDACTED*****`), so that lengths, chunk sizes and reads stay what they were.

Looked for is what has at least `MIN_SECRET` characters: a shorter one would be found
in ordinary words. What cannot be found is a secret that is told in pieces (an event
each), or inside a compressed body; the recorder asks for none.

Pure.
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote_plus, urlsplit

from ..keys import REDACTED, SECRET_FIELDS, SECRET_PARAMETERS
from .cassette import Asked, Read
from .response import body_ranges, trailer_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .cassette import Recording
    from .response import Head

__all__ = [
    "REDACTED",
    "SECRET_FIELDS",
    "SECRET_PARAMETERS",
    "Secrets",
    "redact",
    "redacted_names",
]

# Keys of the services are 39 characters and more; tests use `sk-test` and the like.
MIN_SECRET: Final = 8

# Of `Bearer abc` the second word is the secret; a bare key has no scheme.
_SCHEMES: Final = frozenset({"authorization", "proxy-authorization"})
_COOKIES: Final = frozenset({"cookie", "set-cookie"})
# A name and its value in a query, both as they were spelled.
_PARAMETER: Final = re.compile(r"(?<=[?&])([^=&#]*)=([^&#]*)")


def redact(
    recording: Recording, head: Head, more_fields: frozenset[str] = frozenset()
) -> Recording:
    """Return a recording without its secrets; reads and lengths are as before.

    Args:
        recording: what went over the wire.
        head: the head of its response.
        more_fields: names (in lower case) of further header fields that are secret.
    """
    asked = recording.asked
    query = parse_qsl(urlsplit(asked.target).query)
    secrets = Secrets(asked.headers, query, more_fields=more_fields)
    masked = secrets.mask_response(recording.response, head)
    reads, place = [], 0
    for read in recording.reads:
        end = place + len(read.data)
        reads.append(Read(read.at_ms, masked[place:end]))
        place = end
    return replace(
        recording,
        asked=Asked(
            method=asked.method,
            target=secrets.redact_target(asked.target),
            headers=secrets.redact_fields(asked.headers),
            body=secrets.redact_body(asked.body),
        ),
        reads=tuple(reads),
    )


def redacted_names(fields: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Give the names (in lower case) of header fields that were redacted once."""
    return (name.lower() for name, value in fields if value == REDACTED)


class Secrets:
    """The secrets of one request, and of the response to it."""

    def __init__(
        self,
        fields: Iterable[tuple[str, str]],
        query: Iterable[tuple[str, str]],
        *,
        more_fields: frozenset[str] = frozenset(),
    ) -> None:
        """Collect the secrets of a request.

        Args:
            fields: its header fields.
            query: names and values of its query.
            more_fields: names (in lower case) of further fields that are secret.
        """
        self._names = SECRET_FIELDS | more_fields
        self._texts: set[str] = set()
        for name, value in fields:
            self._learn(name, value)
        for name, value in query:
            if name.lower() in SECRET_PARAMETERS:
                self._texts.add(value)
        self._forms: tuple[bytes, ...] = ()
        self._pattern = self._compile()

    def redact_fields(
        self, fields: Iterable[tuple[str, str]]
    ) -> tuple[tuple[str, str], ...]:
        """Redact header fields of a request; a scheme (`Bearer`) is kept."""
        return tuple((name, self._redact_field(name, value)) for name, value in fields)

    def redact_target(self, target: str) -> str:
        """Redact the target of a request."""
        return self.redact_text(_PARAMETER.sub(_redact_parameter, target))

    def redact_text(self, text: str) -> str:
        """Redact text of a request."""
        return self.redact_body(text.encode("latin-1", "replace")).decode("latin-1")

    def redact_body(self, body: bytes) -> bytes:
        """Redact the body of a request."""
        return self._replace(lambda _: REDACTED.encode(), body)

    def mask_response(self, response: bytes, head: Head) -> bytes:
        """Mask a whole response; the result has the same length."""
        for name, value in head.fields:
            self._learn(name, value)
        self._pattern = self._compile()
        masked = bytearray(response)
        for place, end in ((0, head.size), (trailer_at(response, head), None)):
            for start, stop in self._secret_values(response[place:end]):
                masked[place + start : place + stop] = _mask(stop - start)
        ranges = list(body_ranges(response, head))
        # A secret may lie across two chunks of the body.
        body = self._mask(b"".join(response[start:end] for start, end in ranges))
        place = 0
        for start, end in ranges:
            masked[start:end] = body[place : place + end - start]
            place += end - start
        return self._mask(bytes(masked))

    def _learn(self, name: str, value: str) -> None:
        """Remember what of a header field is secret, if anything."""
        lower = name.lower()
        if lower not in self._names:
            return
        if lower in _COOKIES:
            # What follows the pair of a Set-Cookie are attributes, not secrets.
            pairs = value.split(";")[: None if lower == "cookie" else 1]
            self._texts.update(pair.partition("=")[2].strip() for pair in pairs)
        elif lower in _SCHEMES:
            scheme, _, rest = value.strip().partition(" ")
            self._texts.add(rest.strip() or scheme)
            if scheme.lower() == "basic":
                self._texts.update(_basic(rest))
        else:
            self._texts.add(value.strip())

    def _compile(self) -> re.Pattern[bytes]:
        texts = {text for text in self._texts if len(text) >= MIN_SECRET}
        forms = {form for text in texts for form in _forms(text)}
        # The longest first: one spelling may begin as another does.
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._forms = tuple({form.lower() for form in ordered})
        # Escapes are spelled in either case; a key in the wrong case is still told.
        return re.compile(b"|".join(map(re.escape, ordered)), re.IGNORECASE)

    def _redact_field(self, name: str, value: str) -> str:
        lower = name.lower()
        if lower not in self._names:
            return self.redact_text(value)
        scheme, space, _ = value.strip().partition(" ")
        return f"{scheme} {REDACTED}" if lower in _SCHEMES and space else REDACTED

    def _secret_values(self, lines: bytes) -> Iterator[tuple[int, int]]:
        """Find the values of secret header fields: start and end of each."""
        names = b"|".join(re.escape(name.encode()) for name in sorted(self._names))
        pattern = rb"^(?:%b):[ \t]*([^\r\n]*)" % names
        for found in re.finditer(pattern, lines, re.IGNORECASE | re.MULTILINE):
            yield found.span(1)

    def _mask(self, data: bytes) -> bytes:
        return self._replace(lambda found: _mask(len(found[0])), data)

    def _replace(self, by: Callable[[re.Match[bytes]], bytes], data: bytes) -> bytes:
        # Nearly always there is nothing to replace, and this tells it 20 times sooner.
        lower = data.lower()
        if not any(form in lower for form in self._forms):
            return data
        return self._pattern.sub(by, data)


def _mask(length: int) -> bytes:
    """Make a mask of that length that begins as every other does."""
    return (REDACTED.encode() + b"*" * length)[:length]


def _redact_parameter(found: re.Match[str]) -> str:
    name = found[1]
    is_secret = unquote_plus(name).lower() in SECRET_PARAMETERS
    return f"{name}={REDACTED}" if is_secret else found[0]


def _basic(credentials: str) -> Iterator[str]:
    """Give `user:password` and the password behind a Basic scheme's Base64."""
    try:
        pair = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return
    yield pair
    yield pair.partition(":")[2]


def _forms(text: str) -> Iterator[bytes]:
    """Give every way in which a URL, JSON, HTML or Base64 spells a text."""
    escaped = json.dumps(text)[1:-1]
    yield from (
        form.encode("utf-8", "replace")
        for form in (
            text,
            quote(text, safe=""),
            quote(text),
            quote_plus(text),
            escaped,
            escaped.replace("/", "\\/"),
            json.dumps(text, ensure_ascii=False)[1:-1],
            html.escape(text),
        )
    )
    yield base64.b64encode(text.encode("utf-8", "replace")).rstrip(b"=")
