"""Is the stream limit exact under a burst? `--rounds` bursts of `--burst` requests.

In every round one new user starts all streams at once; the model holds each before
its first token, so none can end by itself. Then all are released, and as many again
as the limit allows must be accepted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections import Counter

import httpx

from .cancel import ENDPOINT
from .stack import Stack, running

LIMIT = 3


async def round_of(
    client: httpx.AsyncClient, stack: Stack, number: int, burst: int
) -> tuple[Counter[int], Counter[int], float]:
    """Return the statuses of the burst, of the next starts, and the burst's seconds."""
    user = stack.bearer(f"limits-{number}")
    async with contextlib.AsyncExitStack() as open_streams:

        async def start(name: str) -> httpx.Response:
            prompt = f"[[fake:hold at=token after=0 turn=1 call={name}]]"
            return await open_streams.enter_async_context(
                client.stream(
                    "POST",
                    stack.server + ENDPOINT,
                    json={"prompt": prompt + " [[fake:say tokens=1]]"},
                    headers=user,
                )
            )

        began = time.monotonic()
        names = [f"limits-{number}-{each}" for each in range(burst)]
        first = await asyncio.gather(*(start(name) for name in names))
        seconds = time.monotonic() - began
        for name in names:
            await client.post(f"{stack.fakes}/_fakes/gates/{name}/release", json={})
        for response in first:
            await response.aread()
        again_names = [f"limits-{number}-again-{each}" for each in range(LIMIT)]
        again = await asyncio.gather(*(start(name) for name in again_names))
        for name in again_names:
            await client.post(f"{stack.fakes}/_fakes/gates/{name}/release", json={})
        for response in again:
            await response.aread()
    return (
        Counter(response.status_code for response in first),
        Counter(response.status_code for response in again),
        seconds,
    )


async def measure(stack: Stack, rounds: int, burst: int) -> bool:
    """Run all rounds, print a line for each; tell whether every one was exact."""
    limits = httpx.Limits(max_connections=None)
    exact = True
    async with httpx.AsyncClient(timeout=60, limits=limits) as client:
        for number in range(rounds):
            first, again, seconds = await round_of(client, stack, number, burst)
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
