"""A raw server on a free port, stopped with the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from streamproof.conformance.probes.carriers.connection import Target

from .raw_server import Handler, Serve


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    async with AsyncExitStack() as stack:
        handlers: list[asyncio.Task[None]] = []

        async def listen(handler: Handler) -> Target:
            async def handle(
                reader: asyncio.StreamReader, writer: asyncio.StreamWriter
            ) -> None:
                task = asyncio.current_task()
                assert task is not None
                handlers.append(task)
                try:
                    await handler(reader, writer)
                    writer.close()
                    await writer.wait_closed()
                except (ConnectionError, EOFError, asyncio.CancelledError):
                    # The client left, or the test is over.
                    writer.transport.abort()
                    await asyncio.sleep(0)

            server = await asyncio.start_server(handle, "127.0.0.1", 0)
            stack.callback(server.close)
            port: int = server.sockets[0].getsockname()[1]
            return Target(scheme="http", host="127.0.0.1", port=port)

        yield listen
        for task in handlers:
            task.cancel()
        await asyncio.gather(*handlers)
