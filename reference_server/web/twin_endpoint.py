"""The twin of a stream: the same run, read to its end and answered as one document.

It takes a slot like a stream and obeys every limit. Its client's leaving cancels the
run at once: no client can come back for a document. It must not render one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ..models.fault import ModelFault
from ..refusals import error_document
from ..streams.dialect import Dialect, Twin
from ..streams.failure import CancelCause, Cause, Failure, OwnFault
from ..streams.json_text import to_json
from ..streams.reader import Leaving, Reader
from ..streams.run import Run
from ..streams.runs import Runs
from .parameters import read_parameters
from .requests import MediaType
from .tokens import Principal

_BAD_GATEWAY = 502
_UNAVAILABLE = 503
_STATUS: Mapping[Cause | None, int] = {
    **dict.fromkeys(ModelFault, _BAD_GATEWAY),
    ModelFault.TIMEOUT: 504,
    CancelCause.EXPLICIT: 409,
    CancelCause.DISCONNECT: 409,
    CancelCause.SHUTDOWN: _UNAVAILABLE,
    CancelCause.OVERTIME: 504,
    OwnFault.INTERNAL: 500,
    # What only a dialect knows is wrong is the model's answer.
    None: _BAD_GATEWAY,
}
# As long as the farewell of a stream tells its client to wait at most.
_RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class TwinEndpoint:
    """`POST` on the path of a twin.

    Args:
        dialect: whose run it is.
        twin: what is answered.
        runs: registry of runs.
        max_body_bytes: largest request body.
    """

    dialect: Dialect[Any, Any]
    twin: Twin[Any]
    runs: Runs
    max_body_bytes: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        principal: Principal = scope["state"]["principal"]
        try:
            parameters = await read_parameters(
                self.dialect,
                Request(scope, receive),
                principal.user,
                answer=MediaType.JSON,
                max_body_bytes=self.max_body_bytes,
            )
        except ClientDisconnect:
            return
        job = self.dialect.job(parameters, principal.user)
        dialect = replace(self.dialect, grace_s=0.0, job=lambda *_: job)
        run = self.runs.start(dialect, parameters, principal.user)
        # No suspension point between the two: the reader ends the run when it leaves.
        if not await _wait_end(run, receive):
            return
        if run.failure is None:
            response = _to_response(self.twin.document(job))
        else:
            response = _to_error(run.failure)
        response.headers.update(run.headers)
        await response(scope, receive, send)


async def _wait_end(run: Run, receive: Receive) -> bool:
    """Return whether the run ended while its client was there; a leave ends it too."""
    reader = Reader()
    run.attach(reader)

    async def watch_connection() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        reader.leave(Leaving.DISCONNECTED)

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_connection)
            while not run.log.is_closed and reader.leaving is None:
                await reader.wait_woken()
            tasks.cancel_scope.cancel()
    finally:
        run.detach(reader)
    return reader.leaving is None


def _to_error(failure: Failure) -> Response:
    status = _STATUS[failure.cause]
    document = error_document(failure.code, failure.message)
    response = _to_response(document, status=status)
    if status == _UNAVAILABLE:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response


def _to_response(document: object, *, status: int = 200) -> Response:
    return Response(
        to_json(document),
        status_code=status,
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )
