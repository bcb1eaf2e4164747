"""How the control API answers, and how it reads a query.

Must not know what is asked for.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

from ..errors import RequestError
from ..keys import KEY, SPELLING
from ..net.http1 import encode_response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..net.http1 import Request
    from ..net.link import Link

__all__ = [
    "MAX_WAIT_MS",
    "check_names",
    "count_of",
    "key_of",
    "send_json",
    "timeout_ms_of",
]

MAX_WAIT_MS: Final = 60_000
_COUNT: Final = re.compile(r"[1-9]\d{0,8}")


def send_json(
    request: Request, link: Link, value: object, *, status: int = 200
) -> None:
    """Answer a request with JSON and be done with it."""
    body = json.dumps(value, separators=(",", ":")).encode()
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    link.write(encode_response(status, headers, body, keep_alive=request.keep_alive))
    link.finish(keep_alive=request.keep_alive)


def check_names(query: Mapping[str, str], known: Iterable[str]) -> None:
    """Refuse a misspelled parameter, which would weaken what is asked.

    Raises:
        RequestError: naming it and those that exist.
    """
    names = tuple(known)
    unknown = [name for name in query if name not in names]
    if unknown:
        raise RequestError(
            f"expected the parameters {', '.join(names)}, got {unknown[0]!r}"
        )


def key_of(query: Mapping[str, str]) -> str | None:
    """Read the correlation key, None without.

    Raises:
        RequestError: it is none.
    """
    key = query.get("key")
    if key is not None and not KEY.fullmatch(key):
        raise RequestError(f"expected key to be {SPELLING}, got {key[:80]!r}")
    return key


def count_of(query: Mapping[str, str], name: str) -> int | None:
    """Read a number from 1, None without.

    Raises:
        RequestError: it is something else.
    """
    text = query.get(name)
    if text is not None and not _COUNT.fullmatch(text):
        raise RequestError(f"expected {name} to be a number from 1, got {text[:80]!r}")
    return None if text is None else int(text)


def timeout_ms_of(query: Mapping[str, str], default_ms: int) -> int:
    """Read how long an answer may take.

    Raises:
        RequestError: it is no number, or longer than a minute.
    """
    text = query.get("timeout_ms")
    if text is None:
        return default_ms
    if not re.fullmatch("[0-9]{1,5}", text) or int(text) > MAX_WAIT_MS:
        raise RequestError(
            f"expected timeout_ms to be 0 to {MAX_WAIT_MS}, got {text[:80]!r}"
        )
    return int(text)
