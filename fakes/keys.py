"""Keys in header fields: a call's own, for correlation, and those that are secret.

Must not know what is kept per key, or who hides what is secret.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .errors import RequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FIELD",
    "KEY",
    "REDACTED",
    "SECRET_FIELDS",
    "SECRET_PARAMETERS",
    "SPELLING",
    "key_of_field",
]

# Every SDK can send fields of one's own; not every prompt is the test's to write.
FIELD: Final = "x-fakes-key"
KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
SPELLING: Final = "1 to 64 of A-Z a-z 0-9 _ -"
# Stands where a secret was.
REDACTED: Final = "REDACTED"
# Names in lower case of what is secret in a query.
SECRET_PARAMETERS: Final = frozenset(
    {"access_token", "api-key", "api_key", "apikey", "key"}
)
# Names in lower case: neither a refusal nor a cassette may hold what these say.
SECRET_FIELDS: Final = frozenset(
    {
        "api-key",
        "authorization",
        "cookie",
        "ocp-apim-subscription-key",
        "proxy-authorization",
        "set-cookie",
        "x-access-token",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-goog-api-key",
    }
)


def key_of_field(headers: Mapping[str, str]) -> str | None:
    """Return the key that a request's header gives it, None without.

    Raises:
        RequestError: it is none.
    """
    key = headers.get(FIELD)
    if key is not None and not KEY.fullmatch(key):
        raise RequestError(f"{FIELD}: expected {SPELLING}, got {key[:80]!r}")
    return key
