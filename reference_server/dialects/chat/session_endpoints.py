"""Endpoints of sessions: how one stands, and the cancel of what runs in it."""

from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from ...streams.json_text import to_json
from ...web.requests import MediaType, check_accept, read_body
from ...web.tokens import Principal
from .request import CancelRequest
from .sessions import Session, Sessions, session_not_found

_MAX_BODY_BYTES: Final = 1024 * 1024

Endpoint = Callable[[Request], Awaitable[Response]]


def show_session(sessions: Sessions) -> Endpoint:
    """Return the endpoint that shows a session."""

    async def show(request: Request) -> Response:
        check_accept(request.headers, MediaType.JSON)
        principal: Principal = request.state.principal
        session = await sessions.show(_session_in(request), principal.user)
        return _answer(_render(session))

    return show


def cancel_session(sessions: Sessions) -> Endpoint:
    """Return the endpoint that ends what runs in a session, without grace."""

    async def cancel(request: Request) -> Response:
        body = await read_body(
            request, CancelRequest, answer=MediaType.JSON, max_bytes=_MAX_BODY_BYTES
        )
        principal: Principal = request.state.principal
        session = _session_in(request)
        run = await sessions.cancel(session, principal.user, body.reason)
        answer = {
            "id": run.identity.id,
            "status": run.state,
            "session_id": str(session),
        }
        return _answer(answer, status=202)

    return cancel


def _session_in(request: Request) -> UUID:
    try:
        return UUID(request.path_params["session"])
    except ValueError:
        raise session_not_found() from None


def _render(session: Session) -> dict[str, object]:
    return {
        "session_id": str(session.id),
        "status": session.status,
        "accumulated_tokens": session.tokens,
        "current_stage": session.stage,
        "messages": [
            {name: said[name] for name in ("role", "content", "partial")}
            for said in session.messages
        ],
    }


def _answer(document: object, *, status: int = 200) -> Response:
    # Not Starlette's: a token may hold half of a surrogate pair.
    return Response(
        to_json(document),
        status_code=status,
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )
