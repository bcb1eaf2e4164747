"""The dialect as one value: where it is served, how it fails, how it keeps alive."""

from collections.abc import Mapping

from ...models.fault import ModelFault
from ...streams import sse
from ...streams.dialect import Dialect, Heartbeat, Resources
from ...streams.failure import CancelCause, Cause, OwnFault
from .graph import Pipeline
from .job import PipelineJob
from .nodes import NODES
from .progress import NodeDurations, RunProgress
from .request import GenerationRequest

# Stable, part of the public protocol.
FAILURE_CODES: Mapping[Cause, str] = {
    ModelFault.UNAVAILABLE: "UPSTREAM_ERROR",
    ModelFault.RATE_LIMITED: "UPSTREAM_RATE_LIMITED",
    ModelFault.TIMEOUT: "UPSTREAM_TIMEOUT",
    ModelFault.FAILED: "UPSTREAM_ERROR",
    ModelFault.REFUSED: "UPSTREAM_ERROR",
    ModelFault.STOPPED: "UPSTREAM_ERROR",
    CancelCause.EXPLICIT: "CANCELLED",
    CancelCause.DISCONNECT: "CANCELLED",
    CancelCause.SHUTDOWN: "SERVER_SHUTDOWN",
    OwnFault.INTERNAL: "INTERNAL_ERROR",
}

_HEARTBEAT = sse.encode("{}", event="heartbeat")


def create_pipeline(resources: Resources) -> Dialect[GenerationRequest, PipelineJob]:
    """Return the dialect; its graph is compiled and its estimates begin here."""
    pipeline = Pipeline(resources.model)
    durations = NodeDurations(NODES)

    def job(request: GenerationRequest, _user: str) -> PipelineJob:
        return PipelineJob(
            prompt=request.prompt,
            pipeline=pipeline,
            progress=RunProgress(NODES, durations),
            clock=resources.clock,
        )

    return Dialect(
        name="pipeline",
        method="POST",
        path="/api/generation/stream",
        request=GenerationRequest,
        example={
            "prompt": "Plan a week by the sea. "
            "[[fake:say tokens=12]] [[fake:delay first=100 each=40]]"
        },
        job=job,
        failure_codes=FAILURE_CODES,
        heartbeat=Heartbeat(interval_s=15.0, render=lambda _now: _HEARTBEAT),
    )
