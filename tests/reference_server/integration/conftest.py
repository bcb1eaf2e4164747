"""One server and one fake provider for all integration tests."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.reference_server.integration.processes import Program, command, running
from tests.reference_server.integration.stack import (
    HASTY,
    PATIENT,
    Stack,
    server_command,
)
from tests.reference_server.integration.wire import SECRET, close_connections

_keys = itertools.count(1)


@pytest.fixture(scope="session")
def fakes() -> Iterator[Program]:
    with running(command("fakes", "--port", "0")) as program:
        yield program


@pytest.fixture(scope="session")
def server(fakes: Program) -> Iterator[Program]:
    secret = {"STREAMPROOF_SERVER_JWT_SECRET": SECRET}
    with running(server_command(fakes, *PATIENT), secret) as program:
        yield program


@pytest.fixture(scope="session")
def hasty_server(fakes: Program) -> Iterator[Program]:
    """A server with little grace for readers that leave."""
    secret = {"STREAMPROOF_SERVER_JWT_SECRET": SECRET}
    with running(server_command(fakes, *HASTY), secret) as program:
        yield program


@pytest.fixture(autouse=True)
async def _closed_connections() -> AsyncIterator[None]:
    yield
    close_connections()


@pytest.fixture
def stack(fakes: Program, server: Program) -> Stack:
    return Stack(server=server, fakes=fakes, key=f"server-{os.getpid()}-{next(_keys)}")


@pytest.fixture
def hasty(fakes: Program, hasty_server: Program) -> Stack:
    key = f"hasty-{os.getpid()}-{next(_keys)}"
    return Stack(server=hasty_server, fakes=fakes, key=key)


@pytest.fixture
def new_stack(fakes: Program) -> Iterator[Callable[..., Stack]]:
    """Start a server of the test's own."""
    with contextlib.ExitStack() as programs:

        def start(*options: str) -> Stack:
            secret = {"STREAMPROOF_SERVER_JWT_SECRET": SECRET}
            started = running(server_command(fakes, *PATIENT, *options), secret)
            server = programs.enter_context(started)
            key = f"server-{os.getpid()}-{next(_keys)}"
            return Stack(server=server, fakes=fakes, key=key)

        yield start
