"""Servers of `chat` that break a promise of its page: one of them each."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from starlette.types import ASGIApp
from tests.mutants.asgi import (
    Answer,
    Mutation,
    Reply,
    Request,
    Wrap,
    get_header,
    in_events,
    refusal,
)
from tests.mutants.bases.chat import CHAT
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

from streamproof.reference_server.dialects.chat import dialect, graph, job
from streamproof.reference_server.dialects.chat.agents import Agent
from streamproof.reference_server.dialects.chat.graph import Talk
from streamproof.reference_server.models.fault import ModelFault

Event = dict[str, Any]

SESSIONS = "/chat/sessions/"
TWIN = "/chat"


def _content(**values: object) -> Callable[[Event], object]:
    """Put values into the content of an event."""
    return lambda event: event["content"].update(values)


def _answered(path: str, change: Callable[[Event], object]) -> Wrap:
    """Change what is answered with success to requests of paths that begin so."""

    def answer(answer: Answer, request: Request) -> None:
        if request.path.startswith(path) and answer.status == 200:
            told = answer.document
            change(told)
            answer.document = told

    return Mutation(answer=answer)


def _an_hour_ago(event: Event) -> None:
    at = dt.datetime.fromisoformat(event["timestamp"]) - dt.timedelta(hours=1)
    event["timestamp"] = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _in_characters(event: Event) -> None:
    event["content"]["tokens"] *= 6


def _user_wanted_it(event: Event) -> None:
    if "reason" in event["content"]:
        event["content"]["reason"] = "user_initiated"


def _without_reason(event: Event) -> None:
    event["content"].pop("reason", None)


def _failed(event: Event) -> None:
    if event["content"]["code"] == "CANCELLED":
        event["content"]["code"] = "INTERNAL_ERROR"


def _whole(session: Event) -> None:
    for message in session["messages"]:
        message["partial"] = False


def _completed(session: Event) -> None:
    session["status"] = "completed"


def _as_text(session: Event) -> None:
    session["accumulated_tokens"] = "".join(session["accumulated_tokens"])


def _without_last_character(answer: Event) -> None:
    if "answer" in answer:
        answer["answer"] = answer["answer"][:-1]


def _another_session(reply: Reply) -> None:
    reply.set("x-session-id", str(uuid.UUID(int=7)))


def _another_message_is_taken(answer: Answer, request: Request) -> None:
    if request.path == TWIN and answer.status == 409:
        answer.status = 200
        answer.document = {"session_id": "any", "answer": "", "tokens": 0}


def _looked_up_first(app: ASGIApp, site: Site) -> ASGIApp:
    """Return a server that looks for the session before it reads the reason."""
    known: set[str] = set()

    async def request(request: Request, _site: Site) -> Answer | None:
        is_cancel = request.method == "POST" and request.path.endswith("/cancel")
        session = request.path.removeprefix("/chat/stream/").removesuffix("/cancel")
        if is_cancel and request.claims and session not in known:
            return refusal(404, "SESSION_NOT_FOUND")
        return None

    def head(reply: Reply) -> None:
        known.add(get_header(reply.headers, "x-session-id") or "")

    return Mutation(request=request, head=head)(app, site)


def _of_everybody(app: ASGIApp, site: Site) -> ASGIApp:
    """Return a server that lets everybody see and cancel what they know the id of."""
    owners: dict[str, str] = {}

    async def request(request: Request, _site: Site) -> Answer | None:
        owner = next((owners[s] for s in owners if s in request.path), None)
        if owner is not None and request.credential is not None:
            request.credential = owner
        return None

    def head(reply: Reply) -> None:
        session = get_header(reply.headers, "x-session-id") or ""
        owners.setdefault(session, reply.request.credential or "")

    return Mutation(request=request, head=head)(app, site)


def _no_uuid_is_fine(app: ASGIApp, site: Site) -> ASGIApp:
    """Return a server that takes any text for the id of a session."""

    async def request(request: Request, _site: Site) -> Answer | None:
        if request.is_start and b'"mine"' in request.body:
            body = json.loads(request.body)
            request.body = json.dumps({**body, "session_id": None}).encode()
        return None

    return Mutation(request=request)(app, site)


def _supervisor_is_shown(patch: pytest.MonkeyPatch) -> None:
    right = Talk._supervise

    async def supervise(self: Talk, state: Any, *, runtime: Any) -> Any:  # noqa: ANN401 -- as the right one
        decided = await right(self, state, runtime=runtime)
        runtime.context.sink.say(decided["agent"])
        return decided

    patch.setattr(Talk, "_supervise", supervise)


def _reranking_never_ends(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(job._Reporter, "rerank", lambda _self, _kept: None)


def _every_agent_retrieves_later(patch: pytest.MonkeyPatch) -> None:
    """Answer first, as an agent does that has no documents."""
    patch.setattr(graph, "choose_agent", lambda _answer: Agent.RETRIEVAL)
    right = Talk._generate

    async def generate(self: Talk, state: Any, *, runtime: Any) -> Any:  # noqa: ANN401 -- as the right one
        # As long as a second look into a slow store of documents.
        await asyncio.sleep(1.2)
        return await right(self, state, runtime=runtime)

    patch.setattr(Talk, "_generate", generate)


def _history_counts_always(patch: pytest.MonkeyPatch) -> None:
    right = graph._add
    patch.setattr(
        graph,
        "_add",
        lambda _said, turn, answer, **values: right((), turn, answer, **values),
    )


def _time_limits_are_errors(patch: pytest.MonkeyPatch) -> None:
    codes = {**dialect.FAILURE_CODES, ModelFault.TIMEOUT: "LLM_ERROR"}
    patch.setattr(dialect, "FAILURE_CODES", codes)


MUTANTS = (
    Mutant(
        name="supervisor-is-shown",
        defect="the callbacks of the graph stream every model call",
        base=CHAT,
        trips={"lifecycle.order": "token"},
        also={"lifecycle.all-tokens-arrive": "there is one too many"},
        patch=_supervisor_is_shown,
    ),
    Mutant(
        name="reranking-never-ends",
        defect="a stage that only says when it begins",
        base=CHAT,
        trips={"lifecycle.order": "reranking_complete"},
        patch=_reranking_never_ends,
    ),
    Mutant(
        name="first-token-comes-late",
        defect="what is retrieved is fetched again before the model is asked",
        base=CHAT,
        trips={
            "vocabulary.invariants": (
                "the first token comes within a second of the request"
            )
        },
        patch=_every_agent_retrieves_later,
    ),
    Mutant(
        name="documents-instead-of-their-number",
        defect="the documents themselves stand where their number belongs",
        base=CHAT,
        trips={"vocabulary.payload-schema": "documents"},
        wrap=in_events("retrieval_complete", _content(documents=["Asthma"])),
    ),
    Mutant(
        name="tokens-are-not-counted",
        defect="characters are counted for tokens",
        base=CHAT,
        trips={"vocabulary.invariants": "done tells the number of token events"},
        wrap=in_events("done", _in_characters),
    ),
    Mutant(
        name="tokens-have-another-clock",
        defect="a worker's clock that is an hour behind",
        base=CHAT,
        trips={
            "vocabulary.invariants": "timestamps never decrease, heartbeats included"
        },
        wrap=in_events("token", _an_hour_ago),
    ),
    Mutant(
        name="head-names-another-session",
        defect="the header is made before the session is",
        base=CHAT,
        trips={
            "vocabulary.invariants": "the session of the head is that of the end",
        },
        wrap=Mutation(head=_another_session),
    ),
    Mutant(
        name="retrieval-names-another-session",
        defect="the graph makes an id of its own for its thread",
        base=CHAT,
        trips={
            "vocabulary.invariants": (
                "the head tells the session at once, and retrieval_start repeats it"
            ),
        },
        wrap=in_events("retrieval_start", _content(session_id=str(uuid.UUID(int=7)))),
    ),
    Mutant(
        name="every-cancel-is-the-user-s",
        defect="the reason is read and not passed on",
        base=CHAT,
        trips={"cancellation.reason-told": '"timeout" at /content/reason'},
        wrap=in_events("error", _user_wanted_it),
    ),
    Mutant(
        name="cancel-without-its-reason",
        defect="one error event for all that can end a run",
        base=CHAT,
        trips={"vocabulary.payload-schema": "'reason' is a required property"},
        also={"cancellation.reason-told": "there is none"},
        probes=("cancel-midstream",),
        wrap=in_events("error", _without_reason),
    ),
    Mutant(
        name="cancel-is-our-fault",
        defect="C10: the cancelled task is caught with all other exceptions",
        base=CHAT,
        trips={"cancellation.reader-told": "cancelled"},
        probes=("cancel-midstream",),
        wrap=in_events("error", _failed),
    ),
    Mutant(
        name="cancelled-answer-looks-whole",
        defect="the partial answer is saved, and not marked",
        base=CHAT,
        trips={"endpoints.payload": "sessions-cancelled"},
        probes=("sides-after-cancel",),
        wrap=_answered(SESSIONS, _whole),
    ),
    Mutant(
        name="failed-turn-is-completed",
        defect="whatever ends has been completed",
        base=CHAT,
        trips={"endpoints.payload": "'error' was expected"},
        probes=("sides-after-error",),
        wrap=_answered(SESSIONS, _completed),
    ),
    Mutant(
        name="accumulated-tokens-are-a-text",
        defect="the tokens are joined when they are saved",
        base=CHAT,
        trips={"endpoints.same": "at /accumulated_tokens of sessions"},
        probes=("sides-after-complete",),
        wrap=_answered(SESSIONS, _as_text),
    ),
    Mutant(
        name="busy-session-takes-another-message",
        defect="two runs write to one conversation",
        base=CHAT,
        trips={"endpoints.status": "409 for sessions-running"},
        probes=("sides-during",),
        wrap=Mutation(answer=_another_message_is_taken),
    ),
    Mutant(
        name="session-is-looked-up-before-the-reason-is-read",
        defect="404 before 422 tells which sessions exist",
        base=CHAT,
        trips={"endpoints.status": "a cancel without a reason of a session that does"},
        probes=("sides-after-complete",),
        wrap=_looked_up_first,
    ),
    Mutant(
        name="sessions-of-all-who-know-their-id",
        defect="looked up by id alone",
        base=CHAT,
        trips={"endpoints.foreign-refused": "by another user to be refused with 404"},
        probes=("sides-after-complete",),
        wrap=_of_everybody,
    ),
    Mutant(
        name="twin-trims-its-answer",
        defect="the blocking answer is made by code of its own",
        base=CHAT,
        trips={"endpoints.same": "at /answer of blocking-answer"},
        probes=("sides-before",),
        wrap=_answered(TWIN, _without_last_character),
    ),
    Mutant(
        name="history-in-an-old-session",
        defect="a history is added with every message",
        base=CHAT,
        trips={"endpoints.payload": "I slept badly."},
        probes=("sides-alone",),
        patch=_history_counts_always,
    ),
    Mutant(
        name="any-text-is-a-session",
        defect="ids of sessions are not validated",
        base=CHAT,
        trips={"errors.invalid-requests-refused": "session_id is no UUID"},
        also={
            "errors.invalid-reach-no-model": "what is taken is answered",
            "errors.refusal-shape": "a stream is no refusal",
        },
        wrap=_no_uuid_is_fine,
    ),
    Mutant(
        name="time-limit-is-an-error-like-any-other",
        defect="one code for all that a model can do",
        base=CHAT,
        trips={"errors.mute-model-timeout": "LLM_TIMEOUT"},
        patch=_time_limits_are_errors,
    ),
)
