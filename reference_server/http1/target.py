"""The forms of a request target, and the one that the application knows. Pure.

"request-target = origin-form / absolute-form / authority-form / asterisk-form"
https://www.rfc-editor.org/rfc/rfc9112#section-3.2
"""

import re
from dataclasses import dataclass

# With a user in it a URL counts as an error (RFC 9110, section 4.2.4), and so it does
# without a host (4.2.1).
_ABSOLUTE = re.compile(rb"https?://([^/?#@:][^/?#@]*)((?:[/?][^#]*)?)", re.IGNORECASE)
_AUTHORITY = re.compile(rb"[^/?#@:][^/?#@]*:[0-9]+")


class InvalidTargetError(ValueError):
    """The target has no form that its method may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is asked for.

    Attributes:
        path: path and query; also the two forms that have neither, as they came.
        authority: host and port, where the target names them.
    """

    path: bytes
    authority: bytes | None = None


def read_target(method: bytes, target: bytes) -> Target:
    """Return what a request asks for.

    Raises:
        InvalidTargetError: "Recipients of an invalid request-line SHOULD respond with
            either a 400 (Bad Request) error or a 301".
    """
    if method == b"CONNECT":
        if not _AUTHORITY.fullmatch(target):
            raise InvalidTargetError("expected host and port as target of CONNECT")
        return Target(path=target)
    if target.startswith(b"/") or (target, method) == (b"*", b"OPTIONS"):
        return Target(path=target)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise InvalidTargetError("expected a path or a URL as target")
    authority, rest = absolute.groups()
    return Target(path=_path(method, rest), authority=authority)


def _path(method: bytes, rest: bytes) -> bytes:
    if not rest and method == b"OPTIONS":
        # Section 3.2.4: the URL of a whole server is how a proxy is asked for "*".
        return b"*"
    return rest if rest.startswith(b"/") else b"/" + rest
