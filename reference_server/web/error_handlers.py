"""What is raised while a request is answered, as the JSON answer that it becomes."""

import logging
from http import HTTPStatus
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ExceptionHandler

from ..metrics import Metrics
from ..refusals import Refusal, RefusalCode
from ..store.database import StoreError

_log = logging.getLogger(__name__)

# A database that restarts is back in some seconds.
_RETRY_AFTER_S = 5


def refusal_handlers(metrics: Metrics) -> dict[Any, ExceptionHandler]:
    """Return a handler for refusals, for those of the router, and for other faults.

    A refusal is counted, and called what it is called where the request went.
    """

    # Coroutines all of them: Starlette runs plain functions in a thread.
    def answer(request: Request, refusal: Refusal) -> Response:
        metrics.count_refusal(refusal.code)
        state = request.scope.get("state", {})
        return refusal.to_response(state.get("refusal_codes"))

    async def refuse(request: Request, error: Exception) -> Response:
        if not isinstance(error, Refusal):
            raise error
        return answer(request, error)

    async def refuse_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return answer(request, _to_refusal(error))

    async def refuse_store(request: Request, error: Exception) -> Response:
        _log.warning("%s", error)
        refusal = Refusal(
            RefusalCode.STORE_UNAVAILABLE,
            "what is kept cannot be reached",
            headers={"Retry-After": str(_RETRY_AFTER_S)},
        )
        return answer(request, refusal)

    async def apologise(request: Request, _error: Exception) -> Response:
        # Starlette raises the error again, so that it reaches the log.
        refusal = Refusal(RefusalCode.INTERNAL_ERROR, "an internal error occurred")
        return answer(request, refusal)

    return {
        Refusal: refuse,
        HTTPException: refuse_http,
        StoreError: refuse_store,
        Exception: apologise,
    }


def _to_refusal(error: HTTPException) -> Refusal:
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        code, message = RefusalCode.METHOD_NOT_ALLOWED, "method not allowed here"
    else:
        code, message = RefusalCode.NOT_FOUND, "nothing is served here"
    return Refusal(code, message, headers=error.headers)
