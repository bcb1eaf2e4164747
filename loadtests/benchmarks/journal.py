"""The fakes' journal as a benchmark reads it: wait for a call, look up a moment."""

from __future__ import annotations

from typing import Any

import httpx

__all__ = ["moment_of", "reached"]

WAIT_MS = 10_000


async def reached(
    client: httpx.AsyncClient, fakes: str, key: str, state: str
) -> dict[str, Any]:
    """Return the first call of the key once it has reached the state.

    Raises `RuntimeError` if it has not within `WAIT_MS`, or no longer can.
    """
    answer = await client.get(
        f"{fakes}/_fakes/calls/{key}/1/wait",
        params={"state": state, "timeout_ms": WAIT_MS},
    )
    body = answer.json()
    if not body["reached"]:
        raise RuntimeError(f"expected call {key} to reach {state}, got {body}")
    call: dict[str, Any] = body["call"]
    return call


def moment_of(call: dict[str, Any], name: str) -> float:
    """Return when an event first happened, seconds of the monotonic clock."""
    return next(float(e["at"]) for e in call["events"] if e["name"] == name)
