"""One response: what is in the log, then what comes, heartbeats in between.

Serves one reader over ASGI. It must not end a run: it only tells the run that its
reader came or went. All of its clean-up is synchronous, because clean-up that awaits is
killed when the server cancels the request (failure-modes.md, finding 2).

There is one writer per response, so a heartbeat can not get into another block, and no
queue: a slow reader holds back its own response and nothing else.
"""

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

import anyio
from anyio.lowlevel import checkpoint
from starlette.types import Receive, Send

from ..metrics import Metrics
from . import sse
from .event_log import DroppedError
from .reader import Leaving, Reader
from .run import Run

_RETRY_MS = 1000

# A replay of thousands of events never waits while the socket takes them; this lets
# other streams have their turn.
_EVENTS_PER_TURN = 32

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseOptions:
    """What is the same for all responses of a dialect.

    Attributes:
        heartbeat: returns the block that fills a silence now.
        opening: returns the block that begins a response (see `dialect`).
        heartbeat_s: longest silence.
        send_timeout_s: longest time that one write may wait for the reader.
        clock: steady clock in seconds.
        metrics: told about what is sent.
    """

    heartbeat: Callable[[], bytes]
    opening: Callable[[bytes | None], bytes] | None = None
    heartbeat_s: float
    send_timeout_s: float
    clock: Callable[[], float]
    metrics: Metrics


class StreamResponse:
    """Serves events of one run to one client.

    Args:
        run: what is read.
        after: number of the last event that the client has.
        options: what all responses share.
        requested_at: when the request came, on the options' clock.
        expires_at: when the client's token ends, on the same clock.
        abort: cuts the connection without waiting for its buffer, where the server
            offers that; without it a stalled response is left unfinished.
    """

    def __init__(
        self,
        run: Run,
        *,
        after: int,
        options: ResponseOptions,
        requested_at: float,
        expires_at: float = math.inf,
        abort: Callable[[], None] | None = None,
    ) -> None:
        self._run = run
        self._sent = after
        self._options = options
        self._clock = options.clock
        self._requested_at = requested_at
        self._expires_at = expires_at
        self._abort = abort
        self._reader = Reader()
        self._has_sent_event = False
        self._last_sent_at = 0.0
        self._sending_since: float | None = None
        self._alarm: asyncio.TimerHandle | None = None

    async def serve(self, headers: Headers, receive: Receive, send: Send) -> None:
        """Send the response until its end; returns also when the client has left."""
        self._run.attach(self._reader)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._watch_connection, receive)
                guard = self._guard_sends(tasks.cancel_scope)
                try:
                    await self._write(headers, send)
                finally:
                    guard.stop()
                    if self._alarm is not None:
                        self._alarm.cancel()
                tasks.cancel_scope.cancel()
        finally:
            self._run.detach(self._reader)

    async def _watch_connection(self, receive: Receive) -> None:
        # A body that is sent with a resume is not needed; it is taken off the wire.
        while (await receive())["type"] != "http.disconnect":
            pass
        self._reader.leave(Leaving.DISCONNECTED)
        # At once, not when the writer gets to it: the grace counts from here.
        self._run.detach(self._reader)

    async def _write(self, headers: Headers, send: Send) -> None:
        try:
            await self._send(
                send,
                {"type": "http.response.start", "status": 200, "headers": headers},
            )
            await self._open(send)
            await self._write_events(send)
            leaving = self._reader.leaving
            if leaving is None or not leaving.is_connection_gone:
                await self._send(send, _body(b"", is_last=True))
        except OSError:  # what ASGI says about writing to a client that has left
            self._reader.leave(Leaving.DISCONNECTED)

    async def _open(self, send: Send) -> None:
        opening = self._options.opening
        if opening is None:
            return
        log = self._run.log
        seen = log.get(max(self._sent, log.first)) if self._sent else None
        await self._send(send, _body(opening(seen)))
        self._options.metrics.count_heartbeat()
        if self._sent == 0:
            self._observe_first()

    async def _write_events(self, send: Send) -> None:
        count = 0
        while self._reader.leaving is None:
            if self._clock() >= self._expires_at:
                await self._part(send, Leaving.TOKEN_EXPIRED, "token expired")
                return
            try:
                block = self._run.log.get(self._sent + 1)
            except DroppedError:
                await self._part(send, Leaving.BEHIND_THE_LOG, "too far behind")
                return
            if block is not None:
                await self._send_event(send, block)
                count += 1
                if count % _EVENTS_PER_TURN == 0:
                    await checkpoint()
            elif self._run.log.is_closed:
                return
            elif self._clock() >= self._heartbeat_at:
                await self._send(send, _body(self._options.heartbeat()))
                self._options.metrics.count_heartbeat()
            else:
                await self._wait_for_more()

    @property
    def _heartbeat_at(self) -> float:
        return self._last_sent_at + self._options.heartbeat_s

    async def _wait_for_more(self) -> None:
        if self._alarm is None:
            until = min(self._heartbeat_at, self._expires_at)
            delay_s = max(0.0, until - self._clock())
            loop = asyncio.get_running_loop()
            self._alarm = loop.call_later(delay_s, self._ring)
        await self._reader.wait_woken()

    def _ring(self) -> None:
        # Events that were sent since have put the heartbeat off: then the reader finds
        # nothing to do and sets the alarm again. To move it at every event costs more.
        self._alarm = None
        self._reader.wake()

    async def _send_event(self, send: Send, block: bytes) -> None:
        if not self._has_sent_event:
            # In the block of the first event: alone in a block of its own it makes
            # several client libraries dispatch an empty event.
            block = sse.with_retry(block, _RETRY_MS)
        await self._send(send, _body(block))
        self._has_sent_event = True
        self._sent += 1
        self._options.metrics.count_event()
        # What a resume gets first was ready before it was asked for: no latency.
        if self._sent == 1 and self._options.opening is None:
            self._observe_first()

    def _observe_first(self) -> None:
        latency_s = self._last_sent_at - self._requested_at
        self._options.metrics.observe_first_event(latency_s)

    async def _part(self, send: Send, reason: Leaving, remark: str) -> None:
        await self._send(send, _body(sse.comment(remark)))
        self._reader.leave(reason)

    async def _send(self, send: Send, message: dict[str, object]) -> None:
        self._sending_since = self._clock()
        await send(message)
        self._sending_since = None
        self._last_sent_at = self._clock()

    def _guard_sends(self, scope: anyio.CancelScope) -> "_Repeating":
        limit_s = self._options.send_timeout_s

        def check() -> None:
            since = self._sending_since
            if since is None or self._clock() - since < limit_s:
                return
            self._reader.leave(Leaving.STALLED)
            self._run.detach(self._reader)
            if self._abort is not None:
                self._abort()
            else:
                scope.cancel()

        return _Repeating(limit_s / 2, check)


class _Repeating:
    """Calls a function every so often; one timer instead of a time limit per write."""

    def __init__(self, interval_s: float, action: Callable[[], None]) -> None:
        self._interval_s = interval_s
        self._action = action
        self._timer = self._arm()

    def stop(self) -> None:
        self._timer.cancel()

    def _arm(self) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(self._interval_s, self._fire)

    def _fire(self) -> None:
        self._timer = self._arm()
        self._action()


def _body(block: bytes, *, is_last: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": block, "more_body": not is_last}
