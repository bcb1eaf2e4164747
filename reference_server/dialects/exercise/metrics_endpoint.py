"""`GET` of how long the stages take, over the finished stages of all users."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ...store.durations import Durations, StageTimes
from ...web.requests import MediaType, check_accept
from .estimates import choose_times
from .stages import STAGES


def generation_metrics(
    durations: Durations,
) -> Callable[[Request], Awaitable[Response]]:
    """Return the endpoint."""

    async def show(request: Request) -> Response:
        check_accept(request.headers, MediaType.JSON)
        stored = await durations.statistics()
        stages = {stage.name: _render(choose_times(stage, stored)) for stage in STAGES}
        return JSONResponse({"stages": stages}, headers={"Cache-Control": "no-store"})

    return show


def _render(times: StageTimes) -> dict[str, float]:
    return {
        "count": times.count,
        "mean_ms": times.mean_ms,
        "p50_ms": times.p50_ms,
        "p95_ms": times.p95_ms,
    }
