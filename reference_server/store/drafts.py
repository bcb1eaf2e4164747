"""Drafts of documents: table `drafts`.

A draft that streams is saved again and again. If that ends without a last word, because
its server was killed, it is `partial` for every reader from then on; its row is changed
by its next edit and not before. It must not know how a draft comes about.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    JSON,
    Case,
    CheckConstraint,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Uuid,
    and_,
    case,
    insert,
    or_,
    select,
    update,
)

from .database import Database
from .draft_status import EDITS, DraftStatus
from .tables import Moment, metadata

# What an owner may write is bounded by a request's body, and so is the memory of a page
# of drafts: behind these it ends before its limit.
_PAGE_CHARS = 4 * 1024 * 1024

_TABLE = Table(
    "drafts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("owner", String, nullable=False),
    Column("kb_id", Uuid, nullable=False),
    Column("document_type", String, nullable=False),
    Column("template_id", String),
    # JSON, because a text of PostgreSQL can hold neither U+0000 nor half a pair of
    # surrogates, and a model or a user may send both.
    Column("context", JSON, nullable=False),
    Column("content", JSON, nullable=False),
    Column("citations", JSON, nullable=False),
    Column("confidence", Float),
    Column("word_count", Integer, nullable=False),
    Column("sources_used", Integer, nullable=False),
    Column("status", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    CheckConstraint(
        "status IN ('streaming', 'complete', 'partial', 'editing')",
        name="status_is_known",
    ),
    Index("ix_drafts_owner", "owner", "created_at", "id"),
)
_COLUMNS = _TABLE.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What is written of a draft.

    Attributes:
        content: Markdown with markers.
        citations: what the markers stand for; JSON.
        confidence: from 0 to 1, None for what no model wrote.
        sources_used: how many documents are cited.
    """

    content: str = ""
    citations: Sequence[Mapping[str, Any]] = ()
    confidence: float | None = None
    sources_used: int = 0

    @property
    def word_count(self) -> int:
        """How many words the content has."""
        return count_words(self.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDraft:
    """A draft that is to be kept; `template_id` is None for what no template made."""

    id: UUID
    owner: str
    kb_id: UUID
    document_type: str
    template_id: str | None
    context: str
    status: DraftStatus
    text: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A draft as it is kept.

    Attributes:
        word_count: of its content, by white space.
        version: 1, and one more with each change.
    """

    id: UUID
    kb_id: UUID
    document_type: str
    template_id: str | None
    context: str
    content: str
    citations: Sequence[Mapping[str, Any]]
    confidence: float | None
    word_count: int
    sources_used: int
    status: DraftStatus
    version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """What an owner changes.

    Attributes:
        status: the state after it.
        content: None leaves it as it is.
        versions: each of them must be the one that is edited; none asks for nothing.
    """

    status: DraftStatus
    content: str | None = None
    versions: Collection[int] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which drafts of an owner are listed, and from where; None is no condition."""

    kb_id: UUID | None = None
    status: DraftStatus | None = None
    after: UUID | None = None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some drafts, newest first, and whether older ones follow."""

    items: Sequence[Draft]
    has_more: bool


class UnknownDraftError(LookupError):
    """There is no such draft, or it is another owner's."""


class ConflictError(Exception):
    """A draft is in a state, or has a version, that does not allow what was asked."""


class Drafts:
    """The table.

    Args:
        database: where it is.
        now: seconds since the epoch.
        lease_s: how long a draft streams that is not saved.
    """

    def __init__(
        self, database: Database, *, now: Callable[[], float], lease_s: float
    ) -> None:
        self._database = database
        self._now = now
        self._lease_s = lease_s
        self._started_at = self._moment()

    async def add(self, new: NewDraft) -> Draft:
        """Keep a new draft.

        Raises:
            StoreError: it is not kept.
        """
        now = self._moment()
        values = {
            "id": new.id,
            "kb_id": new.kb_id,
            "document_type": new.document_type,
            "template_id": new.template_id,
            "context": new.context,
            "status": new.status,
            "version": 1,
            "created_at": now,
            "updated_at": now,
            **_values(new.text),
        }
        await self._database.execute(insert(_TABLE).values(owner=new.owner, **values))
        return Draft(**values)

    async def save(self, id_: UUID, text: Text, status: DraftStatus) -> bool:
        """Save a draft that streams, or keep its end; return whether it still did.

        Raises:
            StoreError: it is not saved.
        """
        statement = (
            update(_TABLE)
            .where(
                _COLUMNS.id == id_,
                # An end may be kept twice.
                _COLUMNS.status.in_([DraftStatus.STREAMING, status]),
            )
            .values(
                status=status,
                version=_COLUMNS.version + 1,
                updated_at=self._moment(),
                **_values(text),
            )
        )
        return (await self._database.execute(statement)).count == 1

    async def get(self, id_: UUID, owner: str) -> Draft:
        """Return a draft.

        Raises:
            UnknownDraftError: there is none.
            StoreError: it cannot be read.
        """
        statement = select(*self._selected()).where(_is(id_, owner))
        done = await self._database.execute(statement)
        if not done.rows:
            raise UnknownDraftError(id_)
        return _to_draft(done.rows[0])

    async def edit(self, id_: UUID, owner: str, edit: Edit) -> Draft:
        """Change a draft as its owner wants; return what it is then.

        Raises:
            UnknownDraftError: there is none.
            ConflictError: its state has no such step, or its version is another one.
            StoreError: it is not changed.
        """
        content = edit.content
        changed = (
            {}
            if content is None
            else {"content": content, "word_count": count_words(content)}
        )
        # One statement: two edits at the same moment cannot both find the same version.
        statement = (
            update(_TABLE)
            .where(
                _is(id_, owner),
                self._status().in_(
                    [each for each in EDITS if edit.status in EDITS[each]]
                ),
                *(_COLUMNS.version == version for version in edit.versions),
            )
            .values(
                status=edit.status,
                version=_COLUMNS.version + 1,
                updated_at=self._moment(),
                **changed,
            )
            .returning(*self._selected())
        )
        done = await self._database.execute(statement)
        if done.rows:
            return _to_draft(done.rows[0])
        found = await self.get(id_, owner)
        raise ConflictError(
            f"expected a draft that can go on to {edit.status}, got one that is "
            f"{found.status}, in version {found.version}"
        )

    async def page(self, owner: str, wanted: Wanted) -> Page:
        """Return drafts of an owner, newest first.

        A page has no more than about 4 Mi characters of content and context, and one
        draft at least.

        Raises:
            UnknownDraftError: there is none to begin after.
            StoreError: they cannot be read.
        """
        conditions = [_COLUMNS.owner == owner]
        if wanted.kb_id is not None:
            conditions.append(_COLUMNS.kb_id == wanted.kb_id)
        if wanted.status is not None:
            conditions.append(self._status() == wanted.status)
        if wanted.after is not None:
            conditions.append(_is_older(await self.get(wanted.after, owner)))
        statement = (
            select(*self._selected())
            .where(*conditions)
            .order_by(_COLUMNS.created_at.desc(), _COLUMNS.id.desc())
            .limit(wanted.limit + 1)
        )
        return await self._database.run(
            lambda connection: _read_page(connection, statement, wanted.limit)
        )

    def _moment(self) -> datetime:
        return datetime.fromtimestamp(self._now(), UTC)

    def _selected(self) -> list[ColumnElement[Any]]:
        """Return the columns of a draft, with the state that it counts as."""
        others = [each for each in _COLUMNS if each.name not in {"owner", "status"}]
        return [*others, self._status().label("status")]

    def _status(self) -> Case[str]:
        last_save = self._moment() - timedelta(seconds=self._lease_s)
        if not self._database.is_shared:
            # No other server writes here: what streams since before the start of this
            # one was left by one that is gone.
            last_save = max(last_save, self._started_at)
        is_left = and_(
            _COLUMNS.status == DraftStatus.STREAMING, _COLUMNS.updated_at < last_save
        )
        return case((is_left, DraftStatus.PARTIAL), else_=_COLUMNS.status)


def count_words(text: str) -> int:
    """Return how many words there are, which white space separates."""
    return len(text.split())


def _is(id_: UUID, owner: str) -> ColumnElement[bool]:
    return and_(_COLUMNS.id == id_, _COLUMNS.owner == owner)


def _is_older(than: Draft) -> ColumnElement[bool]:
    created_at = _COLUMNS.created_at
    return or_(
        created_at < than.created_at,
        and_(created_at == than.created_at, _COLUMNS.id < than.id),
    )


def _values(text: Text) -> dict[str, Any]:
    return {
        "content": text.content,
        "citations": list(text.citations),
        "confidence": text.confidence,
        "word_count": text.word_count,
        "sources_used": text.sources_used,
    }


def _to_draft(row: Row[Any]) -> Draft:
    values = row._asdict()  # public in spite of its name
    return Draft(**{**values, "status": DraftStatus(values["status"])})


def _read_page(connection: Connection, statement: Select[Any], limit: int) -> Page:
    items: list[Draft] = []
    chars = 0
    # A draft may be large: no more of them are read than the page has.
    with connection.execution_options(yield_per=1).execute(statement) as rows:
        for row in rows:
            if len(items) == limit or chars > _PAGE_CHARS:
                return Page(items=items, has_more=True)
            items.append(_to_draft(row))
            chars += len(items[-1].content) + len(items[-1].context)
    return Page(items=items, has_more=False)
