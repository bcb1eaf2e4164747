"""One response: what is in the log, then what comes, with heartbeats in silences."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio
from starlette.types import Receive, Scope, Send
from tests.mutants.bases.toy.run import Run, stamp


@dataclass(slots=True, kw_only=True)
class Reading:
    """Serves a run from after an event on; `expires` in seconds since the epoch."""

    run: Run
    after: int
    expires: float
    heartbeat_s: float
    grace_s: float
    _reader: object = field(default_factory=object)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response until its end, or until its reader leaves."""
        self.run.attach(self._reader)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, receive, group.cancel_scope)
                await self._write(scope, send)
                group.cancel_scope.cancel()
        finally:
            self._leave()

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()
        scope.cancel()

    def _leave(self) -> None:
        self.run.detach(self._reader, self.grace_s)

    async def _write(self, scope: Scope, send: Send) -> None:
        headers = {
            "content-type": "text/event-stream",
            "cache-control": "no-cache, no-transform",
            "x-accel-buffering": "no",
            "x-stream-id": self.run.id,
            "x-session-id": self.run.session,
        }
        if scope["http_version"] == "1.1":
            headers["connection"] = "keep-alive"
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": raw})
        async for block in self._blocks():
            body = {"body": block, "more_body": True}
            await send({"type": "http.response.body", **body})
        await send({"type": "http.response.body", "body": b""})

    async def _blocks(self) -> AsyncIterator[bytes]:
        run, sent = self.run, self.after
        yield self._heartbeat(run.times[sent - 1] if sent else time.time())
        while run.reader is self._reader:
            if time.time() >= self.expires:
                yield b": token expired\n\n"
                return
            if sent < len(run.blocks):
                first = sent == self.after
                yield (b"retry: 1000\n" if first else b"") + run.blocks[sent]
                sent += 1
            elif run.is_over:
                return
            else:
                changed = run.changed
                wait_s = min(self.heartbeat_s, self.expires - time.time())
                with anyio.move_on_after(max(0.0, wait_s)):
                    await changed.wait()
                    continue
                # An event that came just now has an earlier time than a heartbeat.
                if time.time() < self.expires and sent == len(run.blocks):
                    yield self._heartbeat(time.time())

    @staticmethod
    def _heartbeat(at: float) -> bytes:
        data = json.dumps({"type": "heartbeat", "timestamp": stamp(at)})
        return f"data: {data}\n\n".encode()
