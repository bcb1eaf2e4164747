"""`GET` of the chapters that were kept: those of a child, or one with its text."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from ...refusals import Detail, Refusal, RefusalCode
from ...store.chapters import Chapters, ChapterSummary
from ...streams.json_text import to_json
from ...web.requests import MediaType, check_accept, read_query
from ...web.tokens import Principal
from .children import check_child
from .request import ChaptersRequest

Endpoint = Callable[[Request], Awaitable[Response]]


def chapter_list(chapters: Chapters) -> Endpoint:
    """Return the endpoint that lists the chapters of a child, the newest first."""

    async def show(request: Request) -> Response:
        principal: Principal = request.state.principal
        asked = read_query(request, ChaptersRequest, answer=MediaType.JSON)
        check_child(asked.child_id)
        before = None
        if asked.cursor is not None:
            before = await chapters.find(principal.user, asked.cursor)
            if before is None:
                raise _no_such_cursor()
        # One more tells whether there is a next page.
        found = await chapters.newest(
            principal.user, asked.child_id, limit=asked.limit + 1, before=before
        )
        items = [_describe(chapter) for chapter in found[: asked.limit]]
        cursor = items[-1]["story_id"] if len(found) > asked.limit else None
        return _to_response({"items": items, "next_cursor": cursor})

    return show


def one_chapter(chapters: Chapters) -> Endpoint:
    """Return the endpoint that shows one chapter of the user's, as far as it came."""

    async def show(request: Request) -> Response:
        principal: Principal = request.state.principal
        check_accept(request.headers, MediaType.JSON)
        try:
            id_ = UUID(request.path_params["id"])
        except ValueError:
            raise _no_such_story() from None
        chapter = await chapters.find(principal.user, id_)
        if chapter is None:
            raise _no_such_story()
        return _to_response({**_describe(chapter), "story_content": chapter.text})

    return show


def _no_such_story() -> Refusal:
    return Refusal(RefusalCode.NOT_FOUND, "no such story")


def _no_such_cursor() -> Refusal:
    detail = Detail(field="cursor", message="expected the last answer's next_cursor")
    return Refusal(
        RefusalCode.VALIDATION_ERROR, "invalid request query: cursor", details=[detail]
    )


def _describe(chapter: ChapterSummary) -> dict[str, Any]:
    return {
        "story_id": str(chapter.id),
        "child_id": chapter.child_id,
        "chapter_number": chapter.chapter_number,
        "title": chapter.title,
        "theme": chapter.theme,
        "status": chapter.status,
        "safety_score": chapter.safety_score,
        "created_at": chapter.created_at.isoformat(timespec="milliseconds"),
        "updated_at": chapter.updated_at.isoformat(timespec="milliseconds"),
    }


def _to_response(document: object) -> Response:
    return Response(
        to_json(document),
        media_type=MediaType.JSON,
        headers={"Cache-Control": "no-store"},
    )
