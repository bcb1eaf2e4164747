"""Servers that are wrong about failures, of the model's and of the client's making."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import pytest
from tests.mutants.asgi import (
    Answer,
    Emit,
    Mutation,
    Reply,
    Request,
    Wrap,
)
from tests.mutants.bases.pipeline import is_terminal
from tests.mutants.frames import document, get, kind, put, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

from streamproof.reference_server.models import client as model_client
from streamproof.reference_server.models import openai_chat
from streamproof.reference_server.models.client import ModelClient
from streamproof.reference_server.models.fault import ModelError
from streamproof.reference_server.models.openai_chat import ChatStream
from streamproof.reference_server.models.provider import Answer as ModelAnswer
from streamproof.reference_server.models.provider import Stop

MID_STREAM = "upstream-error-event"
BY_SCHEMA = {"vocabulary.payload-schema": "the schema of an error says so too"}


def _in_errors(change: Callable[[dict[str, Any]], None]) -> Wrap:
    """Change the delta of every terminal error event."""

    def frame(frame: bytes, _reply: Reply) -> bytes:
        if kind(frame) != "error":
            return frame
        event = document(frame)
        change(event["delta"])
        return with_document(frame, event)

    return Mutation(frame=frame)


def _traceback(delta: dict[str, Any]) -> None:
    delta["message"] = (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/model.py", line 3, in call'
    )


def _twice(frame: bytes, _reply: Reply) -> bytes:
    if not is_terminal(frame):
        return frame
    stream, _, n = (get(frame, "id") or "").rpartition("-")
    return frame + put(frame, "id", f"{stream}-{int(n) + 1}")


async def _stay_open(reply: Reply, _emit: Emit) -> None:
    if reply.is_ended:
        await anyio.sleep(1.5)


async def _crash(_reply: Reply, _emit: Emit) -> None:
    raise ConnectionAbortedError("the worker died")


def _without_error(frame: bytes, _reply: Reply) -> bytes:
    return b"" if kind(frame) == "error" else frame


def _swallow_last_token(frame: bytes, reply: Reply) -> bytes:
    """Hold back every token until the next event, and lose it when that is an error."""
    held = reply.memory.pop("held", b"")
    if kind(frame) == "token-stream":
        reply.memory["held"] = frame
        return bytes(held)
    return frame if kind(frame) == "error" else held + frame


class _Lenient(ChatStream):
    """A reader that takes the end of the body for the end of the answer."""

    def close(self) -> ModelAnswer:
        return ModelAnswer(text=self.text, stop=Stop.COMPLETE, reason="stop")


def _end_of_body_is_enough(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(openai_chat, "ChatStream", _Lenient)


def _ignore_retry_after(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(model_client, "parse_retry_after", lambda _value, _now: None)


def _retry_whatever_failed(patch: pytest.MonkeyPatch) -> None:
    answer = ModelClient.answer

    async def answer_twice(
        self: ModelClient,
        *arguments: Any,  # noqa: ANN401 -- handed on
        **options: Any,  # noqa: ANN401 -- handed on
    ) -> ModelAnswer:
        try:
            return await answer(self, *arguments, **options)
        except ModelError:
            return await answer(self, *arguments, **options)

    patch.setattr(ModelClient, "answer", answer_twice)


def _on_refusal(change: Callable[[Answer], None]) -> Wrap:
    def answer(answer: Answer, _request: Request) -> None:
        if answer.status >= 400:
            change(answer)

    return Mutation(answer=answer)


def _bad_request(answer: Answer) -> None:
    answer.status = 400 if answer.status == 422 else answer.status


def _detail(answer: Answer) -> None:
    answer.document = {"detail": "invalid"}


async def _call_model_first(request: Request, site: Site) -> Answer | None:
    if request.is_start:
        await site.call_model(request.body.decode())
    return None


async def _any_path(request: Request, _site: Site) -> Answer | None:
    if request.method == "POST":
        request.path = request.base.endpoint
    return None


MUTANTS = (
    Mutant(
        name="every-failure-is-internal",
        defect="E14: one code for everything",
        trips={
            "errors.http-error-code": "INTERNAL_ERROR",
            "errors.rate-limited-code": "INTERNAL_ERROR",
            "errors.mute-model-timeout": "INTERNAL_ERROR",
            "errors.stalled-model-timeout": "INTERNAL_ERROR",
            "errors.dropped-fin": "INTERNAL_ERROR",
            "errors.dropped-rst": "INTERNAL_ERROR",
            "errors.truncated": "INTERNAL_ERROR",
            "errors.error-event": "INTERNAL_ERROR",
        },
        also={
            "vocabulary.payload-schema": "such a failure is never worth a retry",
        },
        wrap=_in_errors(lambda delta: delta.update(code="INTERNAL_ERROR")),
    ),
    Mutant(
        name="truncation-is-success",
        defect="error swallowed as normal end",
        trips={"errors.truncated": "says success"},
        also={"errors.not-retried-after-tokens": "the run goes on to its next call"},
        patch=_end_of_body_is_enough,
    ),
    Mutant(
        name="stall-never-times-out",
        defect="E13: upstream stall never times out",
        trips={
            "errors.mute-model-timeout": "deadline end",
            "errors.stalled-model-timeout": "deadline end",
        },
        settings={
            "upstream_first_token_timeout_s": 60.0,
            "upstream_total_timeout_s": 60.0,
        },
    ),
    Mutant(
        name="failure-cuts-the-connection",
        defect="E01: an exception after the headers, no event, connection dropped",
        trips={"errors.http-error-code": "premature eof end"},
        probes=("upstream-http-error",),
        wrap=Mutation(frame=_without_error, last=_crash),
    ),
    Mutant(
        name="two-terminal-events",
        defect="E05: error twice",
        trips={"errors.one-terminal": "a second terminal event"},
        also={"lifecycle.nothing-after-terminal": "the same, of any stream"},
        probes=("upstream-http-error",),
        wrap=Mutation(frame=_twice),
    ),
    Mutant(
        name="error-without-message",
        defect="E14: nothing that could be shown",
        trips={"errors.told-in-full": "message"},
        also=BY_SCHEMA,
        probes=("upstream-http-error",),
        wrap=_in_errors(lambda delta: delta.pop("message")),
    ),
    Mutant(
        name="retryable-is-a-word",
        defect="E14: a flag that is no boolean",
        trips={"errors.retryable-declared": "yes"},
        also=BY_SCHEMA,
        probes=("upstream-http-error",),
        wrap=_in_errors(lambda delta: delta.update(retryable="yes")),
    ),
    Mutant(
        name="traceback-reaches-the-client",
        defect="E11: stack trace in the error event",
        trips={"errors.no-internals": "Traceback"},
        probes=("upstream-http-error",),
        wrap=_in_errors(_traceback),
    ),
    Mutant(
        name="stream-stays-open-after-its-error",
        defect="E06: error not terminal",
        trips={"errors.clean-end": "within 1000 ms of the error event"},
        also={"lifecycle.closes-after-terminal": "the same, of any stream"},
        probes=("upstream-http-error",),
        wrap=Mutation(last=_stay_open),
    ),
    Mutant(
        name="no-terminating-chunk-after-an-error",
        defect="E12: an exception after the headers cuts the body",
        trips={"errors.clean-end": "premature eof"},
        probes=("upstream-http-error",),
        wrap=Mutation(last=_crash),
    ),
    Mutant(
        name="last-token-is-lost-before-an-error",
        defect="E03: the event before an exception is lost",
        trips={"errors.tokens-before-error-arrive": "got 1 of them before error"},
        also={"ids.without-gaps": "the lost event leaves a gap"},
        probes=(MID_STREAM,),
        wrap=Mutation(frame=_swallow_last_token),
    ),
    Mutant(
        name="retry-after-is-ignored",
        defect="429 retried at once",
        trips={"errors.retry-honours-retry-after": "Retry-After"},
        settings={"upstream_backoff_s": 0.05},
        patch=_ignore_retry_after,
    ),
    Mutant(
        name="retried-after-tokens",
        defect="R22: a mid-stream retry doubles tokens",
        trips={"errors.not-retried-after-tokens": "no model call after call 1 failed"},
        also={"errors.dropped-fin": "the second call succeeds, so no error is told"},
        probes=("upstream-drop-fin",),
        patch=_retry_whatever_failed,
    ),
    Mutant(
        name="every-invalid-request-is-400",
        defect="one status for everything",
        trips={"errors.invalid-requests-refused": "422"},
        wrap=_on_refusal(_bad_request),
    ),
    Mutant(
        name="refusal-in-the-framework's-words",
        defect="E14: error body of the framework",
        trips={"errors.refusal-shape": "code"},
        also={
            "errors.invalid-requests-refused": "there is no code",
        },
        wrap=_on_refusal(_detail),
    ),
    Mutant(
        name="405-without-allow",
        defect="a 405 that does not say what is allowed",
        trips={"errors.allow-header": "Allow"},
        wrap=_on_refusal(lambda answer: answer.set("allow", None)),
    ),
    Mutant(
        name="model-is-called-before-validation",
        defect="upstream opened before the body is validated",
        trips={"errors.invalid-reach-no-model": "no model call for an invalid request"},
        wrap=Mutation(request=_call_model_first),
    ),
    Mutant(
        name="any-path-is-a-stream",
        defect="P08: a catch-all route",
        trips={"errors.unknown-path-refused": "200"},
        also={"errors.invalid-reach-no-model": "its run has the probe's one key"},
        wrap=Mutation(request=_any_path),
    ),
)
