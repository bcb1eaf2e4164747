"""A database that a test can look into while the server works with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.reference_server.asgi import Client
from tests.reference_server.model import ScriptedModel

from streamproof.reference_server.store.database import Database


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'kept.db'}"


@pytest.fixture
async def client(model: ScriptedModel, database_url: str) -> AsyncIterator[Client]:
    async with Client(model, database_url=database_url) as client:
        yield client


@pytest.fixture
async def database(client: Client, database_url: str) -> AsyncIterator[Database]:
    """The one that the client's server has."""
    database = Database(database_url)
    yield database
    await database.close()
