"""Servers that are wrong about a reader that comes back."""

from __future__ import annotations

from collections.abc import Callable

import anyio
from starlette.types import ASGIApp
from tests.mutants.asgi import (
    Answer,
    Emit,
    Mutation,
    OnRequest,
    Reply,
    Request,
    Wrap,
    get_header,
    refusal,
)
from tests.mutants.bases.pipeline import failure, is_terminal
from tests.mutants.frames import document, get, is_event, kind, with_document
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

UNKNOWN = "AAAAAAAAAAAAAAAAAAAAAA"
LIKE_UNKNOWN = "what is told of a foreign stream is no longer what is told of no stream"


def _cursor(request: Request) -> tuple[str, int]:
    """Return stream and number of the Last-Event-ID, ("", 0) if it has no such form."""
    stream, _, n = (request.cursor or "").rpartition("-")
    return (stream, int(n)) if stream and n.isdigit() else ("", 0)


async def _replay_all(request: Request, _site: Site) -> Answer | None:
    stream, n = _cursor(request)
    if n > 1:
        request.cursor = f"{stream}-1"
    return None


def _inclusive_now_and_then(app: ASGIApp, site: Site) -> ASGIApp:
    """Send the event of the cursor again, once for every seventh event."""
    repeated: set[str] = set()

    async def request(request: Request, _site: Site) -> Answer | None:
        stream, n = _cursor(request)
        if n > 1 and n % 7 == 0 and request.cursor not in repeated:
            repeated.add(request.cursor or "")
            request.cursor = f"{stream}-{n - 1}"
        return None

    return Mutation(request=request)(app, site)


def _lose_first(every: int) -> Callable[[bytes, Reply], bytes]:
    """Lose the first event of a resumed response, if its number fits."""

    def frame(frame: bytes, reply: Reply) -> bytes:
        _, n = _cursor(reply.request)
        is_lost = n > 0 and n % every == 0 and reply.frames == 0
        return b"" if is_lost and kind(frame) != "" else frame

    return frame


async def _hang(reply: Reply, _emit: Emit) -> None:
    if _cursor(reply.request)[1] % 40 == 1:
        await anyio.sleep(1.5)


def _new_name(reply: Reply) -> None:
    if reply.request.cursor:
        reply.set("x-stream-id", UNKNOWN)


def _new_time(app: ASGIApp, site: Site) -> ASGIApp:
    """Render the events of a finished run again when they are replayed."""
    finished: set[str] = set()

    def head(reply: Reply) -> None:
        reply.memory["is_replay"] = reply.request.stream in finished

    def frame(frame: bytes, reply: Reply) -> bytes:
        if is_terminal(frame):
            finished.add((get(frame, "id") or "").rpartition("-")[0])
        if not reply.memory["is_replay"] or kind(frame) != "token-stream":
            return frame
        event = document(frame)
        event["progress"]["etaMs"] += 1
        return with_document(frame, event)

    return Mutation(head=head, frame=frame)(app, site)


def _answer(status: int, change: Callable[[Answer], None]) -> Wrap:
    """Change what a resume is answered with that status."""

    def answer(answer: Answer, request: Request) -> None:
        if request.cursor is not None and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _become(status: int, body: bytes = b"", **headers: str) -> Callable[[Answer], None]:
    def change(answer: Answer) -> None:
        answer.status, answer.body, answer.headers = status, body, []
        for name, value in headers.items():
            answer.set(name.replace("_", "-"), value)

    return change


def _empty_stream(answer: Answer, request: Request) -> None:
    if answer.status == 204:
        _become(
            200,
            content_type="text/event-stream; charset=utf-8",
            cache_control="no-cache, no-transform",
            x_accel_buffering="no",
            x_stream_id=request.stream,
        )(answer)


def _as_html(answer: Answer) -> None:
    answer.set("content-type", "text/html")
    answer.body = b"<h1>error</h1>"


def _is_future(answer: Answer, request: Request) -> bool:
    return answer.status == 400 and _cursor(request)[1] > 0


def _clamp_future(answer: Answer, request: Request) -> None:
    if request.cursor is not None and _is_future(answer, request):
        _become(204)(answer)


def _start_anew_at_garbage(answer: Answer, request: Request) -> None:
    is_asked = request.cursor is not None and not _is_future(answer, request)
    if answer.status == 400 and is_asked:
        body = b"event: heartbeat\ndata: {}\n\n"
        _become(200, body, content_type="text/event-stream")(answer)


Owners = dict[str, tuple[str, str]]


def _crash_at_garbage(answer: Answer, request: Request) -> None:
    if answer.status == 400 and not _is_future(answer, request):
        answer.status = 500


def _with_owners(on_request: Callable[[Request, Owners], Answer | None]) -> Wrap:
    """Return a server that knows who started a stream, and with which credential."""

    def wrap(app: ASGIApp, site: Site) -> ASGIApp:
        owners: Owners = {}

        async def request(request: Request, _site: Site) -> Answer | None:
            return on_request(request, owners)

        def head(reply: Reply) -> None:
            stream = get_header(reply.headers, "x-stream-id") or ""
            asked = reply.request
            owners.setdefault(stream, (asked.user, asked.credential or ""))

        return Mutation(request=request, head=head)(app, site)

    return wrap


def _ignore_owner(request: Request, owners: Owners) -> Answer | None:
    if request.cursor and request.credential and request.stream in owners:
        request.credential = owners[request.stream][1]
    return None


def _admit_existence(request: Request, owners: Owners) -> Answer | None:
    if request.cursor and request.credential and request.stream in owners:
        is_foreign = owners[request.stream][0] != request.user
        return refusal(403, "FORBIDDEN") if is_foreign else None
    return None


def _wait_for_unknown(app: ASGIApp, site: Site) -> ASGIApp:
    """Wait for the events of a stream that does not exist."""
    known: set[str] = set()

    async def request(request: Request, _site: Site) -> Answer | None:
        if _cursor(request)[1] and request.stream not in known:
            await anyio.sleep(5)
        return None

    def head(reply: Reply) -> None:
        known.add(get_header(reply.headers, "x-stream-id") or "")

    return Mutation(request=request, head=head)(app, site)


def _skip_auth(request: Request, owners: Owners) -> Answer | None:
    if request.cursor and not request.credential and request.stream in owners:
        request.credential = owners[request.stream][1]
    return None


async def _share(reply: Reply, _emit: Emit) -> None:
    """Leave the older response open when its stream is taken over."""
    if not reply.is_ended:
        await anyio.sleep(5)


def _remember(frame: bytes, reply: Reply) -> bytes:
    if is_event(frame):
        reply.memory["newest"] = frame
    return frame


async def _say_goodbye(reply: Reply, emit: Emit) -> None:
    """End the older response with an event that says the stream is over."""
    if not reply.is_ended:
        await emit(failure(reply.memory["newest"], "CANCELLED"))


def _run_again(app: ASGIApp, site: Site) -> ASGIApp:
    prompts: dict[str, str] = {}

    async def request(request: Request, site: Site) -> Answer | None:
        if request.cursor and request.stream in prompts:
            await site.call_model(prompts[request.stream])
        return None

    def head(reply: Reply) -> None:
        stream = get_header(reply.headers, "x-stream-id") or ""
        prompts.setdefault(stream, reply.request.prompt)

    return Mutation(request=request, head=head)(app, site)


def _request(on_request: OnRequest) -> Wrap:
    return Mutation(request=on_request)


MUTANTS = (
    Mutant(
        name="last-event-id-is-ignored",
        defect="R01: everything is replayed",
        trips={"resume.every-cut-of-finished": "as event 1 after"},
        also={
            "ids.without-gaps": "the first id does not follow the reader's",
            "lifecycle.order": "the replay begins with an earlier event",
            "resume.finished-stops": "there is always something to replay",
        },
        probes=("replay",),
        wrap=_request(_replay_all),
    ),
    Mutant(
        name="finished-stream-hangs",
        defect="R11: a resume of a finished run never ends",
        trips={"resume.replay-closes": "within 1000 ms of the terminal event"},
        also={"lifecycle.closes-after-terminal": "the same, of any stream"},
        wrap=Mutation(last=_hang),
    ),
    Mutant(
        name="resumed-stream-has-a-new-name",
        defect="E10: changing run id",
        trips={"resume.same-stream-id": UNKNOWN},
        also={
            "headers.stream-id-matches": "the ids go on under the old name",
            "headers.same-on-resume": "the same, of any header",
        },
        wrap=Mutation(head=_new_name),
    ),
    Mutant(
        name="gap-between-history-and-live",
        defect="R02: an event is lost where a resume joins the live stream",
        trips={"resume.live-cuts-lossless": "never arrived"},
        also={
            "ids.without-gaps": "the lost event leaves a gap",
            "ids.retry-on-first-event": "the first event is lost with its retry",
            "lifecycle.order": "the lost event is missing in the order",
        },
        probes=("live-cuts",),
        wrap=Mutation(frame=_lose_first(7)),
    ),
    Mutant(
        name="cursor-is-inclusive",
        defect="R03, R21: >= instead of >",
        trips={"resume.live-cuts-without-duplicates": "again; it came in"},
        also={"ids.without-gaps": "the first id does not follow the reader's"},
        probes=("live-cuts",),
        wrap=_inclusive_now_and_then,
    ),
    Mutant(
        name="replayed-event-is-rendered-anew",
        defect="R15: replayed events differ from live ones",
        trips={"resume.same-events-live-and-replayed": "as in 'cut-"},
        wrap=_new_time,
    ),
    Mutant(
        name="finished-stream-is-an-empty-200",
        defect="P07: an EventSource reconnects for ever",
        trips={"resume.finished-stops": "204"},
        wrap=Mutation(answer=_empty_stream),
    ),
    Mutant(
        name="garbage-cursor-is-a-fresh-start",
        defect="R09: a malformed id is silently taken for no id",
        trips={"resume.malformed-refused": "400"},
        wrap=Mutation(answer=_start_anew_at_garbage),
    ),
    Mutant(
        name="future-cursor-is-caught-up",
        defect="R07: an id that was never issued is answered as caught up",
        trips={"resume.future-refused": "400"},
        wrap=Mutation(answer=_clamp_future),
    ),
    Mutant(
        name="unknown-cursor-is-caught-up",
        defect="R07: an unknown id is answered as caught up",
        trips={"resume.unknown-refused": "404"},
        wrap=_with_owners(
            lambda request, owners: (
                Answer(204)
                if request.cursor
                and request.stream not in owners
                and _cursor(request)[1]
                else None
            )
        ),
        also={"resume.foreign-like-unknown": LIKE_UNKNOWN},
    ),
    Mutant(
        name="unknown-cursor-waits",
        defect="R08: a connection that is stuck for ever",
        trips={"resume.unknown-refused": "no response"},
        also={"resume.foreign-like-unknown": LIKE_UNKNOWN},
        wrap=_wait_for_unknown,
    ),
    Mutant(
        name="garbage-cursor-is-our-fault",
        defect="R09: 500 for an id that cannot be read",
        trips={"resume.malformed-refused": "got 500"},
        wrap=Mutation(answer=_crash_at_garbage),
    ),
    Mutant(
        name="anyone-reads-any-stream",
        defect="R10: replays another user's events",
        trips={
            "resume.foreign-refused": "foreign",
            "resume.foreign-like-unknown": "foreign",
        },
        wrap=_with_owners(_ignore_owner),
    ),
    Mutant(
        name="existence-is-revealed",
        defect="R10: 403 tells that the stream exists",
        trips={"resume.foreign-like-unknown": "403"},
        also={"resume.foreign-refused": "403 is not the declared status"},
        wrap=_with_owners(_admit_existence),
    ),
    Mutant(
        name="resume-skips-auth",
        defect="A05: the resume path skips validation",
        trips={"resume.needs-credential": "without a credential"},
        wrap=_with_owners(_skip_auth),
    ),
    Mutant(
        name="refused-resume-is-html",
        defect="error page of the framework",
        trips={"resume.refusals-are-json": "text/html"},
        wrap=_answer(401, _as_html),
    ),
    Mutant(
        name="older-reader-stays",
        defect="R17: a second reader leaves a ghost connection behind",
        trips={"resume.takeover-closes-older": "after the newer one's head"},
        wrap=Mutation(last=_share),
    ),
    Mutant(
        name="older-reader-is-told-the-end",
        defect="E10: a taken-over reader is told that the run was cancelled",
        trips={"resume.takeover-closes-older": "terminal"},
        also={"resume.takeover-continues": "the readers are told different things"},
        wrap=Mutation(frame=_remember, last=_say_goodbye),
    ),
    Mutant(
        name="newer-reader-loses-an-event",
        defect="R16: readers take events from one another",
        trips={"resume.takeover-continues": "as event 1 after"},
        wrap=Mutation(frame=_lose_first(1)),
    ),
    Mutant(
        name="resume-runs-the-model-again",
        defect="R22: a reconnect re-runs the generation",
        trips={"resume.one-generation": "14 model calls for one stream"},
        probes=("takeover",),
        wrap=_run_again,
    ),
)
