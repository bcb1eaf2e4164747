"""A fakes server in a process of its own that tells what it holds, on SIGUSR1.

The journal's bound comes as an argument, so that a soak can fill it and go on. With a
leak as a second argument the server is spoilt: that is how the soak's judge is judged.
Run as `python soaked_server.py MAX_CALLS [LEAK]`; it is there until it is killed.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

from streamproof.fakes import Server, Settings
from streamproof.fakes.net.connection import Connection

if TYPE_CHECKING:
    from typing import Any


def spoil(leak: str) -> None:
    """Lose something with every connection that ends from now on."""
    kept: list[object] = []
    lose = Connection.connection_lost

    def connection_lost(self: Connection, exc: Exception | None) -> None:
        lose(self, exc)
        if leak == "connections":
            self._connections.add(self)
        elif leak == "tasks":
            kept.append(asyncio.create_task(asyncio.Event().wait()))
        elif leak == "descriptors":
            kept.append(os.dup(0))
        elif leak == "errors":
            raise RuntimeError("an error that is not handled")
        elif leak == "blocks":
            kept.extend(object() for _ in range(20))
        elif leak == "resident_kib":
            kept.append(os.urandom(64 * 1024))

    setattr(Connection, lose.__name__, connection_lost)


class Errors:
    """Counts what the event loop would only have logged."""

    def __init__(self) -> None:
        self.count = 0

    def handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.count += 1
        loop.default_exception_handler(context)


def holdings(server: Server, errors: Errors) -> dict[str, int]:
    """Count what is held, once all that is garbage is gone."""
    gc.collect()
    calls = server.journal.calls()
    return {
        "connections": server.open_connections,
        "tasks": len(asyncio.all_tasks()),
        "calls": len(calls),
        "running": sum(call.outcome is None for call in calls),
        "watches": len(server.journal._watches),
        "errors": errors.count,
        "blocks": sys.getallocatedblocks(),
    }


async def serve(max_calls: int, leak: str | None) -> None:
    loop, errors = asyncio.get_running_loop(), Errors()
    loop.set_exception_handler(errors.handle)
    server = Server(Settings())
    if leak is not None:
        spoil(leak)
    async with server:
        server.journal._max_calls = max_calls
        loop.add_signal_handler(signal.SIGUSR1, lambda: say(holdings(server, errors)))
        say({"url": server.url})
        await asyncio.Event().wait()


def say(what: object) -> None:
    sys.stdout.write(f"{json.dumps(what)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
