"""The client of `fakes`: many streams, read by one epoll loop in a process of its own.

`python -m streamproof.loadtests.benchmarks.streams` takes an `Order` as JSON on stdin
and writes its figures as JSON to stdout. It decodes nothing: frames are counted, and
each read is stamped with `perf_counter` (µs resolution, this process only). A canary
that is due every `CANARY_S` tells how late the loop itself was, so that figures of a
saturated client can be marked.
Must not know which server it reads, nor judge what it measured.
"""

from __future__ import annotations

import gc
import itertools
import json
import random
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

from .figures import percentile
from .frames import FrameCounter
from .gaps import gaps_s
from .procfs import busy_s, cpu_s, peak_mib

__all__ = ["Client", "Order", "main", "request_to"]

BODY: Final = json.dumps(
    {
        "model": "gpt-4o-mini",
        "stream": True,
        "messages": [{"role": "user", "content": "go"}],
    }
).encode()
CANARY_S: Final = 0.005
READ_BYTES: Final = 65_536
CONNECT_S: Final = 5.0
# Role frame first: the content of every server under test starts with the second.
FIRST_CONTENT: Final = 2
SEED: Final = 20_260


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to ask of which server.

    Args:
        port: of a server on 127.0.0.1, which is process `pid`.
        streams: how many at once, each on a connection of its own.
        frames: how many a whole answer has; a whole answer is asked for again.
        first_ms: when the first content is due, counted from the request; None where
            nothing is paced and only frames are counted.
        first_frame: the number of the frame that has the first content.
        requests: what streams ask, in turn; none for a chat completion.
        bystanders: processes that work for this measurement and are no strangers.
        spread_s: starts are spread over so long, evenly at random (seeded).
        settle_s: time between the last start and the first measured moment.
        window_s: how long is measured.
    """

    port: int
    pid: int
    streams: int
    frames: int
    first_ms: float | None
    spread_s: float
    settle_s: float
    window_s: float
    first_frame: int = FIRST_CONTENT
    requests: Sequence[str] = ()
    bystanders: Sequence[int] = ()


@dataclass(slots=True)
class _Stream:
    socket: socket.socket
    request: bytes
    counter: FrameCounter = field(default_factory=FrameCounter)
    frames: int = 0
    has_head: bool = False
    asked_at: float = 0.0
    first_at: float | None = None
    times: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Instant:
    """Running totals; two of them make a figure."""

    at: float
    frames: int
    received: int
    server_s: float
    client_s: float
    bystanders_s: float
    busy_s: float


def request_to(port: int) -> bytes:
    """Encode the request that every server gets; it fits into one segment."""
    return (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n"
        "authorization: Bearer any\r\ncontent-type: application/json\r\n"
        f"content-length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY


class Client:
    """One order, carried out once."""

    def __init__(self, order: Order) -> None:
        """Take the order; nothing happens before `run`."""
        self._order = order
        given = [request.encode() for request in order.requests]
        self._requests = itertools.cycle(given or [request_to(order.port)])
        self._poll = select.epoll()
        self._streams: dict[int, _Stream] = {}
        # Who starts when, the next one last.
        self._starts: list[tuple[float, _Stream]] = []
        self._frames = 0
        self._received = 0
        self._canary_due = 0.0
        self._lags: list[float] = []

    def run(self) -> dict[str, float]:
        """Return the figures, units in their names; `cpu` in % of one core.

        Raises:
            RuntimeError: the server does not answer as it should.
            OSError: the server is not there.
        """
        order = self._order
        try:
            self._connect()
            began = self._canary_due = perf_counter()
            self._plan_starts(began)
            self._pump(began + order.spread_s + order.settle_s)
            self._lags.clear()
            before = self._instant()
            self._pump(before.at + order.window_s)
            after = self._instant()
        finally:
            for stream in self._streams.values():
                stream.socket.close()
            self._poll.close()
        figures = self._rates(before, after)
        if order.first_ms is not None:
            figures |= self._gaps(before.at, after.at)
            figures |= self._first_contents(order.first_ms, after.at)
        return figures

    def _connect(self) -> None:
        for _ in range(self._order.streams):
            address = ("127.0.0.1", self._order.port)
            connection = socket.create_connection(address, CONNECT_S)
            connection.settimeout(0)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._streams[connection.fileno()] = _Stream(
                connection, next(self._requests)
            )
            self._poll.register(connection, select.EPOLLIN)

    def _plan_starts(self, began: float) -> None:
        rng = random.Random(SEED)
        at = [began + rng.uniform(0, self._order.spread_s) for _ in self._streams]
        self._starts = list(
            zip(sorted(at, reverse=True), self._streams.values(), strict=True)
        )

    def _pump(self, until: float) -> None:
        """Read whatever comes, and start what is due, until a moment."""
        while (now := perf_counter()) < until:
            while self._starts and self._starts[-1][0] <= now:
                self._ask(self._starts.pop()[1])
            # One for each that was due: a pause of 50 ms is not one late look of many.
            while self._canary_due <= now:
                self._lags.append(now - self._canary_due)
                self._canary_due += CANARY_S
            due = min(until, self._canary_due)
            if self._starts:
                due = min(due, self._starts[-1][0])
            for descriptor, _ in self._poll.poll(max(0.0, due - perf_counter())):
                self._read(self._streams[descriptor])
        self._lags.append(perf_counter() - until)

    def _ask(self, stream: _Stream) -> None:
        stream.frames = 0
        stream.has_head = False
        stream.asked_at = perf_counter()
        stream.socket.sendall(stream.request)

    def _read(self, stream: _Stream) -> None:
        data = stream.socket.recv(READ_BYTES)
        now = perf_counter()
        if not data:
            raise RuntimeError("expected an open connection, got its end")
        if not stream.has_head:
            if not data.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"expected a 200, got {data[:200]!r}")
            stream.has_head = True
        count = stream.counter.feed(data)
        stream.frames += count
        self._frames += count
        self._received += len(data)
        first_frame = self._order.first_frame
        if self._order.first_ms is not None:
            stream.times += [now] * count
            if stream.first_at is None and stream.frames >= first_frame:
                stream.first_at = now
        if stream.counter.is_at_end:
            self._take_end(stream)

    def _take_end(self, stream: _Stream) -> None:
        if stream.frames != self._order.frames:
            raise RuntimeError(
                f"expected {self._order.frames} frames in an answer, "
                f"got {stream.frames}"
            )
        if self._order.first_ms is not None:
            raise RuntimeError("expected a paced stream to outlast the window")
        self._ask(stream)

    def _instant(self) -> _Instant:
        return _Instant(
            at=perf_counter(),
            frames=self._frames,
            received=self._received,
            server_s=cpu_s(self._order.pid),
            client_s=time.process_time(),
            bystanders_s=sum(map(cpu_s, self._order.bystanders)),
            busy_s=busy_s(),
        )

    def _rates(self, before: _Instant, after: _Instant) -> dict[str, float]:
        seconds = after.at - before.at
        server = after.server_s - before.server_s
        client = after.client_s - before.client_s
        bystanders = after.bystanders_s - before.bystanders_s
        foreign = after.busy_s - before.busy_s - server - client - bystanders
        frames = after.frames - before.frames
        return {
            "frames_per_s": frames / seconds,
            "frames_per_s_and_stream": frames / seconds / self._order.streams,
            "mb_per_s": (after.received - before.received) / seconds / 1e6,
            "server_cpu": server / seconds * 100,
            "client_cpu": client / seconds * 100,
            "bystander_cpu": bystanders / seconds * 100,
            "foreign_cpu": max(0.0, foreign) / seconds * 100,
            "server_peak_mib": peak_mib(self._order.pid),
            "client_lag_p99_ms": percentile(self._lags, 99) * 1000,
        }

    def _gaps(self, begin: float, end: float) -> dict[str, float]:
        times = (stream.times for stream in self._streams.values())
        gaps = gaps_s(times, begin, end)
        return {
            "gap_p50_ms": percentile(gaps, 50) * 1000,
            "gap_p99_ms": percentile(gaps, 99) * 1000,
            "gap_max_ms": max(gaps) * 1000,
        }

    def _first_contents(self, due_ms: float, end: float) -> dict[str, float]:
        """Measure how late first content came; silence counts as long as it lasted."""
        late = [
            ((stream.first_at or end) - stream.asked_at) * 1000 - due_ms
            for stream in self._streams.values()
        ]
        silent = [s for s in self._streams.values() if s.first_at is None]
        return {
            "first_late_p50_ms": percentile(late, 50),
            "first_late_p99_ms": percentile(late, 99),
            "streams_silent": len(silent),
        }


def main() -> None:
    """Carry out the order on stdin."""
    gc.disable()  # a collection of many streams is a pause that the server has not
    order = Order(**json.load(sys.stdin))
    json.dump(Client(order).run(), sys.stdout)


if __name__ == "__main__":
    main()
