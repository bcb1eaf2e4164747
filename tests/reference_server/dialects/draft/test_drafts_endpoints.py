"""What is kept, over HTTP: create, list, show, edit."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.reference_server.asgi import Client, Exchange
from tests.reference_server.drafting import (
    DRAFTS,
    KB,
    ask,
    draft_id_of,
    generate,
    get_draft,
)
from tests.reference_server.model import ScriptedModel, stalled

NEW = {"kb_id": KB, "document_type": "technical_memo"}


async def create(
    client: Client, user: str = "ada", **members: object
) -> dict[str, Any]:
    created = await ask(client, "POST", DRAFTS, {**NEW, **members}, user=user)
    assert created.status == 201
    return created.json


async def edit(
    client: Client, draft: dict[str, Any], body: object, **headers: str
) -> Exchange:
    path = f"{DRAFTS}/{draft['id']}"
    return await ask(client, "PATCH", path, body, user="ada", **headers)


def code(answer: Exchange) -> tuple[int, str]:
    return answer.status, answer.json["error"]["code"]


async def test_a_draft_of_the_user_s_own_is_complete(client: Client) -> None:
    body = {**NEW, "context": "why", "content": "three short words"}

    created = await ask(client, "POST", DRAFTS, body)

    draft = created.json
    assert created.status == 201
    assert created.headers["location"] == f"{DRAFTS}/{draft['id']}"
    assert created.headers["etag"] == '"1"'
    assert created.headers["cache-control"] == "no-store"
    assert draft == {
        "id": draft["id"],
        **body,
        "status": "complete",
        "citations": [],
        "confidence": None,
        "word_count": 3,
        "sources_used": 0,
        "template_id": None,
        "version": 1,
        "created_at": "2027-01-15T08:00:00.000000Z",
        "updated_at": "2027-01-15T08:00:00.000000Z",
    }
    assert await get_draft(client, draft["id"]) == draft


@pytest.mark.parametrize("text", ["", "\ud83d", "\x00", "ü\u2028😀", '"\\'])
async def test_any_text_is_kept_as_it_is(client: Client, text: str) -> None:
    draft = await create(client, content=text, context=text)

    kept = await get_draft(client, draft["id"])

    assert (kept["content"], kept["context"]) == (text, text)


async def test_a_draft_needs_a_knowledge_base_that_may_be_read(client: Client) -> None:
    body = {**NEW, "kb_id": "00000000-0000-4000-8000-000000000002"}

    assert code(await ask(client, "POST", DRAFTS, body)) == (403, "FORBIDDEN")


@pytest.mark.parametrize("method", ["GET", "PATCH"])
@pytest.mark.parametrize(
    "name", ["00000000-0000-4000-8000-000000000009", "no-uuid", "%00", "1" * 999]
)
async def test_a_draft_that_does_not_exist_is_not_found(
    client: Client, method: str, name: str
) -> None:
    body = {"content": "x"} if method == "PATCH" else None

    answer = await ask(client, method, f"{DRAFTS}/{name}", body)

    assert code(answer) == (404, "DRAFT_NOT_FOUND")


async def test_another_user_s_draft_is_not_found(client: Client) -> None:
    draft = await create(client)
    path = f"{DRAFTS}/{draft['id']}"

    shown = await ask(client, "GET", path, user="bob")
    edited = await ask(client, "PATCH", path, {"content": "x"}, user="bob")
    listed = await ask(client, "GET", DRAFTS, user="bob")

    assert code(shown) == code(edited) == (404, "DRAFT_NOT_FOUND")
    assert listed.json == {"items": [], "next_cursor": None}
    assert await get_draft(client, draft["id"]) == draft


async def test_what_is_wrong_comes_before_what_is_not_found(client: Client) -> None:
    answer = await ask(client, "PATCH", f"{DRAFTS}/none", {})

    assert code(answer) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("path", [DRAFTS, f"{DRAFTS}/any"])
async def test_another_method_is_refused(
    client: Client, method: str, path: str
) -> None:
    answer = await ask(client, method, path)

    assert code(answer) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"]


@pytest.mark.parametrize("path", [DRAFTS, f"{DRAFTS}/any"])
async def test_a_credential_is_asked_for_first(client: Client, path: str) -> None:
    answer = await client.request("PUT", path).finish()

    assert code(answer) == (401, "UNAUTHORIZED")


async def test_an_edit_changes_content_words_state_version_and_time(
    client: Client,
) -> None:
    draft = await create(client, content="three short words")
    await asyncio.sleep(1.5)

    edited = await edit(client, draft, {"content": "two words"})

    assert edited.status == 200
    assert edited.headers["etag"] == '"2"'
    assert edited.json == {
        **draft,
        "content": "two words",
        "word_count": 2,
        "status": "editing",
        "version": 2,
        "updated_at": "2027-01-15T08:00:01.500000Z",
    }
    assert await get_draft(client, draft["id"]) == edited.json


async def test_an_edit_ends_with_complete(client: Client) -> None:
    draft = await create(client, content="as it was")
    await edit(client, draft, {"status": "editing"})

    ended = await edit(client, draft, {"status": "complete"})

    assert ended.json["status"] == "complete"
    assert (ended.json["content"], ended.json["version"]) == ("as it was", 3)


async def test_content_may_come_with_the_end(client: Client) -> None:
    draft = await create(client)
    await edit(client, draft, {"status": "editing"})

    ended = await edit(client, draft, {"status": "complete", "content": "done"})

    assert (ended.json["status"], ended.json["content"]) == ("complete", "done")


@pytest.mark.parametrize("status", ["complete", "partial", "streaming"])
async def test_a_step_that_does_not_exist_is_a_conflict(
    client: Client, status: str
) -> None:
    draft = await create(client)

    answer = await edit(client, draft, {"status": status, "content": "x"})

    assert code(answer) == (409, "DRAFT_CONFLICT")
    assert await get_draft(client, draft["id"]) == draft


async def test_a_draft_that_streams_is_not_edited(
    client: Client, model: ScriptedModel
) -> None:
    model.answer = stalled
    stream = generate(client)
    await stream.wait_events(2)
    path = f"{DRAFTS}/{draft_id_of(stream)}"

    answer = await ask(client, "PATCH", path, {"content": "mine"})

    assert code(answer) == (409, "DRAFT_CONFLICT")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"content": "x", "version": 2}, {}),
        ({"content": "x"}, {"if_match": '"2"'}),
        ({"content": "x", "version": 1}, {"if_match": '"2"'}),
    ],
)
async def test_another_version_is_a_conflict(
    client: Client, body: object, headers: dict[str, str]
) -> None:
    draft = await create(client)

    answer = await edit(client, draft, body, **headers)

    assert code(answer) == (409, "DRAFT_CONFLICT")


@pytest.mark.parametrize("headers", [{"if_match": ' "1"'}, {"if_match": "*"}, {}])
async def test_the_version_that_there_is_is_edited(
    client: Client, headers: dict[str, str]
) -> None:
    draft = await create(client)

    answer = await edit(client, draft, {"content": "x", "version": 1}, **headers)

    assert answer.json["version"] == 2


@pytest.mark.parametrize(
    "tag", ["1", 'W/"1"', '"1", "2"', "**", '""', '"x"', '"01"', '"99999999999999"', ""]
)
async def test_a_condition_of_another_form_is_refused(client: Client, tag: str) -> None:
    draft = await create(client)

    answer = await edit(client, draft, {"content": "x"}, if_match=tag)

    assert code(answer) == (422, "VALIDATION_ERROR")
    assert [d["field"] for d in answer.json["error"]["details"]] == ["If-Match"]


async def test_of_two_edits_at_once_one_has_the_version(client: Client) -> None:
    draft = await create(client)

    answers = await asyncio.gather(
        *(edit(client, draft, {"content": str(n), "version": 1}) for n in range(5))
    )

    assert sorted(answer.status for answer in answers) == [200, *[409] * 4]


async def create_many(client: Client, number: int) -> list[str]:
    """Return the ids of so many drafts, newest first."""
    made = []
    for _ in range(number):
        made.append((await create(client))["id"])
        await asyncio.sleep(1)
    return made[::-1]


async def listed(client: Client, **query: object) -> tuple[list[str], str | None]:
    words = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await ask(client, "GET", f"{DRAFTS}?{words}")
    assert answer.status == 200
    return [item["id"] for item in answer.json["items"]], answer.json["next_cursor"]


async def test_drafts_are_listed_newest_first_page_by_page(client: Client) -> None:
    made = await create_many(client, 5)

    first, cursor = await listed(client, limit=2)
    await create(client)
    second, cursor = await listed(client, limit=2, cursor=cursor)
    third, end = await listed(client, limit=2, cursor=cursor)

    assert [*first, *second, *third] == made
    assert end is None


async def test_a_page_that_is_just_full_is_the_last(client: Client) -> None:
    made = await create_many(client, 2)

    assert await listed(client, limit=2) == (made, None)


async def test_a_page_has_twenty_without_a_word(client: Client) -> None:
    await create_many(client, 21)

    found, cursor = await listed(client)

    assert len(found) == 20
    assert cursor == found[-1]


async def test_drafts_are_listed_by_knowledge_base_and_state(client: Client) -> None:
    first, second = await create_many(client, 2)
    await edit(client, {"id": first}, {"status": "editing"})

    assert await listed(client, status="editing") == ([first], None)
    assert await listed(client, status="complete", kb_id=KB) == ([second], None)
    other = "00000000-0000-4000-8000-000000000002"
    assert await listed(client, kb_id=other) == ([], None)


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "kb_id=x", "status=lost", "cursor=x"),
        "cursor=00000000-0000-4000-8000-000000000009",
    ],
)
async def test_a_query_that_is_wrong_is_answered_with_its_field(
    client: Client, query: str
) -> None:
    answer = await ask(client, "GET", f"{DRAFTS}?{query}")

    assert code(answer) == (422, "VALIDATION_ERROR")
    assert [d["field"] for d in answer.json["error"]["details"]] == [
        query.partition("=")[0]
    ]


async def test_another_user_s_draft_is_no_cursor(client: Client) -> None:
    foreign = await create(client, user="bob")

    answer = await ask(client, "GET", f"{DRAFTS}?cursor={foreign['id']}")

    assert code(answer) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", DRAFTS, None),
        ("POST", DRAFTS, NEW),
        ("GET", f"{DRAFTS}/any", None),
        ("PATCH", f"{DRAFTS}/any", {"content": "x"}),
    ],
)
async def test_a_client_that_reads_no_json_is_refused(
    client: Client, method: str, path: str, body: object
) -> None:
    answer = await ask(client, method, path, body, accept="text/html")

    assert code(answer) == (406, "NOT_ACCEPTABLE")


async def test_a_body_that_is_too_large_is_refused(client: Client) -> None:
    body = {**NEW, "content": "x" * 1024 * 1024}

    answer = await ask(client, "POST", DRAFTS, body)

    assert code(answer) == (413, "BODY_TOO_LARGE")
