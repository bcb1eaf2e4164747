"""The database: one engine, and transactions on it.

    Database      by URL: a SQLite file, SQLite in memory, PostgreSQL
    StoreError    whatever it could not do, in one line without a password

It must not know any table.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from ..refusals import SettingsError

_DRIVERS: Final = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}
# Longest wait for a connection, to be made or to come free, and for one statement: less
# than a run waits to be saved.
_WAIT_S: Final = 4.0
# asyncpg and the socket have errors of their own, which SQLAlchemy lets through while
# it connects.
_FAILURES: Final = (
    SQLAlchemyError,
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
)


class StoreError(Exception):
    """The database did not do what was asked; the message is one line."""


class Database:
    """One database; nothing is connected before the first transaction.

    Args:
        url: `sqlite:///FILE`, `sqlite://` for memory, or `postgresql://…`.

    Raises:
        SettingsError: the URL is none of these.
    """

    def __init__(self, url: str) -> None:
        self._url = _read_url(url)
        self._engine = _create_engine(self._url)

    @property
    def is_shared(self) -> bool:
        """Whether other servers may work with it at the same time."""
        return self._url.get_backend_name() != "sqlite"

    def __str__(self) -> str:
        """Return its URL without the password."""
        shown = self._url.set(drivername=self._url.get_backend_name())
        return shown.render_as_string(hide_password=True)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[AsyncConnection]:
        """Enter a transaction: committed at the end, rolled back by an exception.

        Raises:
            StoreError: the database is not there, or refuses.
        """
        try:
            async with self._engine.begin() as connection:
                yield connection
        except _FAILURES as error:
            raise StoreError(f"{self}: {_describe(error)}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()


def _read_url(text: str) -> URL:
    expected = "database_url: expected sqlite:///FILE or postgresql://USER@HOST/NAME"
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # Not shown: it may hold a password that could not be told from the rest.
        raise SettingsError(f"{expected}, got something that is no URL") from None
    driver = _DRIVERS.get(url.drivername)
    if driver is None:
        raise SettingsError(f"{expected}, got {url.drivername}:")
    return url.set(drivername=driver)


def _create_engine(url: URL) -> AsyncEngine:
    # What is bound to a statement is what users wrote: it belongs in no log.
    options: dict[str, Any] = {"hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        options["pool_pre_ping"] = True  # the database may have been away
        options["pool_timeout"] = _WAIT_S
        options["connect_args"] = {"timeout": _WAIT_S, "command_timeout": _WAIT_S}
        return create_async_engine(url, **options)
    # One connection: SQLite has one writer, and memory is gone with its connection.
    engine = create_async_engine(
        url,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=1,
        max_overflow=0,
        pool_timeout=_WAIT_S,
        connect_args={"timeout": _WAIT_S},
        **options,
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def try_to_open(
        _dialect: object, _record: object, where: tuple[str], _options: object
    ) -> None:
        # The driver's thread has a last word after it failed to open a file, and may
        # have it when the loop is closed: a traceback.
        connection = sqlite3.connect(where[0])
        try:
            connection.execute("PRAGMA schema_version")
        finally:
            connection.close()

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 -- of a driver
        cursor = connection.cursor()
        cursor.execute("PRAGMA foreign_keys = ON")
        # Readers and the writer do not wait for each other; a crash of the server loses
        # nothing that was committed.
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    return engine


def _describe(error: BaseException) -> str:
    """Return the driver's own words, without the statement and what was bound to it."""
    cause = getattr(error, "orig", None) or error
    text = str(cause).split("\n", 1)[0].strip()
    # SQLAlchemy's stand-in for an error of asyncpg begins with the class of it.
    return text.rpartition("'>: ")[2] or type(cause).__name__
