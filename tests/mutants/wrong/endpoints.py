"""Servers that are wrong about what they serve beside their streams."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp
from tests.mutants.asgi import (
    Answer,
    Mutation,
    OnRequest,
    Reply,
    Request,
    Wrap,
    get_header,
    refusal,
)
from tests.mutants.bases.toy.base import TOY
from tests.mutants.mutant import Mutant
from tests.mutants.site import Site

DRAFTS = "/notes/drafts"
SESSIONS = "/notes/sessions/"
TWIN = "/notes"

Change = Callable[[Answer], None]


def _answered(path: str, status: int, change: Change, *, method: str = "") -> Wrap:
    """Change what requests to paths that begin so are answered with that status."""

    def answer(answer: Answer, request: Request) -> None:
        is_there = request.path.startswith(path) and method in ("", request.method)
        if is_there and answer.status == status:
            change(answer)

    return Mutation(answer=answer)


def _on_request(on_request: OnRequest) -> Wrap:
    return Mutation(request=on_request)


def _status(value: int) -> Change:
    def change(answer: Answer) -> None:
        answer.status = value

    return change


def _code(value: str) -> Change:
    def change(answer: Answer) -> None:
        document = answer.document
        document["error"]["code"] = value
        answer.document = document

    return change


def _member(name: str, change_value: Callable[[object], object]) -> Change:
    def change(answer: Answer) -> None:
        document = answer.document
        document[name] = change_value(document[name])
        answer.document = document

    return change


def _drop(name: str) -> Change:
    def change(answer: Answer) -> None:
        document = answer.document
        del document[name]
        answer.document = document

    return change


def _as_page(answer: Answer) -> None:
    answer.set("content-type", "text/html")
    answer.body = b"<h1>Not Found</h1>"


def _as_draft_in_editing(answer: Answer) -> None:
    answer.status = 200
    answer.document = {"id": "any", "status": "editing", "content": "mine"}


def _open(path: str) -> Wrap:
    """Return a server that asks for no credential there."""

    async def request(request: Request, site: Site) -> Answer | None:
        if request.path == path and request.method != "PUT":
            request.credential = request.credential or site.credential("a-guest")
        return None

    return Mutation(request=request)


async def _route_first(request: Request, _site: Site) -> Answer | None:
    is_beside = not request.path.startswith("/notes/stream")
    return refusal(405, "NO") if is_beside and request.method == "PUT" else None


async def _call_model_first(request: Request, site: Site) -> Answer | None:
    is_twin = (request.method, request.path) == ("POST", TWIN)
    if is_twin and request.credential is None:
        await site.call_model(request.prompt)
    return None


def _shared_sessions(app: ASGIApp, site: Site) -> ASGIApp:
    """Return a server that shows a session to everybody who knows its id."""
    owners: dict[str, str] = {}

    async def request(request: Request, _site: Site) -> Answer | None:
        session = request.path.removeprefix(SESSIONS)
        if session in owners and request.credential is not None:
            request.credential = owners[session]
        return None

    def head(reply: Reply) -> None:
        session = get_header(reply.headers, "x-session-id") or ""
        owners.setdefault(session, reply.request.credential or "")

    return Mutation(request=request, head=head)(app, site)


def _unowned(answer: Answer, request: Request) -> None:
    if request.path.startswith(DRAFTS) and "-other" in request.user:
        answer.status = 403


MUTANTS = (
    Mutant(
        name="created-with-200",
        defect="the framework's default status for what was created",
        base=TOY,
        trips={"endpoints.status": "201 for drafts, 'a new one'"},
        wrap=_answered(DRAFTS, 201, _status(200)),
    ),
    Mutant(
        name="any-step-is-allowed",
        defect="the state is set without a look at the one before",
        base=TOY,
        trips={"endpoints.status": "409 for drafts, 'complete again'"},
        wrap=_answered(DRAFTS, 409, _as_draft_in_editing),
    ),
    Mutant(
        name="a-note-can-be-edited-while-it-is-written",
        defect="an edit in the middle of a run, which the run overwrites",
        base=TOY,
        trips={"endpoints.status": "409 for busy, 'an edit while the note is written'"},
        probes=("sides-during",),
        wrap=_answered(DRAFTS, 409, _as_draft_in_editing),
    ),
    Mutant(
        name="every-conflict-has-one-code",
        defect="codes by status instead of by cause",
        base=TOY,
        trips={"endpoints.code": "'DRAFT_CONFLICT'"},
        wrap=_answered(DRAFTS, 409, _code("CONFLICT")),
    ),
    Mutant(
        name="missing-notes-are-a-page",
        defect="error page of the framework beside the streams",
        base=TOY,
        trips={"endpoints.refusals-are-json": "text/html"},
        also={
            "endpoints.code": "a page has no code",
            "endpoints.foreign-refused": "nor has what another user sees",
        },
        wrap=_answered(f"{DRAFTS}/", 404, _as_page),
    ),
    Mutant(
        name="notes-without-a-count-of-words",
        defect="a member that the page promises is left out",
        base=TOY,
        trips={"endpoints.payload": "'words' is a required property"},
        wrap=_answered(DRAFTS, 201, _drop("words")),
    ),
    Mutant(
        name="notes-without-an-id",
        defect="the client cannot name what it has made",
        base=TOY,
        trips={"endpoints.payload": "a value for {made} at /id"},
        also={"endpoints.same": "nothing was told that could be the same"},
        wrap=_answered(DRAFTS, 201, _drop("id")),
    ),
    Mutant(
        name="twin-trims-its-text",
        defect="the classic answer is made by code of its own",
        base=TOY,
        trips={"endpoints.same": "at /text of twin"},
        probes=("sides-before",),
        wrap=_answered(TWIN, 200, _member("text", lambda text: str(text).strip("."))),
    ),
    Mutant(
        name="session-lacks-the-last-token",
        defect="saved before the last token was",
        base=TOY,
        trips={"endpoints.same": "at /accumulated_tokens of sessions"},
        probes=("sides-after-complete",),
        wrap=_answered(
            SESSIONS,
            200,
            _member("accumulated_tokens", lambda tokens: list(tokens)[:-1]),  # type: ignore[call-overload]  # a list, as the server has it
        ),
    ),
    Mutant(
        name="cancelled-note-is-lost",
        defect="partial output is not saved on a cancel",
        base=TOY,
        trips={"endpoints.same": "at /content of sessions-cancelled"},
        probes=("sides-after-cancel",),
        wrap=_answered(f"{DRAFTS}/", 200, _member("content", lambda _: "")),
    ),
    Mutant(
        name="failed-session-is-complete",
        defect="any end of a run counts as success",
        base=TOY,
        trips={"endpoints.payload": "'error' was expected"},
        probes=("sides-after-error",),
        wrap=_answered(SESSIONS, 200, _member("status", lambda _: "completed")),
    ),
    Mutant(
        name="figures-for-everybody",
        defect="one endpoint was left out of the authentication",
        base=TOY,
        trips={"endpoints.needs-credential": "metrics, 'the figures of all runs'"},
        wrap=_open("/notes/metrics"),
    ),
    Mutant(
        name="twin-calls-the-model-before-auth",
        defect="A07, beside the streams",
        base=TOY,
        trips={"endpoints.needs-credential": "no model call for a request without"},
        probes=("sides-before",),
        wrap=_on_request(_call_model_first),
    ),
    Mutant(
        name="router-before-auth-beside-the-streams",
        defect="401 only for routes that exist, so that strangers can map them",
        base=TOY,
        trips={"endpoints.credential-first": "405"},
        wrap=_on_request(_route_first),
    ),
    Mutant(
        name="sessions-of-everybody",
        defect="looked up by id alone",
        base=TOY,
        trips={"endpoints.foreign-refused": "by another user to be refused with 404"},
        probes=("sides-after-complete",),
        wrap=_shared_sessions,
    ),
    Mutant(
        name="foreign-notes-are-forbidden",
        defect="R10 beside the streams: 403 tells that it exists",
        base=TOY,
        trips={"endpoints.foreign-refused": "403"},
        wrap=Mutation(answer=_unowned),
    ),
)
