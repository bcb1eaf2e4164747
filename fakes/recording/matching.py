"""Which recording answers a request, and which comes nearest.

Two requests are the same when method, path, query and body are. A body that is JSON
is compared as a value: the order of keys, white space and escapes do not matter, nor
does 1.0 for 1. Header fields do not count, and secrets are equal to each other.
The n-th request of a kind gets its n-th recording, and stays with the last.

Pure; who counts the requests is whoever asks.
"""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from .redaction import REDACTED, SECRET_PARAMETERS, Secrets

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Mapping, Sequence

    from ..http1 import Request
    from .cassette import Asked

__all__ = ["Chooser", "Kind", "kind_of_asked", "kind_of_request"]

# Of a thousand recordings these many are looked at for the nearest one.
MAX_CANDIDATES: Final = 200
# A value is shown in a message up to here.
MAX_SHOWN: Final = 80
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")
_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class Kind:
    """What makes a request the same as another: places, and what stands there.

    Places are `method`, `path`, `query.alt`, `body.messages[0].content`, and `body` for
    one that is no JSON. Values are JSON, or the body itself.
    """

    leaves: tuple[tuple[str, str], ...]

    @property
    def method_and_path(self) -> str:
        """The request's name in a message."""
        leaves = dict(self.leaves)
        return f"{leaves['method']} {leaves['path']}"


def kind_of_asked(asked: Asked) -> Kind:
    """Return the kind of a recorded request; its secrets are redacted already."""
    target = urlsplit(asked.target)
    query = dict(parse_qsl(target.query, keep_blank_values=True))
    return _kind(asked.method, unquote(target.path), query, asked.body)


def kind_of_request(request: Request) -> Kind:
    """Return the kind of a request that has arrived."""
    secrets = Secrets(request.headers.items(), request.query.items())
    return _kind(
        request.method,
        secrets.redact_text(request.path),
        {name: secrets.redact_text(value) for name, value in request.query.items()},
        secrets.redact_body(request.body),
    )


def _kind(method: str, path: str, query: Mapping[str, str], body: bytes) -> Kind:
    leaves = [("method", method), ("path", path)]
    leaves += sorted(
        (f"query.{name}", REDACTED if name.lower() in SECRET_PARAMETERS else value)
        for name, value in query.items()
    )
    return Kind((*leaves, *_leaves_of(body)))


def _leaves_of(body: bytes) -> list[tuple[str, str]]:
    try:
        value = json.loads(body, parse_float=_number)
    except (ValueError, RecursionError):
        return [("body", body.decode("utf-8", "backslashreplace"))] if body else []
    leaves: list[tuple[str, str]] = []
    # A list instead of recursion: a body may be nested as deep as its sender likes.
    waiting: list[tuple[str, object]] = [("body", value)]
    while waiting:
        place, value = waiting.pop()
        if isinstance(value, dict) and value:
            waiting += [(f"{place}.{_name(key)}", value[key]) for key in value]
        elif isinstance(value, list) and value:
            waiting += [(f"{place}[{index}]", part) for index, part in enumerate(value)]
        else:
            leaves.append((place, json.dumps(value, ensure_ascii=False)))
    return sorted(leaves)


def _name(key: str) -> str:
    """Spell a key so that no two places are spelled the same."""
    return key if _PLAIN.fullmatch(key) else json.dumps(key)


def _number(text: str) -> float:
    number = float(text)
    return int(number) if number.is_integer() else number


class Chooser:
    """Recordings by kind."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        """Take the kind of each recording, in the order they are to be played."""
        self._kinds = kinds
        self._places: dict[Kind, list[int]] = {}
        for place, kind in enumerate(kinds):
            self._places.setdefault(kind, []).append(place)

    def choose(self, kind: Kind, asked: Counter[Kind]) -> int | None:
        """Return the place of the recording that is next for this kind, if any is.

        Args:
            kind: what is asked for.
            asked: how often each kind was; this request is counted, if it is known.
        """
        places = self._places.get(kind)
        if places is None:
            return None
        asked[kind] += 1
        return places[min(asked[kind], len(places)) - 1]

    def nearest(self, kind: Kind) -> tuple[int, str] | None:
        """Return the place of the recording most like it, and where they differ.

        None if there is no recording at all.
        """
        if not self._places:
            return None
        wanted = dict(kind.leaves)
        ranked = sorted(
            self._places, key=lambda known: _path_likeness(known, wanted), reverse=True
        )
        near = max(ranked[:MAX_CANDIDATES], key=lambda known: _likeness(known, wanted))
        return self._places[near][0], _difference(dict(near.leaves), wanted)


def _path_likeness(known: Kind, wanted: Mapping[str, str]) -> float:
    theirs, ours = dict(known.leaves[:2]), wanted
    if theirs["path"] == ours["path"]:
        return 1 + (theirs["method"] == ours["method"])
    # A path may be of any length, and comparing takes its square.
    matcher = difflib.SequenceMatcher(None, theirs["path"][:200], ours["path"][:200])
    return matcher.quick_ratio()


def _likeness(known: Kind, wanted: Mapping[str, str]) -> tuple[float, float]:
    same = sum(wanted.get(place) == value for place, value in known.leaves)
    return _path_likeness(known, wanted), same / max(len(known.leaves), len(wanted))


def _difference(known: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """Say where two kinds differ first, method and path before everything else."""
    first = next(
        place
        for place in _in_order(known, wanted)
        if known.get(place) != wanted.get(place)
    )
    expected, got = _show(known.get(first)), _show(wanted.get(first))
    return f"{first}: expected {expected}, got {got}"


def _in_order(*kinds: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(place for kind in kinds for place in kind))


def _show(value: str | None) -> str:
    if value is None:
        return _NOTHING
    return value if len(value) <= MAX_SHOWN else f"{value[:MAX_SHOWN]}…"
