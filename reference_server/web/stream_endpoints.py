"""Endpoints of dialect `pipeline`: start, resume, cancel.

Pure ASGI, so that nothing stands between a run and its response, and nothing awaits
between the start of a run and the response that will release it. It must not render
events.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ..streams.response import Headers, Session, SessionOptions
from ..streams.resume import check_cursor, parse_last_event_id, stream_not_found
from ..streams.run import CancelCause, Run
from ..streams.runs import Runs
from .auth import Principal
from .requests import check_accept, read_generation_request

# Set by our server on every connection (see `server`).
ABORT_KEY = "abort_connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEndpoint:
    """`POST` on the dialect's path: a new stream, or the rest of one.

    Args:
        runs: registry of runs.
        session: options of every response.
        max_body_bytes: largest request body.
        wall_clock: seconds since the epoch, for the token's end.
    """

    runs: Runs
    session: SessionOptions
    max_body_bytes: int
    wall_clock: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        requested_at = self.session.clock()
        request = Request(scope, receive)
        principal: Principal = scope["state"]["principal"]
        last_event_ids = request.headers.getlist("last-event-id")
        if not last_event_ids:
            try:
                body = await read_generation_request(request, self.max_body_bytes)
            except ClientDisconnect:
                return
            run, after = self.runs.start(principal.user, body.prompt), 0
        else:
            check_accept(request.headers)
            # Two fields are one value with a comma (RFC 9110, section 5.3): malformed.
            last_event_id = ", ".join(last_event_ids)
            run, after, can_follow = self._find(last_event_id, principal.user)
            if not can_follow:
                # Tells an EventSource to stop reconnecting.
                await Response(status_code=204)(scope, receive, send)
                return
        # No suspension point from the start of the run to `serve`, which guards it.
        session = Session(
            run,
            after=after,
            options=self.session,
            requested_at=requested_at,
            expires_at=self.session.clock() + principal.expires_at - self.wall_clock(),
            abort=scope["state"].get(ABORT_KEY),
        )
        await session.serve(_stream_headers(run, scope), receive, send)

    def _find(self, last_event_id: str, user: str) -> tuple[Run, int, bool]:
        cursor = parse_last_event_id(last_event_id)
        run = self.runs.find(cursor.stream, user)
        if run is None:
            raise stream_not_found()
        return run, cursor.number, check_cursor(cursor.number, run.log)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEndpoint:
    """`DELETE` on a stream: stop it now, without grace."""

    runs: Runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 202 when this stopped the stream, 200 when it had ended before."""
        principal: Principal = scope["state"]["principal"]
        run = self.runs.find(scope["path_params"]["stream"], principal.user)
        if run is None:
            raise stream_not_found()
        status = 202 if run.cancel(CancelCause.EXPLICIT) else 200
        response = JSONResponse(
            {"id": run.identity.id, "status": run.state}, status_code=status
        )
        await response(scope, receive, send)


def _stream_headers(run: Run, scope: Scope) -> Headers:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        # `no-transform` keeps intermediaries from compressing, which would buffer.
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
        (b"x-stream-id", run.identity.id.encode()),
    ]
    if scope.get("http_version") == "1.1":  # a connection header is an error in HTTP/2
        headers.append((b"connection", b"keep-alive"))
    return headers
