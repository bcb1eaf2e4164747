"""Hundreds of short calls that end in every way leave nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
from typing import TYPE_CHECKING, cast

import pytest
from tests.fakes.providers.wires import WIRES
from tests.fakes.raw_client import RawClient

if TYPE_CHECKING:
    from tests.fakes.raw_client import How

    from streamproof.fakes import Server

CALLS = 400
SIDE_BY_SIDE = 20
ENDINGS = (
    "",
    "[[fake:fail status=500]]",
    "[[fake:error after=3]]",
    "[[fake:drop after=3 how=fin]]",
    "[[fake:drop after=3 how=rst]]",
    "[[fake:truncate after=3]]",
    "[[fake:stall after=3]]",
    "[[fake:hold at=headers call={key}]]",
    "[[fake:hold at=end call={key}]]",
    "[[fake:delay first=1 each=1]]",
)


async def call_and_leave(server: Server, dice: random.Random, number: int) -> None:
    """Make one call and leave somewhere in the first bytes of its answer."""
    ending = dice.choice(ENDINGS).format(key=f"k{number}")
    tokens = dice.randrange(3, 40)
    prompt = (
        f"[[fake:think]] [[fake:say tokens={tokens}]] [[fake:tool name=f]] {ending}"
    )
    wire = dice.choice(WIRES)
    with await RawClient.connect(server.url) as client:
        await client.send(wire.post(prompt, stream=dice.random() < 0.8))
        if "hold" not in ending and dice.random() < 0.7:
            # How far it got does not matter: it leaves now.
            with contextlib.suppress(AssertionError, TimeoutError, OSError):
                async with asyncio.timeout(0.02):
                    await client.read_until(b"data", count=2)
        client.leave(cast("How", dice.choice(["fin", "rst"])))


async def ask_after_all_others(server: Server) -> None:
    """Return once every connection that was made before has been accepted.

    The kernel hands out waiting connections in the order in which they came: the last
    one that is answered was the last accepted. An earlier look would miss some.
    """
    with await RawClient.connect(server.url) as last:
        await last.send(b"GET /_fakes/health HTTP/1.1\r\nhost: fakes\r\n\r\n")
        await last.read_until(b'"clock"')


@pytest.mark.slow
async def test_calls_that_end_in_every_way_leave_nothing_behind(
    server: Server,
) -> None:
    dice = random.Random(20)
    tasks = len(asyncio.all_tasks())
    for first in range(0, CALLS, SIDE_BY_SIDE):
        await asyncio.gather(
            *(
                call_and_leave(server, dice, number)
                for number in range(first, first + SIDE_BY_SIDE)
            )
        )
    await ask_after_all_others(server)
    ours = [connection.closed for connection in server._connections]
    async with asyncio.timeout(5):
        await asyncio.gather(*ours)
    gc.collect()

    assert server.open_connections == 0
    assert all(call.outcome is not None for call in server.journal.calls())
    assert len(asyncio.all_tasks()) == tasks
    assert server.journal._watches == {}
    assert {call.outcome for call in server.journal.calls()} >= {
        "completed",
        "faulted",
        "cancelled_before_headers",
    }
    assert all(
        call.as_json()["tokens"]["after_peer_gone"] == 0  # type: ignore[index]  # JSON
        for call in server.journal.calls()
    )
