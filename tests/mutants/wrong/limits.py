"""Servers that are wrong about how many streams a user may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import anyio
from starlette.types import ASGIApp
from tests.mutants.asgi import (
    Answer,
    Emit,
    Mutation,
    Reply,
    Request,
    Wrap,
    refusal,
)
from tests.mutants.bases.pipeline import is_terminal
from tests.mutants.frames import kind
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

LIMIT = 3
NO_LIMIT = {"streams_per_user": 1000}


def too_many() -> Answer:
    """Return the refusal over the limit."""
    return refusal(429, "TOO_MANY_STREAMS", retry_after="5")


def _on_429(change: Callable[[Answer], None]) -> Wrap:
    def answer(answer: Answer, _request: Request) -> None:
        if answer.status == 429:
            change(answer)

    return Mutation(answer=answer)


def _forbid(answer: Answer) -> None:
    answer.status = 403


def _detail(answer: Answer) -> None:
    answer.document = {"detail": "too many streams"}


def _model_first(app: ASGIApp, site: Site) -> ASGIApp:
    """Call the model for the first start over the limit, before it is refused."""
    started: Counter[str] = Counter()

    async def request(request: Request, site: Site) -> Answer | None:
        if request.is_start:
            started[request.user] += 1
            if started[request.user] == LIMIT + 1:
                await site.call_model(request.prompt)
        return None

    return Mutation(request=request)(app, site)


def _resume_counts(app: ASGIApp, site: Site) -> ASGIApp:
    """Refuse a resume of a user whose dead connection still counts."""
    open_streams: Counter[str] = Counter()

    async def request(request: Request, _site: Site) -> Answer | None:
        if request.cursor and open_streams[request.user] >= LIMIT:
            return too_many()
        return None

    def head(reply: Reply) -> None:
        open_streams[reply.request.user] += 1

    return Mutation(request=request, head=head)(app, site)


def _checked_then_counted(app: ASGIApp, site: Site) -> ASGIApp:
    """Look up the number of streams, do something slow, and count this one then.

    A stream that has ended counts no more: only the moment of counting is wrong.
    """
    streams: Counter[str] = Counter()
    counted: set[int] = set()

    async def request(request: Request, _site: Site) -> Answer | None:
        if not request.is_start:
            return None
        if streams[request.user] >= LIMIT:
            return too_many()
        await anyio.sleep(0.05)
        streams[request.user] += 1
        counted.add(id(request))
        return None

    def free(request: Request) -> None:
        if id(request) in counted:
            counted.remove(id(request))
            streams[request.user] -= 1

    async def last(reply: Reply, _emit: Emit) -> None:
        free(reply.request)

    return Mutation(
        request=request,
        answer=lambda _answer, request: free(request),
        last=last,
        gone=free,
    )(app, site)


def _freed_at_the_head(app: ASGIApp, site: Site) -> ASGIApp:
    """Count a stream only until its response has begun."""
    starting: Counter[str] = Counter()

    async def request(request: Request, _site: Site) -> Answer | None:
        if request.is_start and starting[request.user] >= LIMIT:
            return too_many()
        starting[request.user] += request.is_start
        return None

    def head(reply: Reply) -> None:
        starting[reply.request.user] -= reply.request.is_start

    return Mutation(request=request, head=head)(app, site)


def _as_frame(answer: Answer) -> None:
    answer.status = 200
    answer.set("content-type", "text/event-stream")
    answer.body = b'event: error\ndata: {"code":"TOO_MANY_STREAMS"}\n\n'


def _leak(way: str) -> Wrap:
    """Keep a slot for ever when its stream ends this way: its type of last event.

    `left` means that there was no last event, because the reader left.
    """

    def wrap(app: ASGIApp, site: Site) -> ASGIApp:
        leaked: Counter[str] = Counter()

        async def request(request: Request, _site: Site) -> Answer | None:
            is_full = request.is_start and leaked[request.user] >= LIMIT
            return too_many() if is_full else None

        def frame(frame: bytes, reply: Reply) -> bytes:
            if is_terminal(frame) and way == kind(frame):
                leaked[reply.request.user] += 1
            return frame

        def gone(request: Request) -> None:
            if way == "left":
                leaked[request.user] += 1

        return Mutation(request=request, frame=frame, gone=gone)(app, site)

    return wrap


MUTANTS = (
    Mutant(
        name="one-stream-too-many",
        defect="L01: > instead of >=",
        trips={"limits.exact-under-burst": "4"},
        settings={"streams_per_user": LIMIT + 1},
    ),
    Mutant(
        name="checked-then-counted",
        defect="L01: check-then-act",
        trips={"limits.exact-under-burst": "exactly 3 of 50"},
        settings=NO_LIMIT,
        wrap=_checked_then_counted,
    ),
    Mutant(
        name="slot-is-free-at-the-head",
        defect="L05: slot released at the headers, not at the end of the body",
        trips={"limits.exact-under-burst": "exactly 3 of 50"},
        settings=NO_LIMIT,
        wrap=_freed_at_the_head,
    ),
    Mutant(
        name="limit-as-a-frame",
        defect="limit answered after 200",
        trips={"limits.refusal-status": "refused with 429, got 200 text/event-stream"},
        wrap=_on_429(_as_frame),
    ),
    Mutant(
        name="limit-is-403",
        defect="L09: a refusal that nobody retries",
        trips={"limits.refusal-status": "403"},
        wrap=_on_429(_forbid),
    ),
    Mutant(
        name="limit-in-the-framework's-words",
        defect="E14: error body of the framework",
        trips={"limits.refusal-shape": "code"},
        wrap=_on_429(_detail),
    ),
    Mutant(
        name="no-retry-after",
        defect="L10: no hint when to come back",
        trips={"limits.retry-after": "Retry-After"},
        wrap=_on_429(lambda answer: answer.set("retry-after", None)),
    ),
    Mutant(
        name="retry-after-is-soon",
        defect="L10: a hint that no client can read",
        trips={"limits.retry-after": "soon"},
        wrap=_on_429(lambda answer: answer.set("retry-after", "soon")),
    ),
    Mutant(
        name="model-is-called-before-the-limit",
        defect="upstream opened before the limit check",
        trips={
            "limits.refused-reach-no-model": "no model call for a start over the limit"
        },
        wrap=_model_first,
    ),
    Mutant(
        name="limit-for-everybody-together",
        defect="L11: one counter for all users",
        trips={"limits.per-user": "got 503"},
        settings={"max_streams": LIMIT},
    ),
    Mutant(
        name="resume-takes-a-slot",
        defect="L15: a resume counts while the dead reader still holds",
        trips={"limits.resume-takes-no-slot": "429"},
        wrap=_resume_counts,
    ),
    Mutant(
        name="completed-stream-keeps-its-slot",
        defect="L04: the counter only goes up",
        trips={"limits.slot-back-after-complete": "ended by complete"},
        probes=("slots-after-complete",),
        wrap=_leak("node-complete"),
    ),
    Mutant(
        name="failed-stream-keeps-its-slot",
        defect="L06: slot leak on upstream failure",
        trips={"limits.slot-back-after-error": "ended by error"},
        wrap=_leak("error"),
    ),
    Mutant(
        name="cancelled-stream-keeps-its-slot",
        defect="C06: clean-up that awaits is killed by the cancel",
        trips={"limits.slot-back-after-cancel": "ended by cancel"},
        wrap=_leak("error"),
    ),
    Mutant(
        name="left-stream-keeps-its-slot",
        defect="L07: slot leak on disconnect",
        trips={"limits.slot-back-after-leave": "ended by leave"},
        wrap=_leak("left"),
    ),
    Mutant(
        name="stream-that-was-never-read-keeps-its-slot",
        defect="C08: a generator that was never entered never runs its finally",
        trips={"limits.slot-back-after-early-leave": "ended by early-leave"},
        wrap=_leak("left"),
    ),
)
