"""The toy protocol's endpoints."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeVar

import anyio
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.mutants.bases.toy.auth import Caller, authenticated
from tests.mutants.bases.toy.drafts import Drafts
from tests.mutants.bases.toy.model import Model
from tests.mutants.bases.toy.reading import Reading
from tests.mutants.bases.toy.refusal import Refusal
from tests.mutants.bases.toy.run import Run, Runs

_CURSOR = re.compile(r"([A-Za-z0-9_-]{0,127}[A-Za-z0-9_])-([1-9][0-9]{0,17})")
_LARGEST = 1024 * 1024
_CODES = {404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED"}
_TWIN_STATUS = {"MODEL_TIMEOUT": 504, "CANCELLED": 409}

BodyT = TypeVar("BodyT", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a server needs; times in seconds.

    `event_fields` are what the `event:` field of some types is; others have none.
    """

    upstream: str
    secret: str
    heartbeat_s: float = 5.0
    grace_s: float = 5.0
    timeout_s: float = 60.0
    event_fields: Mapping[str, str] = field(default_factory=dict)


class _Body(BaseModel):
    model_config = ConfigDict(strict=True)


class Ask(_Body):
    """The body of a start, and of the classic request."""

    text: Annotated[str, Field(min_length=1, max_length=20_000)]
    session_id: Annotated[uuid.UUID | None, Field(strict=False)] = None


class Why(_Body):
    """The body of a cancel."""

    reason: Literal["user_initiated", "timeout", "error"]


class NewDraft(_Body):
    """The body that makes a draft."""

    content: str


class Change(_Body):
    """The body that changes a draft."""

    content: str | None = None
    status: Literal["editing", "complete", "partial", "streaming"] | None = None
    version: int | None = None


def create_app(settings: Settings) -> ASGIApp:
    """Return a server."""
    drafts = Drafts()
    model = Model(settings.upstream, settings.timeout_s)
    runs = Runs(model, drafts, settings.event_fields)
    site = _Endpoints(runs=runs, drafts=drafts, settings=settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await runs.close()

    app = Starlette(
        routes=[
            Route("/notes", site.twin, methods=["POST"]),
            Route("/notes/stream", site.stream, methods=["POST"]),
            Route("/notes/stream/{id}", site.cancel, methods=["DELETE"]),
            Route("/notes/stream/{id}/cancel", site.cancel_session, methods=["POST"]),
            Route("/notes/sessions/{id}", site.session),
            Route("/notes/metrics", site.metrics),
            Route("/notes/drafts", site.drafts_of_user, methods=["GET", "POST"]),
            Route("/notes/drafts/{id}", site.one_draft, methods=["GET", "PATCH"]),
        ],
        exception_handlers={
            HTTPException: _without_route,
            Refusal: _refused,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )
    return authenticated(app, settings.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    runs: Runs
    drafts: Drafts
    settings: Settings

    async def stream(self, request: Request) -> Reading | Response:
        """Start a stream, or come back to one."""
        cursor = request.headers.get("Last-Event-ID")
        if cursor is None:
            return self._reading(await self._start(request), request, after=0)
        found = _CURSOR.fullmatch(cursor)
        if found is None:
            raise Refusal(400, "INVALID_LAST_EVENT_ID")
        run, after = self.runs.get(_caller(request).user, found[1]), int(found[2])
        if after > len(run.blocks):
            raise Refusal(400, "INVALID_LAST_EVENT_ID")
        if run.is_over and after == len(run.blocks):
            return Response(status_code=204)
        return self._reading(run, request, after=after)

    async def twin(self, request: Request) -> _Twin:
        """Answer with the whole note as one document."""
        return _Twin(await self._start(request))

    async def cancel(self, request: Request) -> JSONResponse:
        """End a stream."""
        run = self.runs.get(_caller(request).user, request.path_params["id"])
        status = 200 if run.is_over else 202
        run.cancel("user_initiated")
        return JSONResponse({"id": run.id, "status": run.status}, status)

    async def cancel_session(self, request: Request) -> JSONResponse:
        """End what runs in a session, for a reason."""
        why = await _body(request, Why)
        run = self.runs.of_session(_caller(request).user, request.path_params["id"])
        if run.is_over:
            raise Refusal(409, "NOT_RUNNING")
        run.cancel(why.reason)
        answer = {"id": run.id, "status": run.status, "session_id": run.session}
        return JSONResponse(answer, 202)

    async def session(self, request: Request) -> JSONResponse:
        """Tell how the last run of a session stands."""
        run = self.runs.of_session(_caller(request).user, request.path_params["id"])
        answer = {"session_id": run.session, "status": run.status}
        return JSONResponse(answer | {"accumulated_tokens": run.pieces})

    async def metrics(self, _request: Request) -> JSONResponse:
        """Tell how long runs take."""
        return JSONResponse({"runs": self.runs.figures()})

    async def drafts_of_user(self, request: Request) -> JSONResponse:
        """List the user's drafts, or add one."""
        user = _caller(request).user
        if request.method == "POST":
            new = await _body(request, NewDraft)
            draft = self.drafts.create(user, "complete", new.content)
            return JSONResponse(draft.shown(), 201)
        items = [draft.shown() for draft in self.drafts.of(user)]
        return JSONResponse({"items": items})

    async def one_draft(self, request: Request) -> JSONResponse:
        """Show a draft, or change it."""
        user, id_ = _caller(request).user, request.path_params["id"]
        if request.method != "PATCH":
            return JSONResponse(self.drafts.get(user, id_).shown())
        change = await _body(request, Change)
        if change.content is change.status is None:
            raise Refusal(422, "VALIDATION_ERROR")
        draft = self.drafts.get(user, id_)
        draft.edit(change.content, change.status, change.version)
        return JSONResponse(draft.shown())

    async def _start(self, request: Request) -> Run:
        ask = await _body(request, Ask)
        session = str(ask.session_id or uuid.uuid4())
        return self.runs.start(_caller(request).user, session, ask.text)

    def _reading(self, run: Run, request: Request, *, after: int) -> Reading:
        return Reading(
            run=run,
            after=after,
            expires=_caller(request).expires,
            heartbeat_s=self.settings.heartbeat_s,
            grace_s=self.settings.grace_s,
        )


@dataclass(frozen=True, slots=True)
class _Twin:
    """A run read to its end; its client's leaving cancels it at once."""

    run: Run

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        run = self.run
        run.attach(self)
        async with anyio.create_task_group() as group:
            group.start_soon(self._watch, receive)
            while not run.is_over:
                await run.changed.wait()
            group.cancel_scope.cancel()
        if run.code:
            answer = Refusal(_TWIN_STATUS.get(run.code, 502), run.code).to_response()
        else:
            answer = JSONResponse(run.result())
        await answer(scope, receive, send)

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.run.cancel("user_initiated")


def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _body(request: Request, kind: type[BodyT]) -> BodyT:
    """Return the body of a request; raise `Refusal` for one that is not right."""
    essence = request.headers.get("Content-Type", "").partition(";")[0].strip()
    if essence.lower() != "application/json":
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise Refusal(413, "BODY_TOO_LARGE")
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "INVALID_JSON") from None
    try:
        return kind.model_validate_json(body)
    except ValidationError:
        raise Refusal(422, "VALIDATION_ERROR") from None


async def _refused(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, Refusal)
    return problem.to_response()


async def _without_route(_request: Request, problem: Exception) -> JSONResponse:
    assert isinstance(problem, HTTPException)
    status = problem.status_code
    response = Refusal(status, _CODES.get(status, "BAD_REQUEST")).to_response()
    response.headers.update(problem.headers or {})
    return response


async def _gone(_request: Request, _problem: Exception) -> Response:
    return Response(status_code=499)
