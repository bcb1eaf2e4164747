"""Endpoints for those who run the server: health, metrics, observation.

Read-only. Observation is off unless it has a token of its own, because it shows the
streams of all users.
"""

import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ..metrics import Metrics
from ..streams.dialect import CredentialForm
from ..streams.run import Run
from ..streams.runs import Runs
from .credentials import bad_credential, find_token, no_credential

Endpoint = Callable[[Request], Awaitable[Response]]


def health(runs: Runs) -> Endpoint:
    """Return the endpoint that says whether new streams are accepted."""

    async def healthz(_request: Request) -> Response:
        if runs.is_draining:
            return JSONResponse({"status": "draining"}, status_code=503)
        return JSONResponse({"status": "ok"})

    return healthz


def metrics_page(metrics: Metrics) -> Endpoint:
    """Return the endpoint that Prometheus reads."""

    async def page(_request: Request) -> Response:
        media_type = "text/plain; version=0.0.4; charset=utf-8"
        return Response(metrics.render(), media_type=media_type)

    return page


def observation(runs: Runs, token: str, clock: Callable[[], float]) -> Endpoint:
    """Return the endpoint that shows running and retained streams and slots.

    Times are seconds on the host's monotonic clock.
    """

    async def observe(request: Request) -> Response:
        given = find_token(request, (CredentialForm.BEARER,))
        if given is None:
            raise no_credential()
        if not hmac.compare_digest(given.encode(), token.encode()):
            raise bad_credential("the observation token is wrong")
        streams = [_describe(run) for run in runs]
        return JSONResponse(
            {"clock": clock(), "streams": streams, "slots": dict(runs.slots.taken)},
            headers={"Cache-Control": "no-store"},
        )

    return observe


def _describe(run: Run) -> dict[str, object]:
    cancel = run.cancelled
    return {
        "id": run.identity.id,
        "user": run.identity.user,
        "dialect": run.identity.dialect,
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "reader": run.has_reader,
        "cancel": cancel and {"cause": cancel.cause, "decided_at": cancel.decided_at},
        "events": run.log.last,
    }
