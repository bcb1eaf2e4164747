"""The dialect as one value: where it is served, how it fails, how it keeps alive."""

from collections.abc import Mapping

from starlette.routing import Route

from ...models.fault import ModelFault
from ...refusals import RefusalCode
from ...store.durations import Durations
from ...streams import sse
from ...streams.dialect import Dialect, Heartbeat, Resources, Twin
from ...streams.failure import CancelCause, Cause, OwnFault
from ...streams.run import RunState
from .corpus import CORPUS
from .estimates import Estimates
from .graph import Generation
from .job import ExerciseJob, Workshop
from .library import Library
from .metrics_endpoint import generation_metrics
from .progress import RunProgress
from .render import result_document
from .request import ProgrammeRequest
from .stages import STAGES

# Stable, part of the public protocol.
FAILURE_CODES: Mapping[Cause, str] = {
    **dict.fromkeys(ModelFault, "OPENAI_API_ERROR"),
    CancelCause.EXPLICIT: "CANCELLED",
    CancelCause.DISCONNECT: "CANCELLED",
    CancelCause.SHUTDOWN: "SERVER_SHUTDOWN",
    OwnFault.INTERNAL: "SERVER_ERROR",
}
REFUSAL_CODES: Mapping[RefusalCode, str] = {
    RefusalCode.UNAUTHORIZED: "AUTHENTICATION_ERROR",
    RefusalCode.INTERNAL_ERROR: "SERVER_ERROR",
}

_EXAMPLE = (
    "A programme for a stiff shoulder, three times a week. "
    r'[[fake:say text="{\"exercises\": [{\"name\": \"Wall slide\", \"sets\": 3, '
    r'\"reps\": 10}], \"notes\": \"Stop where it hurts.\"}"]] '
    "[[fake:delay first=500 each=80]]"
)

_HEARTBEAT = sse.comment("still at work")


def create_exercise(resources: Resources) -> Dialect[ProgrammeRequest, ExerciseJob]:
    """Return the dialect; its graph is compiled and its corpus indexed here."""
    durations = Durations(resources.database)
    estimates = Estimates(durations.statistics, STAGES)
    workshop = Workshop(
        generation=Generation(resources.model, Library(CORPUS)),
        durations=durations,
        estimates=estimates,
        clock=resources.clock,
        wall_clock=resources.wall_clock,
        new_uuid=resources.new_uuid,
    )

    def job(request: ProgrammeRequest, user: str) -> ExerciseJob:
        return ExerciseJob(
            id=resources.new_uuid(),
            prompt=request.prompt,
            user=user,
            workshop=workshop,
            progress=RunProgress(estimates.estimate_ms, estimates.estimate_after_ms),
        )

    async def save(job: ExerciseJob, _state: RunState) -> None:
        await job.record_finished()

    async def admit(_request: ProgrammeRequest, _user: str) -> None:
        await estimates.load()

    return Dialect(
        name="exercise",
        method="POST",
        path="/api/generate-stream",
        request=ProgrammeRequest,
        example={"prompt": _EXAMPLE},
        job=job,
        failure_codes=FAILURE_CODES,
        refusal_codes=REFUSAL_CODES,
        heartbeat=Heartbeat(interval_s=15.0, render=lambda _now: _HEARTBEAT),
        twin=Twin(
            path="/api/generate", document=lambda job: result_document(job.result)
        ),
        routes=[Route("/api/generation-metrics", generation_metrics(durations))],
        admit=admit,
        save=save,
        # Timings: no client asks for those of one run.
        end_waits=False,
    )
