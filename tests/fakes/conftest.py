"""A running server and its control client, one of each per test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import ControlClient

from streamproof.fakes import Server, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with Server(Settings()) as server:
        yield server


@pytest.fixture
async def control(server: Server) -> AsyncIterator[ControlClient]:
    client = ControlClient(server.url)
    yield client
    await client.close()
