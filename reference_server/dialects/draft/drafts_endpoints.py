"""What is kept: `/api/v1/drafts`, and one draft below it.

Each user sees the drafts that are the user's own; all others are unknown.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...refusals import Detail, Refusal, RefusalCode
from ...store.draft_status import DraftStatus
from ...store.drafts import (
    ConflictError,
    Draft,
    Drafts,
    Edit,
    NewDraft,
    Text,
    UnknownDraftError,
    Wanted,
)
from ...streams.json_text import to_json
from ...web.requests import MediaType, check_accept, read_body, read_query
from ...web.tokens import Principal
from .permission import check_permission
from .request import EditRequest, ListRequest, NewDraftRequest

PATH = "/api/v1/drafts"

# `If-Match` with one entity tag of ours, or any (RFC 9110, section 13.1.1).
_ANY = "*"
_TAG = re.compile(r'"([1-9][0-9]{0,8})"')


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftsEndpoints:
    """The endpoints.

    Attributes:
        drafts: where they are kept.
        new_uuid: returns one that was never used.
        max_body_bytes: largest request body.
    """

    drafts: Drafts
    new_uuid: Callable[[], UUID]
    max_body_bytes: int

    def routes(self) -> list[BaseRoute]:
        """Return where they are served."""
        return [
            Route(PATH, self._serve_all, methods=["GET", "POST"]),
            Route(f"{PATH}/{{id}}", self._serve_one, methods=["GET", "PATCH"]),
        ]

    async def _serve_all(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._create(request)
        return await self._list(request)

    async def _serve_one(self, request: Request) -> Response:
        answer = self._edit if request.method == "PATCH" else self._show
        try:
            return await answer(request)
        except UnknownDraftError as error:
            raise Refusal(
                "DRAFT_NOT_FOUND", "there is no such draft", status=404
            ) from error
        except ConflictError as error:
            raise Refusal("DRAFT_CONFLICT", str(error), status=409) from error

    async def _create(self, request: Request) -> Response:
        body = await read_body(
            request,
            NewDraftRequest,
            answer=MediaType.JSON,
            max_bytes=self.max_body_bytes,
        )
        check_permission(body.kb_id)
        draft = await self.drafts.add(
            NewDraft(
                id=self.new_uuid(),
                owner=_user_of(request),
                kb_id=body.kb_id,
                document_type=body.document_type,
                template_id=None,
                context=body.context,
                status=DraftStatus.COMPLETE,
                text=Text(content=body.content),
            )
        )
        response = _show_draft(draft, status=201)
        response.headers["Location"] = f"{PATH}/{draft.id}"
        return response

    async def _list(self, request: Request) -> Response:
        query = read_query(request, ListRequest, answer=MediaType.JSON)
        wanted = Wanted(
            kb_id=query.kb_id,
            status=query.status,
            limit=query.limit,
            after=query.cursor,
        )
        try:
            page = await self.drafts.page(_user_of(request), wanted)
        except UnknownDraftError as error:
            raise _invalid(
                "cursor", "expected the next_cursor of another page"
            ) from error
        return _answer(
            {
                "items": [draft_document(draft) for draft in page.items],
                "next_cursor": str(page.items[-1].id) if page.has_more else None,
            }
        )

    async def _show(self, request: Request) -> Response:
        check_accept(request.headers, MediaType.JSON)
        draft = await self.drafts.get(_id_in(request), _user_of(request))
        return _show_draft(draft)

    async def _edit(self, request: Request) -> Response:
        body = await read_body(
            request, EditRequest, answer=MediaType.JSON, max_bytes=self.max_body_bytes
        )
        edit = Edit(
            status=body.status or DraftStatus.EDITING,
            content=body.content,
            versions=[
                *_versions_in(request),
                *([body.version] if body.version else []),
            ],
        )
        draft = await self.drafts.edit(_id_in(request), _user_of(request), edit)
        return _show_draft(draft)


def draft_document(draft: Draft) -> dict[str, object]:
    """Return a draft as it is told."""
    return {
        **asdict(draft),
        "id": str(draft.id),
        "kb_id": str(draft.kb_id),
        "created_at": _format(draft.created_at),
        "updated_at": _format(draft.updated_at),
    }


def _show_draft(draft: Draft, *, status: int = 200) -> Response:
    response = _answer(draft_document(draft), status=status)
    response.headers["ETag"] = f'"{draft.version}"'
    return response


def _answer(document: Mapping[str, object], *, status: int = 200) -> Response:
    return Response(
        to_json(document),
        status_code=status,
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )


def _user_of(request: Request) -> str:
    principal: Principal = request.state.principal
    return principal.user


def _id_in(request: Request) -> UUID:
    """Return which draft a path is about.

    Raises:
        UnknownDraftError: none, for its last part is no UUID.
    """
    text = request.path_params["id"]
    try:
        return UUID(text)
    except ValueError as error:
        raise UnknownDraftError(text) from error


def _versions_in(request: Request) -> Iterator[int]:
    """Yield the version that `If-Match` asks for, if it does.

    Raises:
        Refusal: VALIDATION_ERROR.
    """
    tags = request.headers.getlist("if-match")
    if not tags or tags == [_ANY]:
        return
    found = _TAG.fullmatch(", ".join(tags).strip())
    if found is None:
        raise _invalid("If-Match", 'expected one version in quotes, like "3", or *')
    yield int(found[1])


def _invalid(field: str, message: str) -> Refusal:
    return Refusal(
        RefusalCode.VALIDATION_ERROR,
        f"invalid request: {field}",
        details=[Detail(field=field, message=message)],
    )


def _format(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
