"""Authentication: a request gets its principal or is refused, before all else.

It knows which routes a request is for, because they say where a token may be, and it
does not know what they do. Who may see a stream is decided elsewhere.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from ..refusals import Refusal, RefusalCode
from ..streams.dialect import CredentialForm
from .credentials import bad_credential, find_token, no_credential
from .tokens import InvalidTokenError, Principal, TokenVerifier


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """What some routes ask of a request.

    Attributes:
        routes: what is guarded, other methods on the same paths included.
        path: below it nothing is another's, so that what is nowhere there is refused
            in the same words; None where there is no such path.
        credentials: where a token may be; the first one present decides.
        refusal_codes: codes of refusals that are called otherwise there.
    """

    routes: Sequence[BaseRoute] = ()
    path: str | None = None
    credentials: tuple[CredentialForm, ...] = (CredentialForm.BEARER,)
    refusal_codes: Mapping[RefusalCode, str] = field(default_factory=dict)

    def covers(self, scope: Scope) -> bool:
        """Whether a request is for one of the routes, or for what is below the path."""
        if self.path is not None and scope["path"].startswith(f"{self.path}/"):
            return True
        return any(route.matches(scope)[0] is not Match.NONE for route in self.routes)


# What is nowhere is guarded as well: an unknown path is 401 before it is 404.
_ELSEWHERE = Guard()


class AuthMiddleware:
    """Refuses every request without a valid token, before it is even routed.

    A request that passes has its `Principal` in its state; every request has what the
    refusals are called where it went.

    Args:
        app: what is protected.
        verifier: checks the token.
        wall_clock: seconds since the epoch.
        guards: what is asked where; elsewhere it is a bearer token.
        open_paths: answered without a token.
        on_refusal: told about a refusal.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        verifier: TokenVerifier,
        wall_clock: Callable[[], float],
        guards: Sequence[Guard],
        open_paths: Collection[str],
        on_refusal: Callable[[Refusal], None],
    ) -> None:
        self._app = app
        self._verifier = verifier
        self._wall_clock = wall_clock
        self._guards = guards
        self._open_paths = frozenset(open_paths)
        self._on_refusal = on_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its principal, or answer 401."""
        if scope["type"] == "http":
            guard = next((g for g in self._guards if g.covers(scope)), _ELSEWHERE)
            state = scope.setdefault("state", {})
            state["refusal_codes"] = guard.refusal_codes
            if scope["path"] not in self._open_paths:
                try:
                    state["principal"] = self._authenticate(scope, guard)
                except Refusal as refusal:
                    self._on_refusal(refusal)
                    response = refusal.to_response(guard.refusal_codes)
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)

    def _authenticate(self, scope: Scope, guard: Guard) -> Principal:
        token = find_token(HTTPConnection(scope), guard.credentials)
        if token is None:
            raise no_credential()
        try:
            return self._verifier.verify(token, self._wall_clock())
        except InvalidTokenError as error:
            raise bad_credential(str(error)) from error
