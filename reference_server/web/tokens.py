"""Tokens: what one has to look like to count, and whom it stands for.

Where a client puts it is not known here. A token must not appear in a log line, in an
answer or in an exception's text.
"""

import warnings
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenVerifier:
    """Checks one token against the configured keys and claims."""

    keys: VerificationKeys
    algorithms: tuple[str, ...]
    audience: str | None
    issuer: str | None
    leeway_s: float

    def verify(self, token: str, now: float) -> Principal:
        """Return who the token stands for.

        Args:
            token: compact JWS.
            now: seconds since the epoch.

        Raises:
            InvalidTokenError: it is malformed, forged, out of its time or not for us.
        """
        claims = self._decode(token)
        self._check_times(claims, now)
        self._check_addressee(claims)
        user = claims["sub"]
        if not isinstance(user, str) or not 0 < len(user) <= _MAX_SUBJECT:
            raise InvalidTokenError("expected a subject in the token")
        if not user.isprintable():  # half a surrogate pair breaks what shows users
            raise InvalidTokenError("expected a printable subject in the token")
        expires_at = _to_time(claims["exp"]) + self.leeway_s
        return Principal(user=user, expires_at=expires_at)

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

    def _check_times(self, claims: dict[str, Any], now: float) -> None:
        if _to_time(claims["exp"]) + self.leeway_s <= now:
            raise InvalidTokenError("the token has expired")
        if "nbf" in claims and _to_time(claims["nbf"]) - self.leeway_s > now:
            raise InvalidTokenError("the token is not valid yet")

    def _check_addressee(self, claims: dict[str, Any]) -> None:
        if self.audience is not None:
            audience = claims.get("aud")
            audiences = [audience] if isinstance(audience, str) else audience
            if not isinstance(audiences, list) or self.audience not in audiences:
                raise InvalidTokenError("the token is for another audience")
        if self.issuer is not None and claims.get("iss") != self.issuer:
            raise InvalidTokenError("the token is from another issuer")


def _to_time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError("expected times in the token as numbers")
    try:
        return int(float(value))  # a number of 400 digits is no time
    except (ValueError, OverflowError) as error:  # NaN and infinity are JSON for Python
        raise InvalidTokenError("expected times in the token as numbers") from error
