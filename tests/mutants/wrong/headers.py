"""Servers whose response head is wrong."""

from __future__ import annotations

from tests.mutants.asgi import Mutation, Reply, Wrap
from tests.mutants.mutant import Mutant


def _set(name: str, value: str | None) -> Wrap:
    return Mutation(head=lambda reply: reply.set(name, value))


def _bare_on_resume(reply: Reply) -> None:
    if reply.request.cursor:
        reply.set("cache-control", "no-cache")


def _created(reply: Reply) -> None:
    reply.status = 201


def _other_stream(reply: Reply) -> None:
    reply.set("x-stream-id", "BBBBBBBBBBBBBBBBBBBBBB")


MUTANTS = (
    Mutant(
        name="stream-is-created",
        defect="F20: a status of the framework's choice",
        trips={"headers.status-200": "201"},
        wrap=Mutation(head=_created),
    ),
    Mutant(
        name="stream-is-json-lines",
        defect="wrong content type",
        trips={"headers.content-type-event-stream": "application/x-ndjson"},
        wrap=_set("content-type", "application/x-ndjson"),
    ),
    Mutant(
        name="latin-1",
        defect="F08: wrong charset parameter",
        trips={"headers.charset-utf-8-or-none": "iso-8859-1"},
        wrap=_set("content-type", "text/event-stream; charset=iso-8859-1"),
    ),
    Mutant(
        name="cacheable",
        defect="P06: cacheable response",
        trips={
            "headers.not-cacheable": "Cache-Control",
            "headers.declared-tokens": "Cache-Control",
        },
        wrap=_set("cache-control", "max-age=60"),
    ),
    Mutant(
        name="transformable",
        defect="B03: an intermediary compresses, and buffers",
        trips={"headers.declared-tokens": "no-transform"},
        wrap=_set("cache-control", "no-cache"),
    ),
    Mutant(
        name="proxies-may-buffer",
        defect="B02: no X-Accel-Buffering",
        trips={"headers.declared-tokens": "X-Accel-Buffering"},
        wrap=_set("x-accel-buffering", None),
    ),
    Mutant(
        name="content-length-on-a-stream",
        defect="P02: Content-Length on a stream",
        trips={"headers.no-content-length": "Content-Length"},
        also={
            "http.chunked-on-http-1-1": "a length takes the place of chunks",
            "lifecycle.clean-end": "the body is shorter than announced",
        },
        wrap=_set("content-length", "1000000"),
    ),
    Mutant(
        name="head-names-another-stream",
        defect="E10: wrong run id",
        trips={"headers.stream-id-matches": "X-Stream-Id"},
        also={"cancellation.finished-answer": "the cancel goes to the stream it names"},
        wrap=Mutation(head=_other_stream),
    ),
    Mutant(
        name="head-differs-on-resume",
        defect="F20: the resume path sets headers of its own",
        trips={"headers.same-on-resume": "Cache-Control"},
        also={"headers.declared-tokens": "the resumed head lacks a declared token"},
        wrap=Mutation(head=_bare_on_resume),
    ),
)
