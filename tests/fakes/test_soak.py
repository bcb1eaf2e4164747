"""Ten thousand calls with every fault and every leave, and nothing is left behind.

The judge is judged first: footprints with one flaw each, and servers that leak.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from tests.fakes.raw_client import ControlClient
from tests.fakes.soak import (
    DEAD_ENDS,
    TOLERANCE_BLOCKS,
    TOLERANCE_KIB,
    Footprint,
    contradictions,
    judge,
    make_visits,
    soaked_server,
    visits,
)

ROUNDS = 10
ROUND = 1000  # calls; the journal is full after the first
FEW = 400
CLEAN = Footprint(
    connections=0,
    tasks=1,
    descriptors=7,
    watches=0,
    calls=ROUND,
    running=0,
    errors=0,
    blocks=200_000,
    resident_kib=40_000,
)
FLAWS = {
    "connections": {"connections": 1},
    "tasks": {"tasks": 2},
    "descriptors": {"descriptors": 8},
    "watches": {"watches": 1},
    "errors": {"errors": 1},
    "outcome": {"running": 1},
    "record": {"calls": ROUND + 1},
    "blocks": {"blocks": CLEAN.blocks + TOLERANCE_BLOCKS + 1},
    "resident_kib": {"resident_kib": CLEAN.resident_kib + TOLERANCE_KIB + 1},
}
CANCELLED = {
    "key": "k1",
    "outcome": "cancelled_midstream",
    "peer": "fin",
    "fault": None,
    "tokens": {"generated": 3, "sent": 3, "after_peer_gone": 0},
}


def test_a_server_that_holds_what_it_held_passes() -> None:
    empty = replace(CLEAN, calls=0, blocks=0, resident_kib=0)

    assert judge(before=empty, middle=CLEAN, after=CLEAN, max_calls=ROUND) == []


@pytest.mark.parametrize("name", FLAWS)
def test_each_thing_that_is_left_behind_is_named(name: str) -> None:
    after = replace(CLEAN, **FLAWS[name])
    (finding,) = judge(before=CLEAN, middle=CLEAN, after=after, max_calls=ROUND)

    assert name in finding


@pytest.mark.parametrize(
    "flaw",
    [
        {"outcome": None, "peer": None},
        {"peer": None},
        {"fault": "drop"},
        {"outcome": "completed"},
        {"outcome": "faulted", "peer": None},
        {"tokens": {"generated": 4, "sent": 3, "after_peer_gone": 1}},
    ],
    ids=repr,
)
def test_a_record_that_contradicts_itself_is_noticed(flaw: dict[str, object]) -> None:
    assert contradictions(CANCELLED) == []
    assert contradictions({**CANCELLED, **flaw})


@pytest.mark.slow
@pytest.mark.parametrize(
    "leak",
    ["connections", "tasks", "descriptors", "errors", "blocks", "resident_kib"],
)
async def test_a_server_that_leaks_is_found_out(leak: str) -> None:
    async with soaked_server(50, leak) as server:
        before = await server.settled()
        await make_visits(server.url, visits(random.Random(1), 100))
        middle = await server.settled(within_s=0.1)
        await make_visits(server.url, visits(random.Random(2), 100))
        after = await server.settled(within_s=0.1)

    findings = judge(before=before, middle=middle, after=after, max_calls=50)
    assert any(leak in finding for finding in findings)


@pytest.mark.slow
@pytest.mark.parametrize("dead_end", DEAD_ENDS)
async def test_what_would_have_come_later_is_forgotten_when_its_peer_leaves(
    dead_end: str,
) -> None:
    dice = random.Random(4)
    async with soaked_server(FEW) as server:
        before = await server.settled()
        await make_visits(server.url, visits(dice, FEW, dead_end=dead_end))
        middle = await server.settled()
        await make_visits(server.url, visits(dice, FEW, dead_end=dead_end))
        after = await server.settled()

    assert judge(before=before, middle=middle, after=after, max_calls=FEW) == []


@pytest.mark.slow
async def test_ten_thousand_calls_leave_nothing_behind() -> None:
    dice = random.Random(3)
    outcomes: Counter[str] = Counter()
    async with soaked_server(ROUND) as server:
        before = await server.settled()
        footprints = []
        for number in range(ROUNDS):
            await make_visits(server.url, visits(dice, ROUND))
            footprints.append(await server.settled())
            control = ControlClient(server.url)
            calls = await control.calls()
            await control.close()
            # The journal has just room for one round, so none is missed.
            first = number * ROUND + 1
            assert [call["ordinal"] for call in calls] == [*range(first, first + ROUND)]
            assert [flaw for call in calls for flaw in contradictions(call)] == []
            outcomes.update(call["outcome"] for call in calls)

    findings = judge(
        before=before,
        middle=footprints[ROUNDS // 2 - 1],
        after=footprints[-1],
        max_calls=ROUND,
    )
    assert findings == []
    assert outcomes.keys() == {
        "completed",
        "cancelled_before_headers",
        "cancelled_before_first_token",
        "cancelled_midstream",
        "closed_after_terminal",
        "faulted",
    }
