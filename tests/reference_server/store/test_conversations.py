"""Whose a conversation is and how it stands, on every database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID, uuid4

from streamproof.reference_server.store.conversations import (
    Conversation,
    Conversations,
)
from streamproof.reference_server.store.database import Database

FIRST = Conversation(
    id=UUID("5f0c8f6e-4c1f-4d5e-9d8c-2b7a3f1e6a90"),
    user="ada",
    status="active",
    turn="turn-1",
    message="\0 ü\u2028 \N{FIRE}",
    tokens=("a ", "\ud83d", "\ude00", ""),
    state={"said": ["\0", "\ud83d"], "version": 7},
    saved_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
)


async def test_what_was_never_put_is_not_found(database: Database) -> None:
    assert await Conversations(database).find(uuid4()) is None


async def test_what_was_put_is_found_as_it_was(database: Database) -> None:
    conversations = Conversations(database)

    await conversations.put(FIRST)

    assert await conversations.find(FIRST.id) == FIRST


async def test_the_latest_counts_and_its_user_stays(database: Database) -> None:
    conversations = Conversations(database)
    later = replace(FIRST, status="completed", turn="turn-2", message="x", tokens=())
    other = replace(FIRST, id=uuid4(), user="eve")
    await conversations.put(FIRST)
    await conversations.put(other)

    await conversations.put(later)

    assert await conversations.find(FIRST.id) == later
    assert await conversations.find(other.id) == other


async def test_without_a_state_the_one_that_is_kept_stays(database: Database) -> None:
    conversations = Conversations(database)
    await conversations.put(FIRST)

    await conversations.put(replace(FIRST, tokens=("more",), state=None))

    found = await conversations.find(FIRST.id)
    assert found == replace(FIRST, tokens=("more",))


async def test_at_first_there_need_be_no_state(database: Database) -> None:
    conversations = Conversations(database)
    new = replace(FIRST, state=None)

    await conversations.put(new)

    assert await conversations.find(FIRST.id) == new
