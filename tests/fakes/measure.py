"""Figures, not verdicts: `python -m tests.fakes.measure`.

Starts the fakes in a process of their own and prints how soon a client's close is
in the journal (per phase, FIN and RST), and how many unpaced frames leave per second.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from itertools import count
from statistics import quantiles
from typing import Final

from tests.fakes.raw_client import ControlClient, How, RawClient, chat_request

CLOSES: Final = 100
FRAMES: Final = 50_000
PHASES: Final = {
    "before headers": ("[[fake:hold at=headers call={key}]]", b"", 0),
    "before first token": ("[[fake:stall after=0 call={key}]]", b'"delta"', 1),
    "mid-stream, silent": ("[[fake:stall after=3 call={key}]]", b'"delta"', 4),
    "mid-stream, 1 ms pace": (
        "[[fake:say tokens=100000 call={key}]] [[fake:delay each=1]]",
        b'"delta"',
        4,
    ),
    "whole answer": ("[[fake:stall after=3 call={key}]]", b"", 0),
}
_numbers = count()


async def close_latency_ms(
    url: str, control: ControlClient, phase: str, how: How
) -> tuple[float, int]:
    """Return the time from close to `peer_gone`, and the tokens made after it."""
    prompt, marker, frames = PHASES[phase]
    key = f"k{next(_numbers)}"
    request = chat_request(prompt.format(key=key), stream=phase != "whole answer")
    with await RawClient.connect(url) as client:
        await client.send(request)
        await control.wait(key, "accepted")
        if marker:
            await client.read_until(marker, count=frames)
        closed_at = time.monotonic()
        client.leave(how)
        call = await control.wait(key, "peer_gone")
    gone_at = next(e["at"] for e in call["events"] if e["name"] == "peer_gone")
    return (gone_at - closed_at) * 1000, call["tokens"]["after_peer_gone"]


async def frames_per_s(url: str) -> float:
    with await RawClient.connect(url) as client:
        started = time.perf_counter()
        await client.send(
            chat_request(f"[[fake:say tokens={FRAMES}]]").replace(
                b"content-type", b"connection: close\r\ncontent-type"
            )
        )
        await client.drain()
        return FRAMES / (time.perf_counter() - started)


async def measure(url: str) -> None:
    control = ControlClient(url)
    for phase in PHASES:
        for how in ("fin", "rst"):
            samples = [
                await close_latency_ms(url, control, phase, how) for _ in range(CLOSES)
            ]
            cuts = quantiles([sample[0] for sample in samples], n=100)
            wasted = sum(sample[1] for sample in samples)
            show(
                f"{phase:22} {how}  p50 {cuts[49]:.3f} ms  p99 {cuts[98]:.3f} ms  "
                f"max {max(samples)[0]:.3f} ms  tokens after: {wasted}"
            )
    rates = sorted([await frames_per_s(url) for _ in range(5)])
    show(f"unpaced: {rates[2]:,.0f} frames/s (median of 5, {FRAMES} each)")
    await control.close()


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> None:
    command = [sys.executable, "-m", "streamproof.fakes", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as fakes:
        try:
            assert fakes.stdout is not None
            url = fakes.stdout.readline().removeprefix("listening on ").strip()
            asyncio.run(measure(url))
        finally:
            fakes.terminate()


if __name__ == "__main__":
    main()
