"""The same seed and the same request give the same bytes, a thousand times over.

Whole responses as they come over real sockets, heads included, from two processes
that know nothing of each other.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from hashlib import sha256
from itertools import product
from typing import TYPE_CHECKING

import pytest
from tests.fakes.processes import running
from tests.fakes.raw_client import RawClient, is_whole

from streamproof.loadtests.benchmarks.callers import PROVIDERS

if TYPE_CHECKING:
    from streamproof.loadtests.benchmarks.callers import Provider

pytestmark = pytest.mark.slow

TIMES = 500  # per process
PROMPT = (
    "[[fake:think tokens=3]] [[fake:say tokens=6]] "
    '[[fake:tool name=f arguments="{\\"city\\": \\"Rome\\"}"]] [[fake:tool name=g]]'
)
FORMS = tuple(product(PROVIDERS, (True, False)))


async def hashes(
    url: str, provider: Provider, *, stream: bool, times: int
) -> Counter[str]:
    """Ask over and over on one connection, and count each answer's hash."""
    request = provider.request(PROMPT, stream=stream)
    found: Counter[str] = Counter()
    with await RawClient.connect(url) as client:
        for _ in range(times):
            client.received = b""
            await client.send(request)
            response = await client.read_while(lambda received: not is_whole(received))
            found[sha256(response).hexdigest()] += 1
    return found


async def hashes_of_all(url: str, *, times: int) -> list[Counter[str]]:
    """Ask for every form at the same time, so that they can get in each other's way."""
    return await asyncio.gather(
        *(
            hashes(url, provider, stream=stream, times=times)
            for provider, stream in FORMS
        )
    )


async def test_a_thousand_answers_of_two_processes_have_one_hash_per_form() -> None:
    with running() as one, running() as two:
        first, second = await asyncio.gather(
            hashes_of_all(one.url, times=TIMES), hashes_of_all(two.url, times=TIMES)
        )
    both = [ours + theirs for ours, theirs in zip(first, second, strict=True)]

    assert [list(found.values()) for found in both] == [[2 * TIMES]] * len(FORMS)
    assert len({digest for found in both for digest in found}) == len(FORMS)


async def test_another_seed_has_another_hash() -> None:
    with running("--seed", "1") as one, running("--seed", "2") as two:
        first = await hashes_of_all(one.url, times=2)
        second = await hashes_of_all(two.url, times=2)

    for ours, theirs in zip(first, second, strict=True):
        assert len(ours) == len(theirs) == 1
        assert ours.keys().isdisjoint(theirs)
