"""Servers that are wrong about ending a run early."""

from __future__ import annotations

import asyncio
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
    refusal,
)
from tests.mutants.bases.pipeline import failure
from tests.mutants.bases.toy.base import TOY
from tests.mutants.frames import document, kind, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

from streamproof.reference_server.models import client as model_client
from streamproof.reference_server.models import openai_chat
from streamproof.reference_server.models.client import ModelClient
from streamproof.reference_server.models.openai_chat import ChatStream
from streamproof.reference_server.models.provider import Answer as ModelAnswer
from streamproof.reference_server.models.provider import Stop
from streamproof.reference_server.streams.run import Run

LIKE_UNKNOWN = "what is told of a foreign stream is no longer what is told of no stream"
NO_TIMEOUT = {
    "upstream_first_token_timeout_s": 60.0,
    "upstream_total_timeout_s": 60.0,
}
GONE = "within 1500 ms of the reader's leaving"
LEAVES = (
    "leave-fin-before-headers",
    "leave-fin-before-first-token",
    "leave-fin-midstream",
    "leave-rst-before-headers",
    "leave-rst-before-first-token",
    "leave-rst-midstream",
)
EXPLICIT = ("cancel-before-headers", "cancel-before-first-token", "cancel-midstream")


def _let_the_task_run_on(patch: pytest.MonkeyPatch) -> None:
    """Say that a run was cancelled, and cancel nothing."""
    patch.setattr(Run, "bind", lambda _run, _task: None)


class _EarlyLeaver(ChatStream):
    """A reader that has enough after nine tokens."""

    tokens = 0

    def feed(self, data: str) -> str:
        piece = super().feed(data)
        self.tokens += bool(piece)
        return piece

    @property
    def is_terminated(self) -> bool:
        return self.tokens >= 9 or super().is_terminated

    def close(self) -> ModelAnswer:
        return ModelAnswer(text=self.text, stop=Stop.COMPLETE, reason="stop")


async def _no_tail(_body: object) -> None:
    return


def _leave_when_it_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(openai_chat, "ChatStream", _EarlyLeaver)
    patch.setattr(model_client, "_read_to_the_end", _no_tail)


def _on_cancel(status: int, change: Callable[[Answer], None]) -> Wrap:
    """Change what a cancel is answered with that status."""

    def answer(answer: Answer, request: Request) -> None:
        if request.is_cancel and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _status(value: int) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.status = value

    return change


def _as_text(answer: Answer) -> None:
    answer.set("content-type", "text/plain")
    answer.body = b"no such stream"


def _gone(answer: Answer) -> None:
    answer.status = 404
    answer.document = {"error": {"code": "STREAM_NOT_FOUND", "message": "gone"}}


Owner = tuple[str, str]


def _with_owners(on_cancel: Callable[[Request, Owner | None], Answer | None]) -> Wrap:
    """Return a server that knows who started a stream, and with which credential."""

    def wrap(app: ASGIApp, site: Site) -> ASGIApp:
        owners: dict[str, Owner] = {}

        async def request(request: Request, _site: Site) -> Answer | None:
            if request.is_cancel:
                return on_cancel(request, owners.get(request.stream))
            return None

        def head(reply: Reply) -> None:
            stream = get_header(reply.headers, "x-stream-id") or ""
            asked = reply.request
            owners.setdefault(stream, (asked.user, asked.credential or ""))

        return Mutation(request=request, head=head)(app, site)

    return wrap


def _cancel_as_owner(request: Request, owner: Owner | None) -> Answer | None:
    if owner is not None and request.credential is not None:
        request.credential = owner[1]
    return None


def _cancel_for_strangers(request: Request, owner: Owner | None) -> Answer | None:
    if owner is not None and request.credential is None:
        request.credential = owner[1]
    return None


def _admit_existence(request: Request, owner: Owner | None) -> Answer | None:
    is_foreign = owner is not None and request.user not in (owner[0], "")
    return refusal(403, "FORBIDDEN") if is_foreign else None


def _take_cancel_for_failure(patch: pytest.MonkeyPatch) -> None:
    """Take a cancel for one more failure of the model, and call it again."""
    answer = ModelClient.answer

    async def answer_again(
        self: ModelClient,
        *arguments: Any,  # noqa: ANN401 -- handed on
        **options: Any,  # noqa: ANN401 -- handed on
    ) -> ModelAnswer:
        try:
            return await answer(self, *arguments, **options)
        except asyncio.CancelledError:
            return await answer(self, *arguments, **options)

    patch.setattr(ModelClient, "answer", answer_again)


def _tell_another_error(frame: bytes, _reply: Reply) -> bytes:
    event = document(frame)
    if kind(frame) == "error":
        event["delta"]["code"] = "INTERNAL_ERROR"
        return with_document(frame, event)
    return frame


def _tell_twice(frame: bytes, _reply: Reply) -> bytes:
    return frame + failure(frame, "CANCELLED") if kind(frame) == "error" else frame


async def _forget_everything(request: Request, _site: Site) -> Answer | None:
    return refusal(404, "STREAM_NOT_FOUND") if request.cursor else None


def _by_session(request: Request) -> bool:
    """Tell a cancel of what runs in a session from one of a stream."""
    return request.method == "POST" and request.path.endswith("/cancel")


def _on_session_cancel(status: int, change: Callable[[Answer], None]) -> Wrap:
    def answer(answer: Answer, request: Request) -> None:
        if _by_session(request) and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _with_sessions(is_let_in: Callable[[Request], bool]) -> Wrap:
    """Return a server that cancels for its owner what runs in a session."""

    def wrap(app: ASGIApp, site: Site) -> ASGIApp:
        owners: dict[str, str] = {}

        async def request(request: Request, _site: Site) -> Answer | None:
            session = request.path.removesuffix("/cancel").rpartition("/")[2]
            if _by_session(request) and session in owners and is_let_in(request):
                request.credential = owners[session]
            return None

        def head(reply: Reply) -> None:
            session = get_header(reply.headers, "x-session-id") or ""
            owners.setdefault(session, reply.request.credential or "")

        return Mutation(request=request, head=head)(app, site)

    return wrap


def _without(name: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        document = answer.document
        del document[name]
        answer.document = document

    return change


def _conflict(answer: Answer) -> None:
    document = answer.document
    document["error"]["code"] = "CONFLICT"
    answer.document = document


def _tell_one_reason(frame: bytes, _reply: Reply) -> bytes:
    event = document(frame)
    if event and "reason" in event:
        return with_document(frame, {**event, "reason": "user_initiated"})
    return frame


MUTANTS = (
    Mutant(
        name="handler-ends-model-runs-on",
        defect="C02: the HTTP side says cancelled, the graph goes on",
        trips={
            "cancellation.explicit-before-headers": "still open, 0 tokens",
            "cancellation.explicit-before-first-token": "still open, 0 tokens",
            "cancellation.explicit-midstream": "still open, 2 tokens",
            "cancellation.no-tokens-after": "expected a cancelled model call",
        },
        probes=EXPLICIT,
        settings=NO_TIMEOUT,
        patch=_let_the_task_run_on,
    ),
    Mutant(
        name="disconnect-is-never-noticed",
        defect="C01, C05: the reader leaves, the model call continues",
        trips={
            "cancellation.fin-before-headers": GONE,
            "cancellation.fin-before-first-token": GONE,
            "cancellation.fin-midstream": GONE,
            "cancellation.rst-before-headers": GONE,
            "cancellation.rst-before-first-token": GONE,
            "cancellation.rst-midstream": GONE,
            "cancellation.no-tokens-after": "expected a cancelled model call",
        },
        probes=LEAVES,
        settings=NO_TIMEOUT,
        wrap=Mutation(is_deaf=True),
    ),
    Mutant(
        name="no-grace",
        defect="H12: a dropped connection is taken for a cancel",
        trips={"cancellation.grace-kept": "go on for 500 ms"},
        probes=("leave-fin-midstream", "leave-rst-before-headers"),
        settings={"resume_grace_s": 0.0},
    ),
    Mutant(
        name="cancel-is-retried",
        defect="C07: the cancellation is swallowed by a retry loop",
        trips={"cancellation.no-further-calls": "model call 2"},
        probes=("cancel-midstream",),
        patch=_take_cancel_for_failure,
    ),
    Mutant(
        name="cancelled-run-failed",
        defect="C10: a cancelled run is reported as failed",
        trips={"cancellation.reader-told": "INTERNAL_ERROR"},
        probes=EXPLICIT,
        wrap=Mutation(frame=_tell_another_error),
    ),
    Mutant(
        name="cancelled-twice",
        defect="C11: two terminal events on a cancel",
        trips={"cancellation.reader-told": "nothing after the terminal event"},
        also={
            "lifecycle.one-terminal": "the same, of any stream",
            "lifecycle.nothing-after-terminal": "the same, of any stream",
        },
        probes=("cancel-midstream",),
        wrap=Mutation(frame=_tell_twice),
    ),
    Mutant(
        name="cancel-is-answered-200",
        defect="the answer of a finished stream for a running one",
        trips={"cancellation.accepted-answer": "202"},
        probes=("cancel-midstream",),
        wrap=_on_cancel(202, _status(200)),
    ),
    Mutant(
        name="second-cancel-is-a-conflict",
        defect="C17: cancel is not idempotent",
        trips={"cancellation.idempotent-answer": "409"},
        probes=("cancel-midstream",),
        wrap=_on_cancel(200, _status(409)),
    ),
    Mutant(
        name="finished-stream-is-unknown",
        defect="the record of a run goes with the run",
        trips={"cancellation.finished-answer": "404"},
        wrap=_on_cancel(200, _gone),
    ),
    Mutant(
        name="anyone-cancels-any-stream",
        defect="C17: the cancel leaks across users",
        trips={
            "cancellation.foreign-refused": "202",
            "cancellation.foreign-like-unknown": "202",
        },
        also={"cancellation.accepted-answer": "nothing is left to cancel"},
        wrap=_with_owners(_cancel_as_owner),
    ),
    Mutant(
        name="cancel-reveals-existence",
        defect="R10: 403 tells that the stream exists",
        trips={"cancellation.foreign-like-unknown": "403"},
        also={"cancellation.foreign-refused": "403 is not the declared status"},
        wrap=_with_owners(_admit_existence),
    ),
    Mutant(
        name="any-cancel-succeeds",
        defect="DELETE answers 202 without looking",
        trips={"cancellation.unknown-refused": "202"},
        also={"cancellation.foreign-like-unknown": LIKE_UNKNOWN},
        wrap=_with_owners(
            lambda _request, owner: Answer(202) if owner is None else None
        ),
    ),
    Mutant(
        name="refused-cancel-is-text",
        defect="error page of the framework",
        trips={"cancellation.refusals-are-json": "text/plain"},
        also={
            "cancellation.foreign-refused": "a text has no code",
            "cancellation.unknown-refused": "a text has no code",
        },
        wrap=_on_cancel(404, _as_text),
    ),
    Mutant(
        name="cancelled-run-is-forgotten",
        defect="R18: disconnect destroys the log, a returning reader gets 404",
        trips={"cancellation.log-tells-later": "404"},
        probes=("leave-fin-midstream",),
        wrap=Mutation(request=_forget_everything),
    ),
    Mutant(
        name="model-is-left-when-it-is-enough",
        defect="a normal end counts as a cancel at the provider",
        trips={"cancellation.normal-end-is-no-cancel": "cancelled_midstream"},
        probes=("paced",),
        patch=_leave_when_it_is_enough,
    ),
    Mutant(
        name="session-cancel-is-answered-200",
        defect="the second way to cancel has an answer of its own",
        base=TOY,
        trips={
            "cancellation.accepted-answer": "by POST /notes/stream/{session}/cancel"
        },
        probes=("cancel-midstream",),
        wrap=_on_session_cancel(202, _status(200)),
    ),
    Mutant(
        name="over-is-a-conflict-like-any-other",
        defect="codes by status instead of by cause",
        base=TOY,
        trips={
            "cancellation.idempotent-answer": "'NOT_RUNNING'",
            "cancellation.finished-answer": "'NOT_RUNNING'",
        },
        probes=("cancel-midstream", "complete"),
        wrap=_on_session_cancel(409, _conflict),
    ),
    Mutant(
        name="cancel-does-not-name-its-session",
        defect="a member that the page promises is left out of the answer",
        base=TOY,
        trips={"cancellation.answer-payload": "'session_id' is a required property"},
        probes=("cancel-midstream",),
        wrap=_on_session_cancel(202, _without("session_id")),
    ),
    Mutant(
        name="one-reason-for-all-cancels",
        defect="the reason of the request is not handed on",
        base=TOY,
        trips={"cancellation.reason-told": '"timeout" at /reason'},
        probes=("cancel-midstream",),
        wrap=Mutation(frame=_tell_one_reason),
    ),
    Mutant(
        name="session-cancel-needs-no-credential",
        defect="an endpoint that was left out of the authentication",
        base=TOY,
        trips={"cancellation.needs-credential": "without a credential by POST"},
        also={
            "cancellation.foreign-refused": "nothing is left to cancel",
            "cancellation.foreign-like-unknown": "nor is it like one that is none",
            "cancellation.accepted-answer": "nor for its owner",
        },
        probes=("cancel-midstream",),
        wrap=_with_sessions(lambda request: request.credential is None),
    ),
    Mutant(
        name="anyone-cancels-any-session",
        defect="C17 by the second way to cancel",
        base=TOY,
        trips={
            "cancellation.foreign-refused": "another user's cancel by POST",
            "cancellation.foreign-like-unknown": "202",
        },
        also={"cancellation.accepted-answer": "nothing is left to cancel"},
        probes=("cancel-midstream",),
        wrap=_with_sessions(lambda request: request.credential is not None),
    ),
    Mutant(
        name="cancel-needs-no-credential",
        defect="knowing the id of a stream is enough to end it",
        trips={"cancellation.needs-credential": "without a credential"},
        also={"cancellation.accepted-answer": "nothing is left to cancel"},
        probes=("cancel-midstream",),
        wrap=_with_owners(_cancel_for_strangers),
    ),
)
