"""How soon the fakes see a client leave: from its decision to `peer_gone`.

Every provider is left in every phase and every way, `--count` times each: by FIN and
RST from a bare socket, and by cancelling the task that reads with the provider's own
SDK, which then has its own connection to tear down. Both ends read CLOCK_MONOTONIC of
the same host. The baseline in the same run is a process that does nothing but wait
for its peer to leave: what the operating system takes.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import httpx

from . import bare_peer
from .callers import PHASES, PROVIDERS, Phase, Provider, chunks_in
from .figures import percentile
from .journal import moment_of, reached
from .procfs import busy_s
from .sdks import SDKS, Sdk, Sightings
from .stack import process

GOAL_MS = 5.0
# Asking what became of a call takes this process half a millisecond, and where cores
# are few the fakes would have to wait for it: it keeps still until they have looked.
IDLE_S = 0.001
SDK = "sdk cancel"
WAYS = ("fin", "rst", SDK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """One client that left: where, how, and what became of it.

    Args:
        is_right: outcome and peer are what this leave should be on record as.
    """

    provider: str
    phase: str
    way: str
    seen_ms: float
    tokens_after: int
    is_right: bool


@dataclass(slots=True)
class Visitor:
    """Leaves the fakes again and again, never the same call."""

    fakes: str
    control: httpx.AsyncClient
    sdks: dict[str, Sdk]
    _number: int = field(default=0)

    async def leave(self, provider: Provider, phase: Phase, way: str) -> Leave:
        """Start a call, wait until it is held in its phase, and leave it."""
        self._number += 1
        key = f"bench-{self._number}"
        by_hand: dict[str, Literal["fin", "rst"]] = {"fin": "fin", "rst": "rst"}
        if way in by_hand:
            left_at = await self._close(provider, phase, by_hand[way], key)
        else:
            left_at = await self._cancel(provider, phase, key)
        await asyncio.sleep(IDLE_S)
        call = await reached(self.control, self.fakes, key, "ended")
        return Leave(
            provider=provider.name,
            phase=phase.name,
            way=way,
            seen_ms=(moment_of(call, "peer_gone") - left_at) * 1000,
            tokens_after=call["tokens"]["after_peer_gone"],
            is_right=(call["outcome"], call["peer"])
            == (phase.outcome, "rst" if way == "rst" else "fin"),
        )

    async def _close(
        self, provider: Provider, phase: Phase, how: Literal["fin", "rst"], key: str
    ) -> float:
        peer = socket.create_connection(_address(self.fakes))
        peer.sendall(provider.request(phase.prompt(key), stream=phase.stream))
        await reached(self.control, self.fakes, key, "held")
        received = b""
        # With bytes unread, a close is a reset whatever was meant.
        while chunks_in(received) < phase.chunks(provider):
            received += peer.recv(65536)
        return bare_peer.leave(peer, how)

    async def _cancel(self, provider: Provider, phase: Phase, key: str) -> float:
        sdk, seen, prompt = self.sdks[provider.name], Sightings(), phase.prompt(key)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(
                sdk.read(prompt, seen.told) if phase.stream else sdk.read_whole(prompt)
            )
            await reached(self.control, self.fakes, key, "held")
            if phase.sees is not None:
                await seen.wait(*phase.sees)
            left_at = time.monotonic()
            reading.cancel()
        return left_at


def cells() -> Iterator[tuple[Provider, Phase, str]]:
    """Yield what can be measured.

    Not the SDK of `openai_chat` after `[DONE]`: it leaves by itself, at a moment of
    its own.
    """
    for provider in PROVIDERS:
        for phase in PHASES:
            for way in WAYS:
                ends = phase.name == "after the terminal" and way == SDK
                if not (ends and provider.name == "openai_chat"):
                    yield provider, phase, way


async def measure(
    fakes: str, bare: str, count: int
) -> tuple[list[Leave], dict[str, list[float]]]:
    """Leave every cell `count` times; return that, and the baseline in ms per way."""
    async with AsyncExitStack() as stop:
        control = await stop.enter_async_context(httpx.AsyncClient(timeout=30))
        sdks = {name: make(fakes) for name, make in SDKS.items()}
        for sdk in sdks.values():
            stop.push_async_callback(sdk.close)
        visitor = Visitor(fakes, control, sdks)
        leaves: list[Leave] = []
        baseline: dict[str, list[float]] = {"fin": [], "rst": []}
        # Cell by cell in each round, so that a slow moment of the machine hits all.
        for _ in range(count):
            for provider, phase, way in cells():
                leaves.append(await visitor.leave(provider, phase, way))
            for _ in PROVIDERS:
                for how in ("fin", "rst"):
                    baseline[how].append(bare_peer.time_leaving_ms(_address(bare), how))
        return leaves, baseline


@contextmanager
def running() -> Iterator[tuple[str, str]]:
    """Start the fakes and the bare process; yield their URLs."""
    fakes = ["streamproof-fakes", "--port", "0"]
    bare = [Path(sys.executable).name, "-m", bare_peer.__name__]
    with process(fakes) as (fakes_url, _), process(bare) as (bare_url, _):
        yield fakes_url, bare_url


def _address(url: str) -> tuple[str, int]:
    target = urlsplit(url)
    return target.hostname or "", target.port or 0


def table(leaves: Sequence[Leave], baseline: dict[str, list[float]]) -> Iterator[str]:
    """Yield the lines of the result table; times in ms."""
    yield (
        f"{'left':22} {'how':10} {'n':>5} {'p50':>6} {'p99':>6} {'max':>6} "
        f"{'over goal':>9} {'wrong':>5} {'tokens after':>12}"
    )
    yield from _rows(leaves, attrgetter("provider"))
    yield from _rows(leaves, attrgetter("phase"))
    for way, times in baseline.items():
        yield _row("bare process", way, times)


def _rows(leaves: Sequence[Leave], of: Callable[[Leave], str]) -> Iterator[str]:
    for name in dict.fromkeys(map(of, leaves)):
        for way in WAYS:
            found = [leave for leave in leaves if (of(leave), leave.way) == (name, way)]
            wrong = sum(not leave.is_right for leave in found)
            after = sum(leave.tokens_after for leave in found)
            times = [leave.seen_ms for leave in found]
            yield f"{_row(name, way, times)} {wrong:5} {after:12}"


def _row(name: str, way: str, times: Sequence[float]) -> str:
    over = sum(time_ms > GOAL_MS for time_ms in times)
    return (
        f"{name:22} {way:10} {len(times):5} {percentile(times, 50):6.2f} "
        f"{percentile(times, 99):6.2f} {max(times):6.2f} {over:9}"
    )


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    # Or collecting what the SDKs have imported is timed, 0.2 s now and then.
    gc.freeze()
    started_at, busy, own = time.monotonic(), busy_s(), _own_cpu_s()
    with running() as (fakes, bare):
        leaves, baseline = asyncio.run(measure(fakes, bare, arguments.count))
    others = (busy_s() - busy) - (_own_cpu_s() - own)
    cores = others / (time.monotonic() - started_at)
    print("time from a client's decision to leave to `peer_gone` in the journal, ms;")
    print(f"goal: p99 of at most {GOAL_MS:g} ms; meanwhile other processes kept")
    print(f"{max(0.0, cores):.1f} of {os.cpu_count()} cores busy")
    print("\n".join(table(leaves, baseline)))


def _own_cpu_s() -> float:
    """Return what this process and those it started and saw end have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main()
