"""The databases that everything kept is tried on: a SQLite file and a PostgreSQL.

Real time: no virtual clock can wait for another process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from itertools import count
from pathlib import Path

import pytest
from tests.reference_server.store.postgresql import PostgreSQL, running_postgresql

from streamproof.reference_server.store.database import Database
from streamproof.reference_server.store.schema import migrate

_numbers = count(1)


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"real": asyncio.SelectorEventLoop}


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    with running_postgresql() as cluster:
        yield cluster


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'kept.db'}"
        return
    cluster: PostgreSQL = request.getfixturevalue("postgresql")
    name = f"test{next(_numbers)}"
    yield cluster.create(name)
    cluster.drop(name)


@pytest.fixture
async def empty_database(database_url: str) -> AsyncIterator[Database]:
    """A database without any table."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """A database with this version's tables."""
    await migrate(empty_database)
    return empty_database
