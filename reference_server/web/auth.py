"""Bearer tokens: verification, and the middleware that asks for one.

Who may see a stream is decided elsewhere; here a request only gets its principal or is
refused. A token must not appear in a log line, in an answer or in an exception's text.
"""

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ..refusals import Refusal, RefusalCode
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


class BearerMiddleware:
    """Refuses every request without a valid token, before it is even routed.

    Args:
        app: what is protected.
        verifier: checks the token.
        wall_clock: seconds since the epoch.
        open_paths: answered without a token.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: TokenVerifier,
        wall_clock: Callable[[], float],
        open_paths: Collection[str],
        on_refusal: Callable[[Refusal], None],
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._wall_clock = wall_clock
        self._open_paths = frozenset(open_paths)
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its principal, or answer 401."""
        if scope["type"] == "http" and scope["path"] not in self._open_paths:
            try:
                principal = self._authenticate(Headers(scope=scope))
            except Refusal as refusal:
                self._on_refusal(refusal)
                await refusal.to_response()(scope, receive, send)
                return
            scope.setdefault("state", {})["principal"] = principal
        await self._app(scope, receive, send)

    def _authenticate(self, headers: Headers) -> Principal:
        token = read_bearer(headers)
        try:
            return self._verifier.verify(token, self._wall_clock())
        except InvalidTokenError as error:
            raise unauthorized(str(error)) from error


def read_bearer(headers: Headers) -> str:
    """Return the token of `Authorization: Bearer <token>`.

    Raises:
        Refusal: UNAUTHORIZED when there is none, or more than one.
    """
    values = headers.getlist("authorization")
    if not values:
        # RFC 6750 section 3.1: no error code for a request that did not try.
        raise Refusal(
            RefusalCode.UNAUTHORIZED,
            "expected a bearer token",
            headers={"WWW-Authenticate": 'Bearer realm="streamproof"'},
        )
    scheme, _, token = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "bearer" or not token.strip():
        raise unauthorized("expected one header `Authorization: Bearer <token>`")
    return token.strip()


def unauthorized(reason: str) -> Refusal:
    """Return the refusal of a credential that does not count."""
    challenge = f'Bearer error="invalid_token", error_description="{reason}"'
    return Refusal(
        RefusalCode.UNAUTHORIZED,
        reason,
        headers={"WWW-Authenticate": challenge.replace("`", "'")},
    )


def _to_time(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTokenError("expected times in the token as numbers")
    try:
        return int(float(value))  # a number of 400 digits is no time
    except (ValueError, OverflowError) as error:  # NaN and infinity are JSON for Python
        raise InvalidTokenError("expected times in the token as numbers") from error
