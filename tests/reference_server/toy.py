"""A dialect of the tests: everything in which one may differ from another.

A user asks for a song by GET, from a browser's EventSource. Frames are `sung` for each
piece of the model's answer, then `done`; `sorry` is the failure. Nothing is said before
the model speaks, and what was sung is kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamproof.reference_server.dialects import DialectMaker
from streamproof.reference_server.models.client import ModelClient
from streamproof.reference_server.refusals import Refusal, RefusalCode
from streamproof.reference_server.streams import sse
from streamproof.reference_server.streams.dialect import (
    CredentialForm,
    Dialect,
    Heartbeat,
    Resources,
)
from streamproof.reference_server.streams.failure import (
    CAUSES,
    Failure,
    FailureError,
)
from streamproof.reference_server.streams.frame import Frame
from streamproof.reference_server.streams.run import Run, RunState
from streamproof.reference_server.web.requests import MediaType, read_body
from streamproof.reference_server.web.tokens import Principal

PATH = "/toy/songs"
OUT_OF_TUNE = Failure(
    code="OUT_OF_TUNE", message="the song was out of tune", retryable=True
)


class SongRequest(BaseModel):
    """Query of a request for a song."""

    model_config = ConfigDict(strict=True)

    theme: Annotated[str, Field(min_length=1, max_length=20)]
    verse: Annotated[int, Field(ge=1)] = 1


class Wish(BaseModel):
    """Body of a request beside the streams."""

    theme: str


async def wish(request: Request) -> Response:
    """Repeat who wishes for what."""
    principal: Principal = request.state.principal
    body = await read_body(request, Wish, answer=MediaType.JSON, max_bytes=99)
    return JSONResponse({"user": principal.user, "theme": body.theme})


@dataclass
class Song:
    """One run."""

    request: SongRequest
    model: ModelClient
    sung: list[str] = field(default_factory=list)

    def open(self, run: Run) -> None:
        """Say nothing before the model does."""

    async def work(self, run: Run) -> None:
        """Sing what the model says."""

        def sing(text: str) -> None:
            self.sung.append(text)
            run.publish(Frame(data=json.dumps({"sung": text})))

        theme = self.request.theme
        answer = await self.model.answer(
            [{"role": "user", "content": theme}], sing, max_chars=100
        )
        if "wrong" in answer.whole_text():
            raise FailureError(OUT_OF_TUNE)
        run.publish(Frame(data='{"done": true}', is_terminal=True))

    def fail(self, failure: Failure) -> Frame:
        """Say sorry."""
        sorry = {"sorry": failure.code, "retryable": failure.retryable}
        return Frame(data=json.dumps(sorry))


async def admit(request: SongRequest, user: str) -> None:
    """Refuse the one theme that is not for all."""
    if request.theme == "secret" and user != "ada":
        raise Refusal(RefusalCode.FORBIDDEN, "the song is not yours")


def toy(**changes: Any) -> DialectMaker:  # noqa: ANN401 -- fields of the dialect
    """Return what makes the dialect, with some of its fields changed."""

    def create(resources: Resources) -> Dialect[Any, Any]:
        dialect = Dialect(
            name="toy",
            method="GET",
            path=PATH,
            request=SongRequest,
            example={"theme": "spring"},
            job=lambda request, _user: Song(request, resources.model),
            failure_codes={cause: cause.upper() for cause in CAUSES},
            heartbeat=Heartbeat(interval_s=5.0, render=_tell_time),
            grace_s=30.0,
            credentials=(
                CredentialForm.BEARER,
                CredentialForm.QUERY,
                CredentialForm.COOKIE,
            ),
            refusal_codes={RefusalCode.UNAUTHORIZED: "WHO_ARE_YOU"},
            routes=[Route("/toy/wishes", wish, methods=["POST"])],
            admit=admit,
        )
        return replace(dialect, **changes)

    return create


def _tell_time(now: float) -> bytes:
    return sse.comment(f"it is {now:.0f}")


def saver(kept: list[tuple[str, RunState]]) -> Callable[[Song, RunState], Any]:
    """Return a saver that keeps in this list what was sung."""

    async def save(song: Song, state: RunState) -> None:
        kept.append(("".join(song.sung), state))

    return save
