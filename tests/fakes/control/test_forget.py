"""Forgetting a key, so that a second run with the same keys finds its turns fresh."""

from __future__ import annotations

import httpx
import pytest

from streamproof.fakes import Client
from streamproof.fakes.inprocess import InProcess

FAILS_FIRST = "[[fake:fail status=429 turn=1 call=k]] [[fake:say text=fine]]"


async def status_of(client: httpx.AsyncClient, prompt: str) -> int:
    body = {"model": "m", "prompt": prompt, "stream": False}
    return (await client.post("/api/generate", json=body)).status_code


@pytest.mark.parametrize("runs", [2, 3])
async def test_a_second_run_with_the_same_keys_goes_as_the_first(runs: int) -> None:
    fakes = InProcess()
    async with httpx.AsyncClient(
        transport=fakes.transport(), base_url="http://fakes"
    ) as client:
        told = []
        for _ in range(runs):
            await client.delete("/_fakes/calls/k")
            told.append([await status_of(client, FAILS_FIRST) for _ in range(3)])
        stale = await status_of(client, FAILS_FIRST)

    assert told == [[429, 200, 200]] * runs
    # Without forgetting, the turn that fails was counted already.
    assert stale == 200


def test_gates_that_were_opened_for_a_key_are_closed_again() -> None:
    fakes = InProcess()
    prompt = "[[fake:hold at=headers call=k]]"
    body = {"model": "m", "prompt": prompt, "stream": False}
    with (
        Client("http://fakes", transport=fakes.transport()) as control,
        httpx.Client(
            transport=fakes.transport(), base_url="http://fakes", timeout=1
        ) as client,
    ):
        control.release("k")
        passed = client.post("/api/generate", json=body).status_code
        forgotten = control.forget("k")
        with pytest.raises(httpx.ReadTimeout):
            client.post("/api/generate", json=body)
        (held,) = control.calls("k")

    assert (passed, forgotten) == (200, 1)
    assert (held.turn, held.outcome) == (1, "cancelled_before_headers")


def test_a_key_whose_call_still_runs_is_forgotten_all_the_same() -> None:
    fakes = InProcess()
    with (
        Client("http://fakes", transport=fakes.transport()) as control,
        httpx.Client(transport=fakes.transport(), base_url="http://fakes") as client,
    ):
        prompt = "[[fake:stall after=1 call=k]]"
        body = {"model": "m", "prompt": prompt}
        request = client.build_request("POST", "/api/generate", json=body)
        running = client.send(request, stream=True)
        forgotten = control.forget("k")
        again = client.send(request, stream=True)
        (call,) = control.calls("k")
        running.close()
        again.close()

    assert (forgotten, call.turn) == (1, 1)
