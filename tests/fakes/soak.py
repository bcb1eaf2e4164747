"""Thousands of calls that end in every way, and the judge of what they leave behind."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fakes.raw_client import RawClient, is_whole

from streamproof.loadtests.benchmarks.callers import PROVIDERS, Provider

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator, Iterable, Iterator

    from tests.fakes.raw_client import How, Json

SERVER = Path(__file__).with_name("soaked_server.py")
SIDE_BY_SIDE = 64
# Never waited for in full, unless something is broken.
DEADLINE_S = 60
SETTLE_S = 10
# What a process may hold more than before, though nothing leaks. Objects: caches that
# fill, calls on record that say more (up to 400 were measured). Memory: the allocator
# takes a MiB at a time and does not always give it back (up to 0.8 MiB were measured).
TOLERANCE_BLOCKS = 1000
TOLERANCE_KIB = 2048
# Few, and used over and over: gates of up to 10 000 keys are kept, and would pass for a
# leak until there are that many.
KEYS = 100

# Three tokens are always said.
ENDINGS = (
    "",
    "[[fake:fail status=500]]",
    "[[fake:fail status=429 retry_after=1]]",
    "[[fake:page status=200 type=text/html text=no]]",
    "[[fake:error after=3]]",
    "[[fake:drop after=3 how=fin]]",
    "[[fake:drop after=3 how=rst]]",
    "[[fake:drop after=2 bytes=9 how=half_close]]",
    "[[fake:truncate after=3]]",
    "[[fake:truncate after=2 bytes=9]]",
    "[[fake:garble at=2 how=bad_json]]",
    "[[fake:omit what=terminator]]",
    "[[fake:stall after=3 ms=5]]",
    "[[fake:stall after=3 ms=5]] [[fake:keepalive each=1]]",
    "[[fake:delay first=1 each=1]]",
    "[[fake:delay first=1 each=1]] [[fake:linger ms=5 call={lingering}]]",
    "[[fake:delay each=1]] [[fake:queue slots=4]]",
    "[[fake:quota requests=1 window=100]]",
    "[[fake:wire split=7]] [[fake:drip bytes=200 each=1]]",
    "[[fake:wire coalesce=4 framing=close]]",
)
# A client of these has to leave; with how many bytes received at the most.
DEAD_ENDS = {
    "[[fake:hold at=headers call={key}]]": 0,
    "[[fake:delay first=3600000]]": 100,
    "[[fake:stall after=3]]": 400,
    "[[fake:stall after=3 ms=3600000]] [[fake:keepalive each=3600000]]": 400,
    "[[fake:hold at=token after=3 call={key}]]": 400,
    "[[fake:hold at=body_end call={key}]]": 400,
    "[[fake:stall after=3]] [[fake:drip bytes=100 each=1]]": 400,
    "[[fake:stall after=3]] [[fake:linger call={lingering}]]": 400,
}
LINGERING = "lingering"
CANCELS = frozenset(
    {
        "cancelled_before_headers",
        "cancelled_before_first_token",
        "cancelled_midstream",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One connection, whose last call, or part of a call, ends somehow.

    Args:
        calls_before: plain calls that are read to their end first.
        is_broken_off: leave in the middle of the request, so that there is no call.
        reads: leave once so many bytes have arrived, or the answer has ended; None
            reads to the end.
    """

    provider: Provider
    prompt: str
    stream: bool
    keep_alive: bool
    calls_before: int
    is_broken_off: bool
    reads: int | None
    how: How

    @property
    def calls(self) -> int:
        """How many calls the server has to take."""
        return self.calls_before + (not self.is_broken_off)

    async def make(self, url: str) -> None:
        """Connect, ask, read as far as planned, leave."""
        plain = self.provider.request("hi", stream=self.stream)
        request = self.provider.request(
            self.prompt, stream=self.stream, keep_alive=self.keep_alive
        )
        with await RawClient.connect(url) as client:
            for _ in range(self.calls_before):
                await client.send(plain)
                await client.read_while(lambda received: not is_whole(received))
                client.received = b""
            if self.is_broken_off:
                await client.send(request[: len(request) // 2])
            else:
                await client.send(request)
                # The end may be a scripted reset.
                with suppress(ConnectionResetError):
                    await client.read_until_end_or(self._has_enough)
            client.leave(self.how)

    def _has_enough(self, received: bytes) -> bool:
        is_far = self.reads is not None and len(received) >= self.reads
        return is_far or is_whole(received)


def visits(
    dice: random.Random, count: int, *, dead_end: str | None = None
) -> Iterator[Visit]:
    """Yield seeded visits with that many calls in all, of one dead end or of all."""
    calls = 0
    while calls < count:
        stream = dice.random() < 0.7
        provider = dice.choice(PROVIDERS)
        leaves = dead_end is not None or dice.random() < 0.5
        endings = (*ENDINGS, *DEAD_ENDS) if leaves else ENDINGS
        ending = dead_end or dice.choice(endings)
        most = DEAD_ENDS.get(ending, 4000) if stream else 0
        keep_alive = dice.random() < 0.5
        before = dice.choice((0, 0, 1, 2)) if keep_alive else 0
        key = f"k{calls % KEYS}"
        visit = Visit(
            provider=provider,
            prompt=(
                f"[[fake:think tokens=2]] [[fake:say tokens={dice.randrange(3, 30)}]] "
                f"[[fake:tool name=f]] {ending.format(key=key, lingering=LINGERING)}"
            ),
            stream=stream,
            keep_alive=keep_alive,
            calls_before=min(before, count - calls - 1),
            is_broken_off=dice.random() < 0.02,
            reads=dice.randint(0, most) if leaves else None,
            how=dice.choice(("fin", "rst")),
        )
        calls += visit.calls
        yield visit


async def make_visits(url: str, planned: Iterable[Visit]) -> None:
    """Make them all, `SIDE_BY_SIDE` at a time."""
    waiting = iter(planned)

    async def work() -> None:
        for visit in waiting:
            await visit.make(url)

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        for _ in range(SIDE_BY_SIDE):
            group.create_task(work())


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a server holds while no client calls it.

    Args:
        running: calls on record that have no outcome.
        errors: what the server's event loop had to report.
        blocks: pieces of memory that hold objects, garbage collected.
        resident_kib: memory of the process.
    """

    connections: int
    tasks: int
    descriptors: int
    watches: int
    calls: int
    running: int
    errors: int
    blocks: int
    resident_kib: int


def judge(
    *, before: Footprint, middle: Footprint, after: Footprint, max_calls: int
) -> list[str]:
    """Say what was left behind; nothing, if all is well.

    `middle` is taken when the journal is full: from there on memory must not grow.
    """
    found = [
        f"expected {getattr(before, name)} {name} as before, got {getattr(after, name)}"
        for name in ("connections", "tasks", "descriptors", "watches", "errors")
        if getattr(after, name) != getattr(before, name)
    ]
    if after.running:
        found.append(
            f"expected every call to have an outcome, {after.running} have not"
        )
    if after.calls > max_calls:
        found.append(f"expected at most {max_calls} calls on record, got {after.calls}")
    for name, tolerance in (
        ("blocks", TOLERANCE_BLOCKS),
        ("resident_kib", TOLERANCE_KIB),
    ):
        growth = getattr(after, name) - getattr(middle, name)
        if growth > tolerance:
            found.append(
                f"expected {name} to grow by at most {tolerance}, got {growth}"
            )
    return found


def contradictions(call: Json) -> list[str]:
    """Say what in the record of a call does not fit together."""
    outcome = call["outcome"]
    has_left = outcome in CANCELS or outcome == "closed_after_terminal"
    facts = {
        "an outcome": outcome is not None,
        "a peer if it was left": (call["peer"] is not None) == has_left,
        "a fault if faulted": (call["fault"] is not None) == (outcome == "faulted"),
        "no token after its peer": call["tokens"]["after_peer_gone"] == 0
        or call["key"] == LINGERING,
    }
    return [
        f"expected {fact}, got {call}" for fact, is_so in facts.items() if not is_so
    ]


class SoakedServer:
    """The process under test, and what it says of itself."""

    def __init__(self, process: Process, url: str) -> None:
        self._process = process
        self.url = url

    async def settled(self, *, within_s: float = SETTLE_S) -> Footprint:
        """Return what is held once every connection and call has ended.

        What has not ended within the time is in the footprint.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + within_s
        footprint = await self.look()
        # Each look is a round trip through the server's event loop.
        while (footprint.connections or footprint.running) and clock() < deadline:
            footprint = await self.look()
        return footprint

    async def look(self) -> Footprint:
        self._process.send_signal(signal.SIGUSR1)
        held = json.loads(await _line(self._process))
        proc = Path(f"/proc/{self._process.pid}")
        status = (proc / "status").read_text()
        return Footprint(
            **held,
            descriptors=len(list((proc / "fd").iterdir())),
            resident_kib=int(status.partition("VmRSS:")[2].split()[0]),
        )


@asynccontextmanager
async def soaked_server(
    max_calls: int, leak: str | None = None
) -> AsyncIterator[SoakedServer]:
    """Run one, whole or with a leak, until the block ends."""
    arguments = [str(SERVER), str(max_calls), *([leak] if leak else [])]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield SoakedServer(process, json.loads(await _line(process))["url"])
    finally:
        process.kill()
        await process.wait()


async def _line(process: Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        return await process.stdout.readline()
