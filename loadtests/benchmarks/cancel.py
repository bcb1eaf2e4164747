"""How long a cancelled stream keeps its model call: from decision to closed socket.

In each phase of a model call a stream is started and cancelled `--count` times. The
server tells when it decided (its observation endpoint), the fake provider when its
socket saw the close (its journal); both read CLOCK_MONOTONIC of the same host. The
baseline in the same run is a bare HTTP client that closes its connection to the fake:
what the operating system and the fake themselves take.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from .figures import percentile
from .journal import moment_of, reached
from .stack import Stack, running

PHASES = {
    "before headers": "[[fake:hold at=headers call={key}]]",
    "before first token": "[[fake:stall after=0 call={key}]]",
    "mid-stream": "[[fake:say tokens=8 call={key}]] [[fake:stall after=3 call={key}]]",
}
REACHED = {
    "before headers": "held",
    "before first token": "headers_sent",
    "mid-stream": "token:3",
}
ENDPOINT = "/api/generation/stream"


@dataclass(slots=True)
class Series:
    """What was measured in one phase, ms each."""

    phase: str
    server_ms: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)
    tokens_after: int = 0
    outcomes: set[str] = field(default_factory=set)


async def measure(stack: Stack, count: int) -> list[Series]:
    """Cancel `count` streams in each phase, one after another, and time each."""
    async with httpx.AsyncClient(timeout=30) as client:
        found = []
        for phase, directive in PHASES.items():
            series = Series(phase)
            for number in range(count):
                key = f"bench-{phase.replace(' ', '-')}-{number}"
                prompt = directive.format(key=key)
                await _cancel_through_server(client, stack, series, key, prompt)
                await _close_bare(client, stack, series, f"{key}-bare", prompt, key)
            found.append(series)
        return found


async def _cancel_through_server(
    client: httpx.AsyncClient, stack: Stack, series: Series, key: str, prompt: str
) -> None:
    user = stack.bearer(key)
    async with client.stream(
        "POST", stack.server + ENDPOINT, json={"prompt": prompt}, headers=user
    ) as stream:
        stream.raise_for_status()
        stream_id = stream.headers["X-Stream-Id"]
        await reached(client, stack.fakes, key, REACHED[series.phase])
        cancelled = await client.delete(
            f"{stack.server}{ENDPOINT}/{stream_id}", headers=user
        )
        cancelled.raise_for_status()
        call = await reached(client, stack.fakes, key, "ended")
        await stream.aread()
    answer = await client.get(stack.server + "/observe", headers=stack.observer)
    decided = next(
        entry["cancel"]["decided_at"]
        for entry in answer.json()["streams"]
        if entry["id"] == stream_id
    )
    series.server_ms.append((moment_of(call, "peer_gone") - decided) * 1000)
    series.tokens_after += call["tokens"]["after_peer_gone"]
    series.outcomes.add(call["outcome"])


async def _close_bare(
    client: httpx.AsyncClient,
    stack: Stack,
    series: Series,
    key: str,
    prompt: str,
    old_key: str,
) -> None:
    """Time a plain socket that is closed in the same phase."""
    address = urlsplit(stack.fakes)
    request = client.build_request(
        "POST",
        stack.fakes + "/v1/chat/completions",
        json={
            "model": "bare",
            "stream": True,
            "messages": [{"role": "user", "content": prompt.replace(old_key, key)}],
        },
        headers={"Authorization": "Bearer bare"},
    )
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((address.hostname, address.port)) as bare:
        bare.sendall(
            f"POST {request.url.path} HTTP/1.1\r\n{head}\r\n".encode() + request.read()
        )
        await reached(client, stack.fakes, key, REACHED[series.phase])
        closed = time.monotonic()
    call = await reached(client, stack.fakes, key, "ended")
    series.bare_ms.append((moment_of(call, "peer_gone") - closed) * 1000)


def table(found: list[Series]) -> Iterator[str]:
    """Yield the lines of the result table; times in ms."""
    yield (
        f"{'phase':20} {'n':>4} {'p50':>7} {'p99':>7} {'max':>7} "
        f"{'bare p50':>9} {'bare p99':>9} {'tokens after':>13}  outcomes"
    )
    for series in found:
        times, bare = series.server_ms, series.bare_ms
        yield (
            f"{series.phase:20} {len(times):4} {percentile(times, 50):7.2f} "
            f"{percentile(times, 99):7.2f} {max(times):7.2f} "
            f"{percentile(bare, 50):9.2f} {percentile(bare, 99):9.2f} "
            f"{series.tokens_after:13}  {', '.join(sorted(series.outcomes))}"
        )


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    with running() as stack:
        found = asyncio.run(measure(stack, arguments.count))
    print("time from the server's decision to the fake seeing the close, ms")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
