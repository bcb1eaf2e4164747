"""Chapters, kept on both kinds of database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from streamproof.reference_server.store.chapters import (
    Chapter,
    Chapters,
    ChapterStatus,
    ChapterSummary,
)
from streamproof.reference_server.store.database import Database

AT = datetime(2026, 11, 30, 16, 0, 0, 123456, UTC)


def make(number: int = 1, **changes: object) -> Chapter:
    chapter = Chapter(
        id=UUID(int=number),
        user_id="ada",
        child_id=7,
        chapter_number=number,
        title="Snow",
        theme="a fox",
        text="Once upon a time",
        status=ChapterStatus.PARTIAL,
        safety_score=None,
        created_at=AT,
        updated_at=AT,
    )
    return replace(chapter, **changes)  # type: ignore[arg-type]  # fields of a chapter


async def test_what_was_saved_is_found(database: Database) -> None:
    chapters = Chapters(database)
    await chapters.save(make())

    assert await chapters.find("ada", UUID(int=1)) == make()
    assert await chapters.find("eve", UUID(int=1)) is None
    assert await chapters.find("ada", UUID(int=2)) is None


async def test_a_later_state_takes_the_place_of_an_earlier_one(
    database: Database,
) -> None:
    chapters = Chapters(database)
    later = make(
        text="Once upon a time. The end.",
        status=ChapterStatus.COMPLETE,
        safety_score=0.75,
        updated_at=AT + timedelta(seconds=9),
    )

    await chapters.save(make())
    await chapters.save(later)

    assert await chapters.find("ada", UUID(int=1)) == later
    assert len(await chapters.newest("ada", 7, limit=9)) == 1


@pytest.mark.parametrize(
    "text", ["", "\0", "\ud83d", "é💥\u2028", '"\\u0000', "x" * 70_000]
)
async def test_any_text_comes_back_as_it_was(database: Database, text: str) -> None:
    chapters = Chapters(database)
    chapter = make(title=text, theme=text, text=text)

    await chapters.save(chapter)

    assert await chapters.find("ada", UUID(int=1)) == chapter


async def test_the_largest_numbers_and_no_title_are_kept(database: Database) -> None:
    chapters = Chapters(database)
    chapter = make(title=None, child_id=10**18 - 1, chapter_number=10**18 - 1)

    await chapters.save(chapter)

    assert await chapters.find("ada", UUID(int=1)) == chapter


async def test_a_time_of_another_zone_is_the_same_moment(database: Database) -> None:
    chapters = Chapters(database)
    there = AT.astimezone(timezone(timedelta(hours=-8)))

    await chapters.save(make(created_at=there))

    found = await chapters.find("ada", UUID(int=1))
    assert found is not None
    assert (found.created_at, found.created_at.tzinfo) == (AT, UTC)


async def test_the_newest_come_first_and_those_of_one_moment_by_id(
    database: Database,
) -> None:
    chapters = Chapters(database)
    second = AT + timedelta(microseconds=1)
    for number, at in ((1, AT), (2, second), (3, second), (4, AT)):
        await chapters.save(make(number, created_at=at))
    await chapters.save(make(5, user_id="eve"))
    await chapters.save(make(6, child_id=8))

    found = await chapters.newest("ada", 7, limit=9)

    assert [each.chapter_number for each in found] == [3, 2, 4, 1]
    assert {type(each) for each in found} == {ChapterSummary}


async def test_a_page_goes_on_behind_the_one_before(database: Database) -> None:
    chapters = Chapters(database)
    for number in range(1, 6):
        at = AT + timedelta(seconds=number // 2)
        await chapters.save(make(number, created_at=at))

    first = await chapters.newest("ada", 7, limit=2)
    second = await chapters.newest("ada", 7, limit=2, before=first[-1])
    third = await chapters.newest("ada", 7, limit=2, before=second[-1])

    numbers = [each.chapter_number for page in (first, second, third) for each in page]
    assert numbers == [5, 4, 3, 2, 1]
