"""Conversations: whose each one is, and what was said in it: table `conversations`.

The last turn stands apart from the state that all turns before it have led to: it is
put here again and again while it is had, so that a server that is killed loses little
of it. The state is as its owner wants it, and is put here at the end of a turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, Row, String, Table, Uuid, select
from sqlalchemy.dialects import postgresql, sqlite

from .database import Database
from .tables import Moment, metadata

_TABLE = Table(
    "conversations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", String, nullable=False),
    Column("status", String, nullable=False),
    Column("turn", String, nullable=False),
    # JSON, because a text of PostgreSQL can hold neither U+0000 nor half a pair of
    # surrogates, and a model or a user may send both.
    Column("message", JSON, nullable=False),
    Column("tokens", JSON, nullable=False),
    Column("state", JSON(none_as_null=True)),
    Column("saved_at", Moment, nullable=False),
)
_COLUMNS = _TABLE.c
# Alike in both, and of no common type.
_INSERT: Mapping[str, Any] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation.

    Attributes:
        status: of its last turn, in the words of who has it.
        turn: what keeps its last turn apart from others.
        message: what the user said in it.
        tokens: pieces of the answer.
        state: what the turns have led to; JSON, None before the end of the first.
        saved_at: when all this was so.
    """

    id: UUID
    user: str
    status: str
    turn: str
    message: str
    tokens: Sequence[str]
    state: Mapping[str, Any] | None = None
    saved_at: datetime


class Conversations:
    """The table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, conversation: UUID) -> Conversation | None:
        """Return one conversation, None if it was never put here.

        Raises:
            StoreError: it cannot be read.
        """
        query = select(_TABLE).where(_COLUMNS.id == conversation)
        done = await self._database.execute(query)
        return next(map(_read, done.rows), None)

    async def put(self, conversation: Conversation) -> None:
        """Keep how a conversation stands, in place of how it stood.

        Without a state the one that is kept stays.

        Raises:
            StoreError: it is not kept.
        """
        values: dict[str, Any] = {
            "status": conversation.status,
            "turn": conversation.turn,
            "message": conversation.message,
            "tokens": list(conversation.tokens),
            "saved_at": conversation.saved_at,
        }
        if conversation.state is not None:
            values["state"] = conversation.state
        new = _INSERT[self._database.dialect](_TABLE).values(
            id=conversation.id, user_id=conversation.user, **values
        )
        await self._database.execute(
            new.on_conflict_do_update(index_elements=[_COLUMNS.id], set_=values)
        )


def _read(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        user=row.user_id,
        status=row.status,
        turn=row.turn,
        message=row.message,
        tokens=tuple(row.tokens),
        state=row.state,
        saved_at=row.saved_at,
    )
