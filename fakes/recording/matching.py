"""Which recording answers a request, and which comes nearest.

Two requests are the same when method, path, query and body are. A body that is JSON
is compared as a value: the order of keys, white space and escapes do not matter, nor
does 1.0 for 1. Header fields do not count, and secrets are equal to each other.
The n-th request of a kind gets its n-th recording, and stays with the last.

Bounds: a client may send `http1.MAX_BODY_BYTES` of anything, while all others
wait. So a body is told apart by a hash, one of more than `MAX_COMMAS` as it stands,
and the nearest recording is looked for among `MAX_CANDIDATES` by `MAX_LEAVES` each.

Pure: the caller keeps the count of requests.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .difference import Text, describe, leaves_of
from .redaction import REDACTED, SECRET_PARAMETERS, Secrets

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping, Sequence

    from ..net.http1 import Request
    from .cassette import Asked

__all__ = ["Chooser", "Kind", "kind_of_asked", "kind_of_request"]

# Of a thousand recordings these many are looked at for the nearest one.
MAX_CANDIDATES: Final = 200
# Of a body's values these many count for which recording is nearest.
MAX_LEAVES: Final = 500
# More values than any chat has. Each costs a microsecond to read, in an event loop
# that all share; long texts and images cost next to nothing.
MAX_COMMAS: Final = 100_000
# Whole numbers up to here are the same as floats; longer ones would spell out 1e308.
MAX_WHOLE: Final = 1e15
# A body with a longer number is compared as it stands: reading one takes its square.
MAX_DIGITS: Final = 100
# Of a path this much is compared by likeness, which takes its square.
MAX_PATH: Final = 200


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a request the same as another.

    Args:
        query: names and values, by name.
        digest: hash of the body's value.
        body: that value, for messages; `Text` where it is no JSON.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    digest: bytes
    body: object = field(compare=False, repr=False)

    @property
    def method_and_path(self) -> str:
        """The request's name in a message."""
        return f"{self.method} {self.path}"

    @property
    def parts(self) -> dict[str, object]:
        """Everything that counts by name, in the order in which it is compared."""
        return {
            "method": self.method,
            "path": self.path,
            "query": dict(self.query),
            "body": self.body,
        }


def kind_of_asked(asked: Asked) -> Kind:
    """Return the kind of a recorded request; its secrets are redacted already."""
    target = urlsplit(asked.target)
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return _kind(asked.method, unquote(target.path), query, asked.body)


def kind_of_request(
    request: Request, secret_fields: frozenset[str] = frozenset()
) -> Kind:
    """Return the kind of a request that has arrived.

    Args:
        request: what is asked for.
        secret_fields: names (in lower case) of header fields that are secret, beside
            the well-known ones: those of the recordings.
    """
    secrets = Secrets(
        request.headers.items(), request.query.items(), more_fields=secret_fields
    )
    return _kind(
        request.method,
        secrets.redact_text(request.path),
        {name: secrets.redact_text(value) for name, value in request.query.items()},
        secrets.redact_body(request.body),
    )


def _kind(method: str, path: str, query: Mapping[str, str], body: bytes) -> Kind:
    told = sorted(
        (name, REDACTED if name.lower() in SECRET_PARAMETERS else value)
        for name, value in query.items()
    )
    value, digest = _value_of(body)
    return Kind(method, path, tuple(told), digest, value)


def _value_of(body: bytes) -> tuple[object, bytes]:
    """Return what a body means, and a hash that only equal values share."""
    if body.count(b",") <= MAX_COMMAS:
        try:
            value = json.loads(body, parse_float=_number, parse_int=_whole)
            spelled = json.dumps(value, sort_keys=True)
        except (ValueError, RecursionError):
            pass
        else:
            return value, sha256(b"json:" + spelled.encode()).digest()
    text = Text(body.decode("utf-8", "backslashreplace"))
    return text, sha256(b"text:" + body).digest()


def _whole(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("too long to be worth its square")
    return int(text)


def _number(text: str) -> float:
    number = float(text)
    is_whole = number.is_integer() and abs(number) <= MAX_WHOLE
    return int(number) if is_whole else number


class Chooser:
    """Recordings by kind."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        """Take the kind of each recording, in the order they are to be played."""
        self._places: dict[Kind, list[int]] = {}
        for place, kind in enumerate(kinds):
            self._places.setdefault(kind, []).append(place)
        # Read now: a request that fits none is to be told so at once.
        self._leaves = {kind: _leaves(kind) for kind in self._places}
        self._kinds = kinds

    def choose(self, kind: Kind, asked: Counter[Kind]) -> int | None:
        """Return the place of the recording that is next for this kind, if any is.

        Args:
            kind: what is asked for.
            asked: how often each kind was; this request is counted, if it is known.
        """
        places = self._places.get(kind)
        if places is None:
            return None
        # Counted by the recording's own, so that no request's body is kept.
        known = self._kinds[places[0]]
        asked[known] += 1
        return places[min(asked[known], len(places)) - 1]

    def nearest(self, kind: Kind) -> tuple[int, str] | None:
        """Return the place of the recording most like it, and where they differ.

        None if there is no recording at all.
        """
        if not self._places:
            return None
        paths = {(known.method, known.path) for known in self._places}
        likeness = {path: _path_likeness(path, kind) for path in paths}
        ranked = sorted(
            self._places,
            key=lambda known: likeness[known.method, known.path],
            reverse=True,
        )
        ours = _leaves(kind)

        def rank(known: Kind) -> tuple[float, float]:
            theirs = self._leaves[known]
            same = len(theirs & ours) / max(1, len(theirs), len(ours))
            return likeness[known.method, known.path], same

        near = max(ranked[:MAX_CANDIDATES], key=rank)
        return self._places[near][0], describe(near.parts, kind.parts)


def _leaves(kind: Kind) -> frozenset[tuple[str, object]]:
    return frozenset(islice(leaves_of(kind.parts), MAX_LEAVES))


def _path_likeness(known: tuple[str, str], wanted: Kind) -> float:
    method, path = known
    if path == wanted.path:
        return 1 + (method == wanted.method)
    ours, theirs = wanted.path[:MAX_PATH], path[:MAX_PATH]
    return difflib.SequenceMatcher(None, theirs, ours).quick_ratio()
