"""The dialect as one value: where it is served, how it fails, how it keeps alive."""

from collections.abc import Mapping

from starlette.routing import Route

from ...models.fault import ModelFault
from ...store.conversations import Conversations
from ...streams.dialect import Dialect, Heartbeat, Resources, Twin
from ...streams.failure import CancelCause, Cause, OwnFault
from ...streams.run import RunState
from . import render
from .conversation import say
from .corpus import CORPUS
from .graph import Talk, Turn
from .job import ChatJob, Desk
from .library import Library
from .request import ChatRequest
from .session_endpoints import cancel_session, show_session
from .sessions import Exchange, Sessions
from .steady_time import SteadyTime
from .threads import Threads

# Stable, part of the public protocol.
FAILURE_CODES: Mapping[Cause, str] = {
    **dict.fromkeys(ModelFault, "LLM_ERROR"),
    ModelFault.TIMEOUT: "LLM_TIMEOUT",
    CancelCause.EXPLICIT: render.CANCELLED,
    CancelCause.DISCONNECT: render.CANCELLED,
    CancelCause.SHUTDOWN: "SERVER_SHUTDOWN",
    OwnFault.INTERNAL: "INTERNAL_ERROR",
}

_EXAMPLE = (
    "What helps against asthma at night? "
    '[[fake:say text="Keep your reliever at hand, and see what triggers it."]] '
    "[[fake:delay first=500 each=80]]"
)

# What a server that is killed loses of an answer.
_SAVE_INTERVAL_S = 3.0


def create_chat(resources: Resources) -> Dialect[ChatRequest, ChatJob]:
    """Return the dialect; its graph is compiled and its corpus indexed here."""
    now = SteadyTime(resources.wall_clock)
    threads = Threads()
    sessions = Sessions(
        Talk(resources.model, Library(CORPUS), threads),
        threads,
        Conversations(resources.database),
        wall_clock=resources.wall_clock,
    )
    desk = Desk(sessions=sessions, now=now)

    def job(request: ChatRequest, user: str) -> ChatJob:
        id_ = str(resources.new_uuid())
        history = [
            say(f"{id_}-{n}", earlier.role, earlier.content)
            for n, earlier in enumerate(request.history)
        ]
        exchange = Exchange(
            session=request.session_id or resources.new_uuid(),
            user=user,
            turn=Turn(id=id_, message=request.message, history=history),
        )
        return ChatJob(exchange, desk)

    async def save(job: ChatJob, state: RunState) -> None:
        await sessions.save(job.exchange, state)

    return Dialect(
        name="chat",
        method="POST",
        path="/chat/stream",
        request=ChatRequest,
        example={"message": _EXAMPLE},
        job=job,
        failure_codes=FAILURE_CODES,
        heartbeat=Heartbeat(
            interval_s=5.0,
            render=lambda _now: render.show_heartbeat(now()),
            opening=lambda block: (
                render.show_heartbeat(now())
                if block is None
                else render.repeat_time(block)
            ),
        ),
        grace_s=30.0,
        twin=Twin(path="/chat", document=_document),
        headers={"X-Session-Id": lambda job: str(job.exchange.session)},
        routes=[
            Route("/chat/sessions/{session}", show_session(sessions), methods=["GET"]),
            Route(
                "/chat/stream/{session}/cancel",
                cancel_session(sessions),
                methods=["POST"],
            ),
        ],
        admit=sessions.admit,
        save=save,
        save_interval_s=_SAVE_INTERVAL_S,
    )


def _document(job: ChatJob) -> dict[str, object]:
    exchange = job.exchange
    return {
        "session_id": str(exchange.session),
        "answer": exchange.answer,
        "tokens": len(exchange.tokens),
        "finish_reason": exchange.finish_reason,
        "documents": exchange.documents,
    }
