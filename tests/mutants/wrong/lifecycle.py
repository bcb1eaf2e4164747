"""Servers that are wrong about a stream's way from its first event to its end."""

from __future__ import annotations

import anyio
from starlette.types import ASGIApp
from tests.mutants.asgi import Answer, Emit, Mutation, Reply, Request
from tests.mutants.bases.pipeline import failure, is_terminal
from tests.mutants.frames import (
    document,
    get,
    is_event,
    kind,
    number,
    put,
    with_document,
)
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site


def _enter_late(frame: bytes, reply: Reply) -> bytes:
    """Say that a node was entered after its first token."""
    if not is_event(frame):
        return frame
    if kind(frame) == "node-enter" and reply.frames > 0:
        reply.memory["held"] = frame
        return b""
    held = reply.memory.pop("held", None)
    if held is None:
        return frame
    first, second = get(held, "id") or "", get(frame, "id") or ""
    return put(frame, "id", first) + put(held, "id", second)


def _fail_at_the_end(frame: bytes, _reply: Reply) -> bytes:
    if not is_terminal(frame):
        return frame
    return put(failure(frame, "INTERNAL_ERROR"), "id", get(frame, "id") or "")


def _without_terminal(frame: bytes, _reply: Reply) -> bytes:
    return b"" if is_terminal(frame) else frame


def _done_and_failed(frame: bytes, _reply: Reply) -> bytes:
    return frame + failure(frame, "INTERNAL_ERROR") if is_terminal(frame) else frame


async def _say_bye(_reply: Reply, emit: Emit) -> None:
    await emit(b": bye\n\n")


async def _stay_open(reply: Reply, _emit: Emit) -> None:
    if reply.is_ended:
        await anyio.sleep(1.5)


async def _crash(_reply: Reply, _emit: Emit) -> None:
    raise ConnectionAbortedError("the worker died")


def _empty_second_token(frame: bytes, reply: Reply) -> bytes:
    if kind(frame) != "token-stream" or number(frame) != 3:
        return frame
    event = document(frame)
    event["delta"]["text"] = ""
    return with_document(frame, event)


async def _run_twice(request: Request, site: Site) -> Answer | None:
    if request.is_start:
        await site.call_model(request.prompt, is_read=True)
    return None


def _one_buffer(app: ASGIApp, site: Site) -> ASGIApp:
    """Keep the newest token in one place for all streams; send the one before."""
    buffer: list[str] = []

    def frame(frame: bytes, _reply: Reply) -> bytes:
        if kind(frame) != "token-stream":
            return frame
        event = document(frame)
        buffer.append(event["delta"]["text"])
        if len(buffer) > 1:
            event["delta"]["text"] = buffer.pop(0)
        return with_document(frame, event)

    return Mutation(frame=frame)(app, site)


MUTANTS = (
    Mutant(
        name="token-before-its-node",
        defect="two tasks write to one stream",
        trips={"lifecycle.order": "node-enter"},
        wrap=Mutation(frame=_enter_late),
    ),
    Mutant(
        name="success-told-as-failure",
        defect="E04: an exception in the clean-up overwrites the result",
        trips={"lifecycle.completes": "error"},
        wrap=Mutation(frame=_fail_at_the_end),
    ),
    Mutant(
        name="no-terminal-event",
        defect="E07: no terminal at all on success",
        trips={
            "lifecycle.one-terminal": "0 of them",
            "lifecycle.completes": "a run that ends in success",
        },
        wrap=Mutation(frame=_without_terminal),
    ),
    Mutant(
        name="done-and-failed",
        defect="E04: an error after the end",
        trips={
            "lifecycle.one-terminal": "2 of them",
            "lifecycle.nothing-after-terminal": "bytes",
        },
        wrap=Mutation(frame=_done_and_failed),
    ),
    Mutant(
        name="comment-after-the-end",
        defect="H07: something is written after the terminal event",
        trips={"lifecycle.nothing-after-terminal": "bye"},
        wrap=Mutation(last=_say_bye),
    ),
    Mutant(
        name="stays-open-after-the-end",
        defect="E08: the stream is kept open after done",
        trips={"lifecycle.closes-after-terminal": "within 1000 ms"},
        wrap=Mutation(last=_stay_open),
    ),
    Mutant(
        name="no-terminating-chunk",
        defect="E12: the body is cut instead of ended",
        trips={"lifecycle.clean-end": "zero-length chunk"},
        wrap=Mutation(last=_crash),
    ),
    Mutant(
        name="token-is-lost",
        defect="R19: a token is overwritten before it is sent",
        trips={"lifecycle.all-tokens-arrive": "got 55"},
        also={
            "vocabulary.invariants": "a node's output is not its tokens any more",
        },
        wrap=Mutation(frame=_empty_second_token),
    ),
    Mutant(
        name="model-is-called-once-more",
        defect="R22: tokens paid for twice",
        trips={"lifecycle.one-generation": "15"},
        also={"lifecycle.all-tokens-arrive": "no reader sees those of one call"},
        wrap=Mutation(request=_run_twice),
    ),
    Mutant(
        name="streams-share-a-buffer",
        defect="R16: state of the module instead of the run",
        trips={"lifecycle.streams-do-not-mix": "of the other stream"},
        wrap=_one_buffer,
    ),
)
