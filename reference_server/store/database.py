"""The database: transactions on one of two kinds, away from the event loop.

    Database      by URL: a SQLite file, SQLite in memory, PostgreSQL
    Done          what a statement gave
    StoreError    whatever it could not do, in one line without a password

It must not know any table.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

import asyncpg
from sqlalchemy import Connection, Executable, Row, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from ..refusals import SettingsError

T = TypeVar("T")

# Longest wait for a connection, to be made or to come free, and for one statement: less
# than a run waits to be saved.
_WAIT_S: Final = 4.0
# asyncpg and the socket have errors of their own, which SQLAlchemy lets through while
# it connects.
_FAILURES: Final = (
    SQLAlchemyError,
    OSError,
    sqlite3.Error,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


class StoreError(Exception):
    """The database did not do what was asked; the message is one line."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a statement gave: its rows, or how many it concerned."""

    rows: Sequence[Row[Any]]
    count: int


class Database:
    """One database; nothing is connected before the first transaction.

    Args:
        url: `sqlite:///FILE`, `sqlite://` for memory, or `postgresql://…`.

    Raises:
        SettingsError: the URL is none of these.
    """

    def __init__(self, url: str) -> None:
        self._url = _read_url(url)
        self.dialect = self._url.get_backend_name()
        self._kind: _Kind = (
            _SQLite(self._url) if self.dialect == "sqlite" else _PostgreSQL(self._url)
        )

    @property
    def is_shared(self) -> bool:
        """Whether other servers may work with it at the same time."""
        return self.dialect != "sqlite"

    def __str__(self) -> str:
        """Return its URL without the password."""
        shown = self._url.set(drivername=self.dialect)
        return shown.render_as_string(hide_password=True)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction; return what it gives.

        Committed at its end, rolled back by an exception. It must not wait for anything
        else: with SQLite other transactions wait for it.

        Raises:
            StoreError: the database is not there, or refuses.
        """
        try:
            return await self._kind.run(work)
        except _FAILURES as error:
            raise StoreError(f"{self}: {_describe(error)}") from error

    async def execute(
        self, statement: Executable, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Done:
        """Execute one statement in a transaction of its own.

        Args:
            statement: what to do.
            rows: values for it, when it is done for each of them.

        Raises:
            StoreError: the database is not there, or refuses.
        """

        def work(connection: Connection) -> Done:
            result = connection.execute(statement, rows)
            found = result.all() if result.returns_rows else ()
            return Done(found, result.rowcount)

        return await self.run(work)

    async def close(self) -> None:
        """Close all connections."""
        await self._kind.close()


class _Kind(Protocol):
    """What is different with each kind of database."""

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Do some work in a transaction."""

    async def close(self) -> None:
        """Close all connections."""


class _SQLite:
    """One connection in a thread of its own: SQLite has one writer anyway.

    A transaction is one message to the thread and one back. A driver that awaits each
    step of it waits that often for its turn on a busy event loop, and the next
    transaction waits for all of that (1.5 s for saves that take 1 ms, at full load).
    """

    def __init__(self, url: URL) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite")
        self._engine = create_engine(
            url,
            poolclass=StaticPool,
            connect_args={"timeout": _WAIT_S, "check_same_thread": False},
            # What is bound to a statement is what users wrote: it belongs in no log.
            hide_parameters=True,
        )
        event.listen(self._engine, "connect", _set_up)

    async def run(self, work: Callable[[Connection], T]) -> T:
        def transaction() -> T:
            with self._engine.begin() as connection:
                return work(connection)

        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, transaction)

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._engine.dispose)
        self._thread.shutdown(wait=False)


def _set_up(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # Readers and the writer do not wait for each other; a crash of the server loses
    # nothing that was committed.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")


class _PostgreSQL:
    """A pool of connections."""

    def __init__(self, url: URL) -> None:
        self._engine = create_async_engine(
            url.set(drivername="postgresql+asyncpg"),
            pool_pre_ping=True,  # the database may have been away
            pool_timeout=_WAIT_S,
            connect_args={"timeout": _WAIT_S, "command_timeout": _WAIT_S},
            hide_parameters=True,
        )

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await self._engine.dispose()


def _read_url(text: str) -> URL:
    expected = "database_url: expected sqlite:///FILE or postgresql://USER@HOST/NAME"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Not shown: it may hold a password that could not be told from the rest.
        raise SettingsError(f"{expected}, got something that is no URL") from None
    if url.drivername not in {"sqlite", "postgresql"}:
        raise SettingsError(f"{expected}, got {url.drivername}:")
    return url


def _describe(error: BaseException) -> str:
    """Return the driver's own words, without the statement and what was bound to it."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).split("\n", 1)[0].strip()
    # SQLAlchemy's stand-in for an error of asyncpg begins with the class of it.
    return text.rpartition("'>: ")[2] or type(cause).__name__
