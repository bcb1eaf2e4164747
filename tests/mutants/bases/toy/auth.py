"""Who asks: a JWT as a bearer, in the query or in a cookie; the first one decides."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jwt
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.mutants.bases.toy.refusal import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The user of a token, and when it runs out, in seconds since the epoch."""

    user: str
    expires: float


def authenticated(app: ASGIApp, secret: str) -> ASGIApp:
    """Return the application behind a door that only a valid token opens."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                caller = read_caller(Request(scope), secret)
            except Refusal as refusal:
                await refusal.to_response()(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await app(scope, receive, send)

    return guarded


def read_caller(request: Request, secret: str) -> Caller:
    """Return who sent a request; raise `Refusal` for no valid credential."""
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    token = bearer if scheme.lower() == "bearer" else None
    if token is None:
        token = request.query_params.get("token", request.cookies.get("access_token"))
    if token is None:
        raise Refusal(401, "UNAUTHORIZED", www_authenticate="Bearer")
    try:
        claims = jwt.decode(
            token, secret, algorithms=["HS256"], options={"require": ["exp", "sub"]}
        )
    except jwt.InvalidTokenError:
        challenge = 'Bearer error="invalid_token"'
        raise Refusal(401, "UNAUTHORIZED", www_authenticate=challenge) from None
    return Caller(user=claims["sub"], expires=claims["exp"])


def seconds_left(caller: Caller) -> float:
    """Return how long a token is still valid."""
    return caller.expires - time.time()
