"""Chapters of stories, whole or as far as they came: table `chapters`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    Column,
    Float,
    Index,
    Insert,
    Row,
    String,
    Table,
    Uuid,
    and_,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from .database import Database
from .tables import Moment, metadata

# What users and models write may hold a NUL or half of a surrogate pair, which is no
# text for a database. In JSON all of it is.
_TABLE = Table(
    "chapters",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", String, nullable=False),
    Column("child_id", BigInteger, nullable=False),
    Column("chapter_number", BigInteger, nullable=False),
    Column("title", JSON(none_as_null=True)),
    Column("theme", JSON, nullable=False),
    Column("text", JSON, nullable=False),
    Column("status", String, nullable=False),
    Column("safety_score", Float),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    CheckConstraint("status IN ('complete', 'partial')", name="status_is_known"),
    Index("ix_chapters_child", "user_id", "child_id", "created_at"),
)


class ChapterStatus(StrEnum):
    """Whether a chapter came to its end."""

    COMPLETE = "complete"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChapterSummary:
    """What a chapter is, but for its text.

    Attributes:
        user_id: whose it is.
        child_id: for whom it was told.
        theme: what the user wished for.
        safety_score: what a check came to, None while there was none.
    """

    id: UUID
    user_id: str
    child_id: int
    chapter_number: int
    title: str | None
    theme: str
    status: ChapterStatus
    safety_score: float | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter(ChapterSummary):
    """A chapter; the text is as long as it came."""

    text: str


class Chapters:
    """The table.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, chapter: Chapter) -> None:
        """Keep a chapter, in place of an earlier state of it.

        Raises:
            StoreError: it is not kept.
        """
        values = {**asdict(chapter), "status": str(chapter.status)}
        await self._database.execute(_put(values, self._database.dialect))

    async def find(self, user_id: str, id_: UUID) -> Chapter | None:
        """Return one chapter of the user's.

        Raises:
            StoreError: it cannot be read.
        """
        columns = _TABLE.c
        query = select(_TABLE).where(columns.id == id_, columns.user_id == user_id)
        done = await self._database.execute(query)
        return next((Chapter(**_values_of(row)) for row in done.rows), None)

    async def newest(
        self,
        user_id: str,
        child_id: int,
        *,
        limit: int,
        before: ChapterSummary | None = None,
    ) -> Sequence[ChapterSummary]:
        """Return so many chapters that the user had told to a child, the newest first.

        Args:
            user_id: whose they are.
            child_id: for whom they were told.
            limit: how many at most.
            before: only older ones than this.

        Raises:
            StoreError: they cannot be read.
        """
        columns = _TABLE.c
        query = (
            select(*(each for each in columns if each is not columns.text))
            .where(columns.user_id == user_id, columns.child_id == child_id)
            .order_by(columns.created_at.desc(), columns.id.desc())
            .limit(limit)
        )
        if before is not None:
            is_older = columns.created_at < before.created_at
            is_as_old = columns.created_at == before.created_at
            query = query.where(or_(is_older, and_(is_as_old, columns.id < before.id)))
        done = await self._database.execute(query)
        return [ChapterSummary(**_values_of(row)) for row in done.rows]


def _put(values: dict[str, Any], dialect: str) -> Insert:
    # One statement, because the end of a run waits for it.
    if dialect == "postgresql":
        new = postgresql.insert(_TABLE).values(values)
        return new.on_conflict_do_update(index_elements=["id"], set_=values)
    lite = sqlite.insert(_TABLE).values(values)
    return lite.on_conflict_do_update(index_elements=["id"], set_=values)


def _values_of(row: Row[Any]) -> dict[str, Any]:
    values = row._mapping  # noqa: SLF001 -- public; so called because columns have names
    return {**values, "status": ChapterStatus(row.status)}
