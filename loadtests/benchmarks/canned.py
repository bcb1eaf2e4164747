"""The least a server can do: the baseline that tells what client and kernel can take.

`python -m streamproof.loadtests.benchmarks.canned PORT TOKENS FIRST_MS EACH_MS` answers
whatever it is asked with the same ready-made frames, all at once or on the same
schedule as the servers under test. No HTTP is read (one read is one request),
nothing is encoded, and nothing is recorded.
"""

from __future__ import annotations

import heapq
import json
import select
import socket
import sys
from collections.abc import Sequence
from time import perf_counter
from typing import Final

__all__ = ["Baseline", "main", "response"]

HEAD: Final = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
    b"transfer-encoding: chunked\r\n\r\n"
)
BACKLOG: Final = 4096
READ_BYTES: Final = 65_536
BROKEN: Final = select.EPOLLERR | select.EPOLLHUP


def response(tokens: int) -> list[bytes]:
    """Return what is sent at each moment: head and role frame, a token each, the end.

    The frames are as long as those of `fakes`.
    """
    words = [_chunk({"content": "tick "}) for _ in range(tokens)]
    end = _chunk({}) + _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"
    return [
        HEAD + _chunk({"role": "assistant", "content": ""}),
        *words[:-1],
        words[-1] + end,
    ]


def _chunk(delta: dict[str, str]) -> bytes:
    chunk = {
        "id": "chatcmpl-" + "x" * 29,
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "gpt-4o-mini",
        "service_tier": "default",
        "system_fingerprint": "fp_0000000000",
        "choices": [
            {"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}
        ],
        "obfuscation": "x" * 11,
    }
    return _framed(b"data: %b\n\n" % json.dumps(chunk, separators=(",", ":")).encode())


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Baseline:
    """Serves the same response to everybody, until it is killed."""

    def __init__(self, *, tokens: int, first_ms: float, each_ms: float) -> None:
        """Make the response; listen with `listen`."""
        self._moments = response(tokens)
        self._whole = b"".join(self._moments)
        self._first_s = first_ms / 1000
        self._each_s = each_ms / 1000
        self._poll = select.epoll()
        self._listener = socket.socket()
        self._peers: dict[int, socket.socket] = {}
        self._unsent: dict[int, memoryview] = {}
        # When, to whom, and which moment: the order of a heap.
        self._due: list[tuple[float, int, int]] = []

    def listen(self, port: int) -> int:
        """Take a port of the loopback address, 0 for a free one; return it."""
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.listen(BACKLOG)
        self._poll.register(self._listener, select.EPOLLIN)
        return int(self._listener.getsockname()[1])

    def run(self) -> None:
        """Serve for ever."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Wait until something may be done, and do it."""
        wait = max(0.0, self._due[0][0] - perf_counter()) if self._due else -1
        for descriptor, event in self._poll.poll(wait):
            if descriptor == self._listener.fileno():
                self._accept()
            elif event & select.EPOLLOUT and not event & BROKEN:
                self._send_rest(descriptor)
            else:
                self._take(descriptor)
        now = perf_counter()
        while self._due and self._due[0][0] <= now:
            self._tick(*heapq.heappop(self._due))

    def close(self) -> None:
        """Close every socket."""
        for peer in self._peers.values():
            peer.close()
        self._listener.close()
        self._poll.close()

    def _accept(self) -> None:
        peer, _ = self._listener.accept()
        peer.settimeout(0)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._peers[peer.fileno()] = peer
        self._poll.register(peer, select.EPOLLIN)

    def _take(self, descriptor: int) -> None:
        try:
            asked = self._peers[descriptor].recv(READ_BYTES)
        except ConnectionResetError:
            asked = b""
        if not asked:
            self._leave(descriptor)
        elif self._each_s:
            self._send(descriptor, self._moments[0])
            heapq.heappush(self._due, (perf_counter() + self._first_s, descriptor, 1))
        else:
            self._send(descriptor, self._whole)

    def _tick(self, due: float, descriptor: int, moment: int) -> None:
        self._send(descriptor, self._moments[moment])
        if moment + 1 < len(self._moments):
            heapq.heappush(self._due, (due + self._each_s, descriptor, moment + 1))

    def _send(self, descriptor: int, data: bytes) -> None:
        # Nothing waits before it: a flood's next request comes when all was read, and
        # paced frames fill no socket.
        sent = self._try_send(descriptor, data)
        if sent < len(data):
            self._unsent[descriptor] = memoryview(data)[sent:]
            self._poll.modify(descriptor, select.EPOLLOUT)

    def _send_rest(self, descriptor: int) -> None:
        unsent = self._unsent[descriptor]
        sent = self._try_send(descriptor, unsent)
        self._unsent[descriptor] = unsent[sent:]
        if sent == len(unsent):
            self._poll.modify(descriptor, select.EPOLLIN)

    def _try_send(self, descriptor: int, data: bytes | memoryview) -> int:
        try:
            return self._peers[descriptor].send(data)
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            # A peer that is gone is noticed by reading.
            return 0

    def _leave(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)
        self._peers.pop(descriptor).close()
        # The next peer may get the same descriptor.
        self._due = [moment for moment in self._due if moment[1] != descriptor]
        heapq.heapify(self._due)


def main(arguments: Sequence[str]) -> None:
    """Listen and serve until killed."""
    port, tokens, first_ms, each_ms = arguments
    baseline = Baseline(
        tokens=int(tokens), first_ms=float(first_ms), each_ms=float(each_ms)
    )
    baseline.listen(int(port))
    baseline.run()


if __name__ == "__main__":
    main(sys.argv[1:])
