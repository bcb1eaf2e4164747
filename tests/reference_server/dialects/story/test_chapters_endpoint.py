"""Reading chapters back."""

from __future__ import annotations

import asyncio

import pytest
from tests.reference_server.asgi import Client, bearer
from tests.reference_server.model import ScriptedModel
from tests.reference_server.stories import (
    CHAPTERS,
    kept,
    listed,
    says,
    story_id,
    tell,
)

NO_CHAPTER = "00000000-0000-4000-8000-000000000000"


async def told(client: Client, number: int, **query: object) -> list[str]:
    """Have so many chapters told; return their ids, the newest first."""
    ids: list[str] = []
    for chapter_number in range(1, number + 1):
        asked = {"chapter_number": chapter_number, **query}
        stream = await tell(client, **asked).finish()  # type: ignore[arg-type]  # a query
        ids.insert(0, story_id(stream))
        await asyncio.sleep(1)
    return ids


async def test_the_chapters_of_a_child_are_listed_without_their_text(
    client: Client, model: ScriptedModel
) -> None:
    model.script = {4: says("reject 0.1")}
    ids = await told(client, 2, title="Snow")
    await told(client, 1, child_id=8)

    answer = await listed(client, "child_id=7")

    assert answer.headers["cache-control"] == "no-store"
    items = answer.json["items"]
    assert answer.json["next_cursor"] is None
    assert [item["story_id"] for item in items] == ids
    assert items[0] == {
        "story_id": ids[0],
        "child_id": 7,
        "chapter_number": 2,
        "title": "Snow",
        "theme": "a fox in the snow",
        "status": "partial",
        "safety_score": 0.1,
        "created_at": "2027-01-15T08:00:01.000+00:00",
        "updated_at": "2027-01-15T08:00:01.000+00:00",
    }


async def test_pages_follow_one_another(client: Client) -> None:
    ids = await told(client, 5)

    pages, cursor = [], ""
    for _ in range(3):
        page = (await listed(client, f"child_id=7&limit=2{cursor}")).json
        pages.append([item["story_id"] for item in page["items"]])
        cursor = f"&cursor={page['next_cursor']}"

    assert pages == [ids[:2], ids[2:4], ids[4:]]
    assert page["next_cursor"] is None


async def test_nobody_s_chapters_are_an_empty_list(client: Client) -> None:
    await told(client, 1)

    other_user = await listed(client, "child_id=7", user="eve")
    other_child = await listed(client, "child_id=8")

    assert other_user.json == other_child.json == {"items": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "child_id"),
        ("child_id=x", "child_id"),
        ("child_id=7&limit=0", "limit"),
        ("child_id=7&limit=101", "limit"),
        ("child_id=7&cursor=x", "cursor"),
        (f"child_id=7&cursor={NO_CHAPTER}", "cursor"),
    ],
)
async def test_a_wrong_query_is_answered_with_its_field(
    client: Client, query: str, field: str
) -> None:
    refused = await listed(client, query)

    assert refused.status == 422
    assert [d["field"] for d in refused.json["error"]["details"]] == [field]


async def test_a_cursor_is_of_one_s_own_list(client: Client) -> None:
    ids = await told(client, 1)

    refused = await listed(client, f"child_id=7&cursor={ids[0]}", user="eve")

    assert refused.status == 422


async def test_another_s_child_is_refused(client: Client) -> None:
    assert (await listed(client, "child_id=100")).status == 403


async def test_a_chapter_is_shown_to_its_user_alone(client: Client) -> None:
    (id_,) = await told(client, 1)
    path = f"{CHAPTERS}/{id_}"

    own = await kept(client, id_)
    foreign = await client.request("GET", path, headers=bearer("eve")).finish()

    assert own["story_content"] == "one two"
    assert (foreign.status, foreign.json["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("id_", [NO_CHAPTER, "x", "%00", "1"])
async def test_an_unknown_chapter_is_not_found(client: Client, id_: str) -> None:
    path = f"{CHAPTERS}/{id_}"

    refused = await client.request("GET", path, headers=bearer()).finish()

    assert (refused.status, refused.json["error"]["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("path", [CHAPTERS, f"{CHAPTERS}/{NO_CHAPTER}"])
async def test_both_are_guarded_read_only_and_in_json(
    client: Client, path: str
) -> None:
    unknown = await client.request("GET", path).finish()
    stream = {**bearer(), "accept": "text/event-stream"}
    unreadable = await client.request("GET", path, headers=stream).finish()
    wrong = await client.request("POST", path, headers=bearer()).finish()

    assert (unknown.status, unreadable.status, wrong.status) == (401, 406, 405)
