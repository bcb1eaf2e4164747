"""Is the stream limit exact under a burst? `--rounds` bursts of `--burst` requests.

In every round one new user starts all streams at once; the model holds each before
its first token, so none can end by itself. Then all are released, and as many again
as the limit allows must be accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

import httpx

from .stack import Stack, running
from .stream_client import Stream

LIMIT = 3


async def round_of(
    control: httpx.AsyncClient, stack: Stack, number: int, burst: int
) -> tuple[Counter[int], Counter[int], float]:
    """Return the statuses of the burst, of the next starts, and the burst's seconds."""
    user = stack.bearer(f"limits-{number}")

    async def start(names: Sequence[str]) -> tuple[Counter[int], float]:
        """Ask on connections that are there already, and let all run to their end."""
        address = _address(stack.server)
        streams = [await Stream.connect(address) for _ in names]
        began = time.monotonic()
        for name, stream in zip(names, streams, strict=True):
            hold = f"[[fake:hold at=token after=0 turn=1 call={name}]]"
            stream.ask(user, document={"prompt": f"{hold} [[fake:say tokens=1]]"})
        await asyncio.gather(*(stream.read_head() for stream in streams))
        seconds = time.monotonic() - began
        for name in names:
            await control.post(f"{stack.fakes}/_fakes/gates/{name}/release", json={})
        for stream in streams:
            if stream.status == httpx.codes.OK:
                await stream.read_all()
            stream.close()
        return Counter(stream.status for stream in streams), seconds

    first, seconds = await start([f"limits-{number}-{each}" for each in range(burst)])
    again, _ = await start([f"limits-{number}-again-{each}" for each in range(LIMIT)])
    return first, again, seconds


def _address(url: str) -> tuple[str, int]:
    target = urlsplit(url)
    return target.hostname or "", target.port or 0


async def measure(stack: Stack, rounds: int, burst: int) -> bool:
    """Run all rounds, print a line for each; tell whether every one was exact."""
    exact = True
    async with httpx.AsyncClient(timeout=60) as control:
        for number in range(rounds):
            first, again, seconds = await round_of(control, stack, number, burst)
            right = first == Counter({200: LIMIT, 429: burst - LIMIT})
            right &= again == Counter({200: LIMIT})
            exact &= right
            print(
                f"burst {number + 1:2}: {first[200]} accepted, {first[429]} refused in "
                f"{seconds * 1000:.0f} ms; afterwards {again[200]} of {LIMIT} accepted"
                + ("" if right else f"   NOT EXACT: {dict(first)}, {dict(again)}")
            )
    return exact


def main() -> None:
    """Run the benchmark; exit 1 if any burst was not exact."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--burst", type=int, default=50)
    arguments = parser.parse_args()
    with running() as stack:
        exact = asyncio.run(measure(stack, arguments.rounds, arguments.burst))
    raise SystemExit(0 if exact else 1)


if __name__ == "__main__":
    main()
