"""Drafts on each kind of database: states, versions, pages, who sees what."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from uuid import UUID

import pytest

from streamproof.reference_server.store.database import Database
from streamproof.reference_server.store.draft_status import DraftStatus
from streamproof.reference_server.store.drafts import (
    ConflictError,
    Draft,
    Drafts,
    Edit,
    NewDraft,
    Text,
    UnknownDraftError,
    Wanted,
)

EPOCH = 1_800_000_000.0
KB = UUID("00000000-0000-4000-8000-000000000001")
EDITING, COMPLETE = DraftStatus.EDITING, DraftStatus.COMPLETE
PARTIAL, STREAMING = DraftStatus.PARTIAL, DraftStatus.STREAMING
ODD = "a\x00\ud83d\u2028ü😀'\"\\"
_ids = count(1)


@dataclass
class Clock:
    """Seconds since the epoch, as a test wants them."""

    now: float = EPOCH

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def drafts(database: Database, clock: Clock) -> Drafts:
    return Drafts(database, now=clock, lease_s=10)


def new(status: DraftStatus = COMPLETE, **changes: object) -> NewDraft:
    made = NewDraft(
        id=UUID(int=next(_ids)),
        owner="ada",
        kb_id=KB,
        document_type="technical_memo",
        template_id=None,
        context="why",
        status=status,
        text=Text(content="three short words"),
    )
    return replace(made, **changes)  # type: ignore[arg-type]  # fields of it


async def test_a_new_draft_is_kept_as_it_is(drafts: Drafts) -> None:
    citations = [{"number": 1, "excerpt": ODD}]
    text = Text(content=ODD, citations=citations, confidence=0.5, sources_used=1)
    made = new(context=ODD, template_id="t", text=text)

    added = await drafts.add(made)

    moment = datetime.fromtimestamp(EPOCH, UTC)
    assert added == await drafts.get(made.id, "ada")
    assert added == Draft(
        id=made.id,
        kb_id=KB,
        document_type="technical_memo",
        template_id="t",
        context=ODD,
        content=ODD,
        citations=citations,
        confidence=0.5,
        word_count=2,
        sources_used=1,
        status=COMPLETE,
        version=1,
        created_at=moment,
        updated_at=moment,
    )


@pytest.mark.parametrize("owner", ["bob", "", "ADA"])
async def test_a_draft_is_unknown_to_all_but_its_owner(
    drafts: Drafts, owner: str
) -> None:
    added = await drafts.add(new())

    with pytest.raises(UnknownDraftError):
        await drafts.get(added.id, owner)
    with pytest.raises(UnknownDraftError):
        await drafts.edit(added.id, owner, Edit(status=EDITING))
    assert (await drafts.page(owner, Wanted(limit=9))).items == []


async def test_a_save_changes_what_is_written(drafts: Drafts, clock: Clock) -> None:
    added = await drafts.add(new(STREAMING, text=Text()))
    clock.now += 2

    assert await drafts.save(added.id, Text(content="a b", confidence=0.1), STREAMING)

    found = await drafts.get(added.id, "ada")
    assert (found.content, found.word_count, found.confidence) == ("a b", 2, 0.1)
    assert (found.status, found.version) == (STREAMING, 2)
    assert found.created_at == added.created_at
    assert found.updated_at == datetime.fromtimestamp(EPOCH + 2, UTC)


@pytest.mark.parametrize("end", [COMPLETE, PARTIAL])
async def test_an_end_is_kept_and_may_be_kept_twice(
    drafts: Drafts, end: DraftStatus
) -> None:
    added = await drafts.add(new(STREAMING))

    assert await drafts.save(added.id, Text(content="a"), end)
    assert await drafts.save(added.id, Text(content="a"), end)
    assert not await drafts.save(added.id, Text(content="b"), STREAMING)

    found = await drafts.get(added.id, "ada")
    assert (found.status, found.content) == (end, "a")


@pytest.mark.parametrize("status", [EDITING, COMPLETE, PARTIAL])
async def test_what_does_not_stream_is_not_saved(
    drafts: Drafts, status: DraftStatus
) -> None:
    added = await drafts.add(new(status))

    assert not await drafts.save(added.id, Text(content="late"), STREAMING)
    assert not await drafts.save(UUID(int=0), Text(), COMPLETE)
    assert await drafts.get(added.id, "ada") == added


@pytest.mark.parametrize("before", DraftStatus)
@pytest.mark.parametrize("after", DraftStatus)
async def test_an_edit_is_a_step_of_the_machine_or_a_conflict(
    drafts: Drafts, before: DraftStatus, after: DraftStatus
) -> None:
    added = await drafts.add(new(before))
    allowed = before != STREAMING and (
        after == EDITING or (before, after) == (EDITING, COMPLETE)
    )

    if allowed:
        edited = await drafts.edit(added.id, "ada", Edit(status=after))
        assert (edited.status, edited.version) == (after, 2)
        assert edited.content == added.content
    else:
        with pytest.raises(ConflictError, match=f"that is {before}, in version 1"):
            await drafts.edit(added.id, "ada", Edit(status=after))
        assert await drafts.get(added.id, "ada") == added


async def test_words_follow_the_content(drafts: Drafts, clock: Clock) -> None:
    added = await drafts.add(new())
    clock.now += 1

    edited = await drafts.edit(added.id, "ada", Edit(status=EDITING, content=ODD))

    assert (edited.content, edited.word_count) == (ODD, 2)
    assert edited.updated_at > edited.created_at == added.created_at


@pytest.mark.parametrize("versions", [[2], [1, 2], [2**31 - 1]])
async def test_another_version_is_a_conflict(
    drafts: Drafts, versions: list[int]
) -> None:
    added = await drafts.add(new())

    with pytest.raises(ConflictError, match="in version 1"):
        await drafts.edit(added.id, "ada", Edit(status=EDITING, versions=versions))


async def test_of_edits_at_once_one_has_the_version(drafts: Drafts) -> None:
    added = await drafts.add(new())
    edits = (
        drafts.edit(added.id, "ada", Edit(status=EDITING, content=str(n), versions=[1]))
        for n in range(8)
    )

    done = await asyncio.gather(*edits, return_exceptions=True)

    assert sum(isinstance(each, Draft) for each in done) == 1
    assert sum(isinstance(each, ConflictError) for each in done) == 7


@pytest.fixture
async def newest_first(drafts: Drafts, clock: Clock) -> list[UUID]:
    """Five drafts; the second and the third are of one moment."""
    made = []
    for status, step in zip(
        (COMPLETE, PARTIAL, COMPLETE, EDITING, COMPLETE), (1, 0, 1, 1, 1), strict=True
    ):
        made.append((await drafts.add(new(status))).id)
        clock.now += step
    await drafts.add(new(owner="bob"))
    return made[::-1]


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 9])
async def test_pages_have_every_draft_once_newest_first(
    drafts: Drafts, newest_first: list[UUID], limit: int
) -> None:
    found: list[UUID] = []
    after = None
    while True:
        page = await drafts.page("ada", Wanted(limit=limit, after=after))
        found += [draft.id for draft in page.items]
        assert len(page.items) <= limit
        if not page.has_more:
            break
        after = found[-1]

    assert found == newest_first


async def test_drafts_are_listed_by_state_and_knowledge_base(
    drafts: Drafts, newest_first: list[UUID]
) -> None:
    async def ids(**wanted: object) -> list[UUID]:
        page = await drafts.page("ada", replace(Wanted(limit=9), **wanted))  # type: ignore[arg-type]  # fields of it
        return [draft.id for draft in page.items]

    assert await ids(status=EDITING) == [newest_first[1]]
    assert await ids(status=COMPLETE) == newest_first[::2]
    assert await ids(status=COMPLETE, after=newest_first[0]) == newest_first[2::2]
    assert await ids(kb_id=KB) == newest_first
    assert await ids(kb_id=UUID(int=5)) == []


async def test_a_page_begins_only_after_a_draft_of_its_owner(drafts: Drafts) -> None:
    foreign = await drafts.add(new(owner="bob"))

    with pytest.raises(UnknownDraftError):
        await drafts.page("ada", Wanted(limit=1, after=foreign.id))


async def test_a_page_of_large_drafts_ends_before_its_limit(drafts: Drafts) -> None:
    large = Text(content="x" * 3_000_000)
    for _ in range(4):
        await drafts.add(new(text=large))

    page = await drafts.page("ada", Wanted(limit=9))

    assert len(page.items) == 2
    assert page.has_more


async def test_a_draft_that_is_not_saved_for_long_is_partial(
    drafts: Drafts, clock: Clock
) -> None:
    added = await drafts.add(new(STREAMING))
    clock.now += 10
    assert (await drafts.get(added.id, "ada")).status == STREAMING

    clock.now += 0.001

    assert (await drafts.get(added.id, "ada")).status == PARTIAL
    listed = await drafts.page("ada", Wanted(limit=9, status=PARTIAL))
    assert [draft.id for draft in listed.items] == [added.id]
    listed = await drafts.page("ada", Wanted(limit=9, status=STREAMING))
    assert listed.items == []


async def test_a_draft_that_is_saved_again_streams_again(
    drafts: Drafts, clock: Clock
) -> None:
    added = await drafts.add(new(STREAMING))
    clock.now += 60

    assert await drafts.save(added.id, Text(content="still here"), STREAMING)

    assert (await drafts.get(added.id, "ada")).status == STREAMING


async def test_a_draft_that_was_left_can_be_edited_and_is_not_saved_again(
    drafts: Drafts, clock: Clock
) -> None:
    added = await drafts.add(new(STREAMING))
    clock.now += 60

    edited = await drafts.edit(added.id, "ada", Edit(status=EDITING, content="mine"))

    assert (edited.status, edited.content) == (EDITING, "mine")
    assert not await drafts.save(added.id, Text(content="late"), COMPLETE)
    assert (await drafts.get(added.id, "ada")).content == "mine"


async def test_what_streamed_before_the_start_of_the_only_server_is_partial(
    database: Database, drafts: Drafts, clock: Clock
) -> None:
    added = await drafts.add(new(STREAMING))
    clock.now += 0.5

    restarted = Drafts(database, now=clock, lease_s=10)

    # On a shared database the other server may well be there.
    expected = STREAMING if database.is_shared else PARTIAL
    assert (await restarted.get(added.id, "ada")).status == expected


async def test_what_streams_since_the_start_streams(
    database: Database, clock: Clock
) -> None:
    started = Drafts(database, now=clock, lease_s=10)

    added = await started.add(new(STREAMING))

    assert added.status == STREAMING
