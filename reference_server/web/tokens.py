"""Tokens: what one has to look like to count, and whom it stands for.

Where a client puts it is not known here. A token must not appear in a log line, in an
answer or in an exception's text.
"""

import hashlib
import math
import warnings
from dataclasses import dataclass, field
from typing import Any

import jwt
from jwt.types import Options

from .keys import VerificationKeys

# PyJWT compares with the clock of the machine; the times are checked here instead,
# against the clock that was handed in.
_OPTIONS: Options = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is asking, and until when (seconds since the epoch) we may answer."""

    user: str
    expires_at: float


class InvalidTokenError(Exception):
    """The token does not count; the text is fit to be shown."""


_MAX_SUBJECT = 256
# Each is some 500 bytes; a user has a token an hour or so.
_MAX_REMEMBERED = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verified:
    """What is in a token that is ours and for us; its times are still to be checked."""

    user: str
    expires_at: float
    valid_from: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVerifier:
    """Checks one token against the configured keys and claims.

    Clients send the same token again and again, and to verify one costs a fifth of a
    first event. What was verified is remembered, by a digest so that no token is kept.
    """

    keys: VerificationKeys
    algorithms: tuple[str, ...]
    audience: str | None
    issuer: str | None
    leeway_s: float
    _remembered: dict[bytes, _Verified] = field(
        default_factory=dict, init=False, repr=False
    )

    def verify(self, token: str, now: float) -> Principal:
        """Return who the token stands for.

        Args:
            token: compact JWS.
            now: seconds since the epoch.

        Raises:
            InvalidTokenError: it is malformed, forged, out of its time or not for us.
        """
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        verified = self._remembered.get(digest)
        if verified is None:
            verified = self._read(token, now)
            self._remember(digest, verified)
        else:
            _check_end(verified.expires_at, now)
            _check_start(verified.valid_from, now)
        return Principal(user=verified.user, expires_at=verified.expires_at)

    def _read(self, token: str, now: float) -> _Verified:
        claims = self._decode(token)
        expires_at = _to_time(claims["exp"]) + self.leeway_s
        _check_end(expires_at, now)
        valid_from = -math.inf
        if "nbf" in claims:
            valid_from = _to_time(claims["nbf"]) - self.leeway_s
            _check_start(valid_from, now)
        self._check_addressee(claims)
        user = claims["sub"]
        if not isinstance(user, str) or not 0 < len(user) <= _MAX_SUBJECT:
            raise InvalidTokenError("expected a subject in the token")
        if not user.isprintable():  # half a surrogate pair breaks what shows users
            raise InvalidTokenError("expected a printable subject in the token")
        return _Verified(user=user, expires_at=expires_at, valid_from=valid_from)

    def _remember(self, digest: bytes, verified: _Verified) -> None:
        if len(self._remembered) >= _MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[digest] = verified

    def _decode(self, token: str) -> dict[str, Any]:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self.algorithms:
                raise InvalidTokenError("the token's algorithm is not accepted")
            key = self.keys.find(algorithm, header.get("kid"))
            with warnings.catch_warnings():
                # A short secret is reported once at the start (see `keys`).
                warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
                return jwt.decode(token, key, [algorithm], options=_OPTIONS)
        except (jwt.PyJWTError, LookupError, ValueError) as error:
            raise InvalidTokenError("the token is malformed or forged") from error

    def _check_addressee(self, claims: dict[str, Any]) -> None:
        if self.audience is not None:
            audience = claims.get("aud")
            audiences = [audience] if isinstance(audience, str) else audience
            if not isinstance(audiences, list) or self.audience not in audiences:
                raise InvalidTokenError("the token is for another audience")
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise InvalidTokenError("the token is from another issuer")


def _check_end(expires_at: float, now: float) -> None:
    if expires_at <= now:
        raise InvalidTokenError("the token has expired")


def _check_start(valid_from: float, now: float) -> None:
    if valid_from > now:
        raise InvalidTokenError("the token is not valid yet")


def _to_time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError("expected times in the token as numbers")
    try:
        return int(float(value))  # a number of 400 digits is no time
    except (ValueError, OverflowError) as error:  # NaN and infinity are JSON for Python
        raise InvalidTokenError("expected times in the token as numbers") from error
