"""The cancel matrix: every provider, in every phase, left in every way.

A gate holds the call in its phase, so that nothing depends on how fast anything is.
It is opened after the client left: whatever it kept from being said stays unsaid.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import RawClient, names

from streamproof.loadtests.benchmarks.callers import (
    PHASES,
    PROVIDERS,
    Phase,
    Provider,
    chunks_in,
)
from streamproof.loadtests.benchmarks.sdks import SDKS, Sightings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.raw_client import ControlClient, How, Json

    from streamproof.fakes import Server
    from streamproof.loadtests.benchmarks.sdks import Sdk

providers = pytest.mark.parametrize(
    "provider", PROVIDERS, ids=lambda provider: provider.name
)
phases = pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)


@providers
@phases
@pytest.mark.parametrize("how", ["fin", "rst"])
async def test_closing_the_connection_is_seen_for_what_it_is(
    provider: Provider,
    phase: Phase,
    how: How,
    server: Server,
    control: ControlClient,
) -> None:
    with await RawClient.connect(server.url) as client:
        await client.send(provider.request(phase.prompt("k"), stream=phase.stream))
        await control.wait("k", "held")
        # All that was sent must be read, or the kernel makes a RST of the FIN.
        sent = phase.chunks(provider)
        await client.read_while(lambda received: chunks_in(received) < sent)
        client.leave(how)
        call = await control.wait("k", "ended")

    check(call, provider, phase, how)
    await check_no_sequel(call, control)


@providers
@phases
async def test_cancelling_the_task_in_the_real_sdk_is_seen_for_what_it_is(
    provider: Provider, phase: Phase, server: Server, control: ControlClient
) -> None:
    seen, prompt = Sightings(), phase.prompt("k")
    async with open_sdk(provider, server.url) as sdk, asyncio.TaskGroup() as group:
        reading = group.create_task(
            sdk.read(prompt, seen.told) if phase.stream else sdk.read_whole(prompt)
        )
        await control.wait("k", "held")
        if phase.sees is not None:
            await seen.wait(*phase.sees)
        if leaves_by_itself(provider, phase):
            await reading
        else:
            reading.cancel()
        call = await control.wait("k", "ended")

    assert reading.cancelled() != leaves_by_itself(provider, phase)
    # Every SDK reads on at once, so nothing was unread and its close is a FIN.
    check(call, provider, phase, "fin")
    await check_no_sequel(call, control)


def leaves_by_itself(provider: Provider, phase: Phase) -> bool:
    """Tell where no task is left to cancel.

    At `[DONE]` the SDK of `openai_chat` gives the body 0.1 s to end
    (openai/_streaming_cleanup.py), then closes the connection. Every other SDK waits
    for the end of the body, in every phase.
    """
    return (provider.name, phase.name) == ("openai_chat", "after the terminal")


@asynccontextmanager
async def open_sdk(provider: Provider, url: str) -> AsyncIterator[Sdk]:
    """Close the SDK only once the call has ended: cancelling alone must do it."""
    sdk = SDKS[provider.name](url)
    try:
        yield sdk
    finally:
        await sdk.close()


def check(call: Json, provider: Provider, phase: Phase, how: How) -> None:
    assert (call["provider"], call["stream"]) == (provider.name, phase.stream)
    assert (call["outcome"], call["peer"]) == (phase.outcome, how)
    assert call["tokens"] == {
        "generated": phase.generated,
        "sent": phase.sent,
        "after_peer_gone": 0,
    }
    assert names(call)[-2:] == ["peer_gone", "ended"]


async def check_no_sequel(call: Json, control: ControlClient) -> None:
    """Open the gate that held the call: nothing may come of it, no further call."""
    assert await control.release("k") == 0
    assert await control.calls("k") == [call]
    assert len(await control.calls()) == 1
