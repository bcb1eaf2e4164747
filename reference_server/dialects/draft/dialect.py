"""The dialect as one value: where it is served, how it fails, how it keeps alive."""

from collections.abc import Mapping
from typing import Final

from ...models.fault import ModelFault
from ...store.drafts import Drafts
from ...streams import sse
from ...streams.dialect import Dialect, Heartbeat, Resources
from ...streams.failure import CancelCause, Cause, OwnFault
from ...streams.run import RunState
from .corpus import CORPUS
from .drafts_endpoints import DraftsEndpoints
from .graph import Generation
from .job import Desk, DraftJob
from .library import Library
from .permission import SHIPPED, check_permission
from .request import DraftRequest

# Stable, part of the public protocol.
FAILURE_CODES: Mapping[Cause, str] = {
    ModelFault.UNAVAILABLE: "SERVICE_UNAVAILABLE",
    ModelFault.RATE_LIMITED: "SERVICE_UNAVAILABLE",
    ModelFault.TIMEOUT: "LLM_TIMEOUT",
    ModelFault.FAILED: "LLM_ERROR",
    ModelFault.REFUSED: "LLM_ERROR",
    ModelFault.STOPPED: "LLM_ERROR",
    CancelCause.EXPLICIT: "CANCELLED",
    CancelCause.DISCONNECT: "CANCELLED",
    CancelCause.SHUTDOWN: "SERVER_SHUTDOWN",
    OwnFault.INTERNAL: "GENERATION_ERROR",
}

_CHUNK_TOKENS: Final = 5
# The most that a draft loses when its server is killed.
SAVE_INTERVAL_S: Final = 2.0
# How long the saves of a draft may fail until it counts as left by its server: several
# of them, each of which may take its time.
_LEASE_S: Final = 15.0

# Two markers that have a source, and one that has none.
_EXAMPLE = (
    "A county wants its records kept safely. "
    '[[fake:say text="Records are stored three times in two places [1]. A backup is '
    'taken every night [2], and its recovery is rehearsed twice a year [2][99]."]]'
    "[[fake:delay first=300 each=40]]"
)

_HEARTBEAT = sse.comment("still writing")


def create_draft(resources: Resources) -> Dialect[DraftRequest, DraftJob]:
    """Return the dialect; its graph is compiled and its corpus indexed here."""
    drafts = Drafts(resources.database, now=resources.wall_clock, lease_s=_LEASE_S)
    desk = Desk(
        generation=Generation(resources.model, Library(CORPUS)),
        drafts=drafts,
        chunk_tokens=resources.chunk_tokens or _CHUNK_TOKENS,
    )
    endpoints = DraftsEndpoints(
        drafts=drafts,
        new_uuid=resources.new_uuid,
        max_body_bytes=resources.max_body_bytes,
    )

    async def admit(request: DraftRequest, _user: str) -> None:
        check_permission(request.kb_id)

    async def save(job: DraftJob, state: RunState) -> None:
        await job.save(state)

    return Dialect(
        name="draft",
        method="POST",
        path="/api/v1/generate",
        request=DraftRequest,
        example={
            "kb_id": str(SHIPPED),
            "document_type": "rfp_response",
            "context": _EXAMPLE,
        },
        job=lambda request, user: DraftJob(
            resources.new_uuid(), request, user=user, desk=desk
        ),
        failure_codes=FAILURE_CODES,
        heartbeat=Heartbeat(interval_s=15.0, render=lambda _now: _HEARTBEAT),
        routes=endpoints.routes(),
        admit=admit,
        save=save,
        save_interval_s=SAVE_INTERVAL_S,
    )
