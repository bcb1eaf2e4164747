"""The dialect as one value: where it is served, how it fails, what is kept."""

from collections.abc import Mapping

from starlette.routing import Route

from ...models.fault import ModelFault
from ...store.chapters import Chapters
from ...streams import sse
from ...streams.dialect import CredentialForm, Dialect, Heartbeat, Resources
from ...streams.failure import CancelCause, Cause, OwnFault
from ...streams.run import RunState
from .chapters_endpoint import chapter_list, one_chapter
from .children import check_child
from .chunks import Chunker, Paragraphs, Tokens
from .graph import Storytelling
from .job import StoryJob
from .request import StoryRequest

# Stable, part of the public protocol.
FAILURE_CODES: Mapping[Cause, str] = {
    **dict.fromkeys(ModelFault, "LLM_ERROR"),
    CancelCause.EXPLICIT: "CANCELLED",
    CancelCause.DISCONNECT: "CANCELLED",
    CancelCause.SHUTDOWN: "SERVER_SHUTDOWN",
    CancelCause.OVERTIME: "STREAM_TIMEOUT",
    OwnFault.INTERNAL: "WORKFLOW_ERROR",
}

_HEARTBEAT = sse.comment("still telling")


def create_story(resources: Resources) -> Dialect[StoryRequest, StoryJob]:
    """Return the dialect; its graph is compiled and its elements indexed here."""
    storytelling = Storytelling(resources.model)
    chapters = Chapters(resources.database)

    def chunker() -> Chunker:
        size = resources.chunk_tokens
        return Paragraphs() if size is None else Tokens(size)

    def job(request: StoryRequest, user: str) -> StoryJob:
        return StoryJob(
            id=resources.new_uuid(),
            request=request,
            user=user,
            storytelling=storytelling,
            chunker=chunker(),
            wall_clock=resources.wall_clock,
        )

    async def admit(request: StoryRequest, _user: str) -> None:
        check_child(request.child_id)

    async def save(job: StoryJob, state: RunState) -> None:
        await chapters.save(job.chapter(state))

    return Dialect(
        name="story",
        method="GET",
        path="/api/v1/stories/generate/stream",
        request=StoryRequest,
        example={
            "child_id": 1,
            "theme": "a fox at sea [[fake:say tokens=300]] [[fake:delay each=10]]",
        },
        job=job,
        failure_codes=FAILURE_CODES,
        heartbeat=Heartbeat(interval_s=15.0, render=lambda _now: _HEARTBEAT),
        # A browser's EventSource can set no header.
        credentials=(
            CredentialForm.BEARER,
            CredentialForm.QUERY,
            CredentialForm.COOKIE,
        ),
        max_streams=100,
        max_run_s=300.0,
        admit=admit,
        save=save,
        save_interval_s=3.0,
        routes=[
            Route("/api/v1/stories", chapter_list(chapters)),
            Route("/api/v1/stories/{id}", one_chapter(chapters)),
        ],
    )
