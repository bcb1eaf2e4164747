"""Remove secrets from an exchange before it is written down.

Must not be applied to what checks judge: the marker has another length than what it
replaces, so the offsets of a redacted body are its own.

A value is replaced for one of two reasons: it contains a secret the caller names (a
token it minted), or it is the value of a header that carries credentials by its name.
A secret is looked for as it is, JSON-escaped and percent-encoded, the whole of it in
one way; not in base64, where it has a form for each place that it may start at.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, AnyStr
from urllib.parse import quote_from_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from .recording import Chunk, Recording

MARKER = "[redacted]"
_MARKER_BYTES = MARKER.encode()

# `authorization` covers Proxy-Authorization, `cookie` Set-Cookie; X-Ratelimit-…-Tokens
# is a count and stays readable.
_CREDENTIAL_HEADER = re.compile(r"authorization$|cookie|api-?key$|(^|-)token$")


# What Python's quote, JavaScript's encodeURIComponent and its encodeURI leave alone,
# beyond letters, digits and `_.-~`.
_KEPT_IN_URLS = ("", "/", "!*'()", "!*'();,/?:@&=+$#")
# What JSON that may stand in an HTML page escapes.
_HTML = re.compile("[<>&']")
_HEX = re.compile(r"\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}")


def forms_of(secret: str) -> set[str]:
    """Return a secret and what JSON, URLs and forms make of it; one text for a JWT."""
    # A secret from the environment may hold undecodable bytes as lone surrogates.
    encoded = _encode(secret)
    found = {secret}
    for is_ascii in (True, False):
        escaped = json.dumps(secret, ensure_ascii=is_ascii)[1:-1]
        found |= {escaped, escaped.replace("/", r"\/"), _HTML.sub(_to_escape, escaped)}
    for safe in _KEPT_IN_URLS:
        quoted = quote_from_bytes(encoded, safe)
        found |= {quoted, quoted.replace("%20", "+")}
    # Hexadecimal digits may be written either way.
    found |= {_HEX.sub(lambda match: match[0].lower(), form) for form in found}
    found |= {_HEX.sub(lambda match: _upper(match[0]), form) for form in found}
    return found


def _to_escape(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _upper(escape: str) -> str:
    return escape[:2] + escape[2:].upper() if escape[0] == "\\" else escape.upper()


def redact(recording: Recording, secrets: Collection[str]) -> Recording:
    """Return `recording` with each secret and each credential header replaced."""
    texts = {form for secret in secrets if secret for form in forms_of(secret)}
    encoded = {_encode(text) for text in texts}
    # Header text is Latin-1, so a secret beyond ASCII looks different there.
    texts |= {secret.decode("latin-1") for secret in encoded}
    return replace(
        recording,
        reason=_redact_text(recording.reason, texts),
        raw_head=_replace(_redact_head(recording.raw_head), encoded, _MARKER_BYTES),
        headers=tuple(
            (_redact_text(name, texts), _redact_header(name, value, texts))
            for name, value in recording.headers
        ),
        chunks=tuple(_redact_chunks(recording.chunks, encoded)),
        ending=replace(
            recording.ending, detail=_redact_text(recording.ending.detail, texts)
        ),
    )


def _encode(secret: str) -> bytes:
    return secret.encode(errors="surrogateescape")


def _redact_header(name: str, value: str, secrets: Iterable[str]) -> str:
    return MARKER if is_credential_header(name) else _redact_text(value, secrets)


def is_credential_header(name: str) -> bool:
    """Whether a header's value is a credential, going by its name."""
    return _CREDENTIAL_HEADER.search(name.strip().lower()) is not None


def _redact_head(head: bytes) -> bytes:
    """Replace the values of credential headers, folded lines included."""
    lines = []
    is_credential = False
    for line in head.splitlines(keepends=True):
        name, colon, _ = line.partition(b":")
        is_folded = line[:1] in {b" ", b"\t"}
        if not is_folded:
            is_credential = bool(colon) and is_credential_header(name.decode("latin-1"))
        if not is_credential:
            lines.append(line)
            continue
        shown = line[:1] if is_folded else name + b": "
        line_end = line[len(line.rstrip(b"\r\n")) :]
        lines.append(shown + _MARKER_BYTES + line_end)
    return b"".join(lines)


def _redact_text(value: str, secrets: Iterable[str]) -> str:
    return _replace(value, secrets, MARKER)


def _replace(value: AnyStr, secrets: Iterable[AnyStr], marker: AnyStr) -> AnyStr:
    pieces = []
    kept = 0
    for start, end in _find_spans(value, secrets):
        pieces += [value[kept:start], marker]
        kept = end
    pieces.append(value[kept:])
    return value[:0].join(pieces)


def _redact_chunks(
    chunks: Iterable[Chunk], secrets: Iterable[bytes]
) -> Iterator[Chunk]:
    """Redact a body whose secrets may lie across chunks.

    The marker goes to the chunk where the secret starts, and the later chunks lose
    their part of it; each chunk keeps its time.
    """
    chunks = tuple(chunks)
    spans = _find_spans(b"".join(chunk.data for chunk in chunks), secrets)
    first = 0  # the first span that reaches beyond what is done
    start = 0
    for chunk in chunks:
        end = start + len(chunk.data)
        pieces = []
        kept = start
        while first < len(spans) and spans[first][0] < end:
            secret_start, secret_end = spans[first]
            if secret_start >= start:
                pieces += [
                    chunk.data[kept - start : secret_start - start],
                    _MARKER_BYTES,
                ]
            kept = min(secret_end, end)
            if secret_end > end:
                break
            first += 1
        pieces.append(chunk.data[kept - start :])
        yield replace(chunk, data=b"".join(pieces))
        start = end


def _find_spans(value: AnyStr, secrets: Iterable[AnyStr]) -> list[tuple[int, int]]:
    """Find where secrets stand, sorted; spans that overlap or touch are merged."""
    found = []
    for secret in secrets:
        start = value.find(secret)
        while start >= 0:
            found.append((start, start + len(secret)))
            start = value.find(secret, start + 1)
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
