"""Endpoints of every dialect: start, resume, cancel.

Pure ASGI, so that nothing stands between a run and its response, and nothing awaits
between the start of a run and the response that will release it. It must not render
events.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ..streams.dialect import Dialect
from ..streams.failure import CancelCause
from ..streams.response import Headers, ResponseOptions, StreamResponse
from ..streams.resume import check_cursor, parse_last_event_id, stream_not_found
from ..streams.run import Run
from ..streams.runs import Runs
from .parameters import read_parameters
from .requests import MediaType, check_accept
from .tokens import Principal

# Set by our server on every connection (see `server`).
ABORT_KEY = "abort_connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEndpoint:
    """A dialect's method on its path: a new stream, or the rest of one.

    Args:
        dialect: whose streams they are.
        runs: registry of runs.
        options: what all responses share.
        max_body_bytes: largest request body.
        wall_clock: seconds since the epoch, for the token's end.
    """

    dialect: Dialect[Any, Any]
    runs: Runs
    options: ResponseOptions
    max_body_bytes: int
    wall_clock: Callable[[], float]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        requested_at = self.options.clock()
        request = Request(scope, receive)
        principal: Principal = scope["state"]["principal"]
        last_event_ids = request.headers.getlist("last-event-id")
        if request.method == "HEAD":
            await self._read(request, principal.user)
            await _send_head(_stream_headers(scope), send)
            return
        if not last_event_ids:
            try:
                parameters = await self._read(request, principal.user)
            except ClientDisconnect:
                return
            run, after = self.runs.start(self.dialect, parameters, principal.user), 0
        else:
            # Two fields are one value with a comma (RFC 9110, section 5.3): malformed.
            last_event_id = ", ".join(last_event_ids)
            run, after, can_follow = self._find(last_event_id, principal.user)
            if not can_follow:
                # Tells an EventSource to stop reconnecting.
                await Response(status_code=204)(scope, receive, send)
                return
        # No suspension point from the start of the run to `serve`, which guards it.
        response = StreamResponse(
            run,
            after=after,
            options=self.options,
            requested_at=requested_at,
            expires_at=self.options.clock() + principal.expires_at - self.wall_clock(),
            abort=scope["state"].get(ABORT_KEY),
        )
        await response.serve(_stream_headers(scope, run), receive, send)

    async def _read(self, request: Request, user: str) -> BaseModel:
        return await read_parameters(
            self.dialect,
            request,
            user,
            answer=MediaType.EVENT_STREAM,
            max_body_bytes=self.max_body_bytes,
        )

    def _find(self, last_event_id: str, user: str) -> tuple[Run, int, bool]:
        cursor = parse_last_event_id(last_event_id)
        run = self.runs.find(self.dialect.name, cursor.stream, user)
        if run is None:
            raise stream_not_found()
        return run, cursor.number, check_cursor(cursor.number, run.log)


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelEndpoint:
    """`DELETE` on a stream of a dialect: stop it now, without grace."""

    dialect: Dialect[Any, Any]
    runs: Runs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 202 when this stopped the stream, 200 when it had ended before."""
        principal: Principal = scope["state"]["principal"]
        check_accept(Request(scope).headers, MediaType.JSON)
        stream = scope["path_params"]["stream"]
        run = self.runs.find(self.dialect.name, stream, principal.user)
        if run is None:
            raise stream_not_found()
        status = 202 if run.cancel(CancelCause.EXPLICIT) else 200
        response = JSONResponse(
            {"id": run.identity.id, "status": run.state}, status_code=status
        )
        await response(scope, receive, send)


def _stream_headers(scope: Scope, run: Run | None = None) -> Headers:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        # `no-transform` keeps intermediaries from compressing, which would buffer.
        (b"cache-control", b"no-cache, no-transform"),
        (b"x-accel-buffering", b"no"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if run is not None:
        headers.append((b"x-stream-id", run.identity.id.encode()))
        headers += [
            (name.lower().encode(), value.encode())
            for name, value in run.headers.items()
        ]
    if scope.get("http_version") == "1.1":  # a connection header is an error in HTTP/2
        headers.append((b"connection", b"keep-alive"))
    return headers


async def _send_head(headers: Headers, send: Send) -> None:
    # Not one of Starlette's responses: they name a length, and a stream has none.
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
