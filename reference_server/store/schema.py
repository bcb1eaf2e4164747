"""The database's schema: its state beside the one that this version needs.

    prepare     at every start: a new SQLite database is made, any other one is checked
    migrate     brings a database up to date
    at_url      does one of them from a command line

Migrations are Alembic's, in the folder beside this module.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from ..refusals import SettingsError
from .database import Database, StoreError

_FOLDER = Path(__file__).with_name("migrations")


class SchemaError(StoreError):
    """The schema is not the one that is needed; the message says what to do."""


async def prepare(database: Database) -> None:
    """Make the schema of a SQLite database that has none; check any other one.

    Raises:
        SchemaError: it is older or newer than this version, or never was made.
        StoreError: the database is not there.
    """
    async with _alembic_alone():
        await database.run(partial(_prepare, database=database))


async def migrate(database: Database) -> str:
    """Bring the schema up to date; return its revision.

    Raises:
        SchemaError: it is newer than this version.
        StoreError: the database is not there.
    """
    async with _alembic_alone():
        return await database.run(partial(_migrate, database=database))


T = TypeVar("T")

# Alembic works on one database of a process at a time: migrations call a module.
_ALEMBIC = threading.Lock()
_POLL_S = 0.01


async def at_url(url: str, action: Callable[[Database], Awaitable[T]]) -> T:
    """Do something with a database that is opened for it alone; return what it gives.

    Raises:
        SettingsError: the URL names no database that would do.
    """
    database = Database(url)
    try:
        return await action(database)
    except StoreError as error:
        raise SettingsError(f"database_url: {error}") from error
    finally:
        await database.close()


@asynccontextmanager
async def _alembic_alone() -> AsyncIterator[None]:
    # Servers of other threads may hold it, and this loop must go on meanwhile.
    while not _ALEMBIC.acquire(blocking=False):  # noqa: ASYNC110 -- see above
        await asyncio.sleep(_POLL_S)
    try:
        yield
    finally:
        _ALEMBIC.release()


def _prepare(connection: Connection, database: Database) -> None:
    revision = _find_revision(connection, database)
    head = _head()
    if revision == head:
        return
    is_new = revision is None and not inspect(connection).get_table_names()
    if is_new and not database.is_shared:
        _upgrade(connection)
        return
    raise SchemaError(
        f"{database}: expected schema {head}, got {revision or 'none'}; run "
        "streamproof-server migrate"
    )


def _migrate(connection: Connection, database: Database) -> str:
    _find_revision(connection, database)
    _upgrade(connection)
    return _head()


def _find_revision(connection: Connection, database: Database) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    known = {each.revision for each in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise SchemaError(
            f"{database}: expected schema {_head()} or an older one, got {revision}, "
            "which a newer version of streamproof made; install that version"
        )
    return revision


def _upgrade(connection: Connection) -> None:
    config = _config()
    # Where `migrations/env.py` finds it.
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _head() -> str:
    head = _scripts().get_current_head()
    if head is None:
        raise RuntimeError(f"expected migrations in {_FOLDER}, got none")
    return head


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
