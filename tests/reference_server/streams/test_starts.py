"""When the work of new runs begins: behind what is new, one by one, never too late."""

from __future__ import annotations

import asyncio

from streamproof.reference_server.streams.starts import Starts


class Begun:
    """Runs that have been started, and whose work has begun."""

    def __init__(self) -> None:
        self.starts = Starts()
        self.order: list[int] = []
        self.tasks: list[asyncio.Task[None]] = []

    def start(self, number: int) -> None:
        self.starts.note()
        self.tasks.append(asyncio.get_running_loop().create_task(self._work(number)))

    async def _work(self, number: int) -> None:
        await self.starts.wait_turn()
        self.order.append(number)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_one_run_alone_begins_within_a_few_turns() -> None:
    begun = Begun()

    begun.start(1)
    await turns(8)

    assert begun.order == [1]
    assert asyncio.get_running_loop().time() == 0


async def test_as_long_as_runs_are_started_no_work_begins() -> None:
    begun = Begun()

    for number in range(50):
        begun.start(number)
        await turns(1)
    during = list(begun.order)
    await asyncio.gather(*begun.tasks)

    assert during == []
    assert begun.order == list(range(50))


async def test_work_begins_one_by_one_with_a_turn_for_others_in_between() -> None:
    begun = Begun()
    for number in range(10):
        begun.start(number)

    longest = 0
    while len(begun.order) < 10:
        before = len(begun.order)
        await turns(1)
        longest = max(longest, len(begun.order) - before)

    assert longest == 1


async def test_no_work_waits_longer_than_its_limit() -> None:
    begun = Begun()
    begun.start(0)

    for number in range(1, 100):
        await asyncio.sleep(0.01)
        begun.start(number)
        # Never quiet: another one in every turn.
        for extra in range(3):
            begun.starts.note()
            await turns(1)
            del extra
        if begun.order:
            break

    assert begun.order == [0]
    assert asyncio.get_running_loop().time() <= 0.52


async def test_one_that_is_cancelled_holds_up_no_other() -> None:
    begun = Begun()
    for number in range(3):
        begun.start(number)
    await turns(1)

    begun.tasks[0].cancel()
    begun.tasks[1].cancel()
    await asyncio.gather(*begun.tasks, return_exceptions=True)
    begun.start(3)
    await begun.tasks[3]

    assert begun.order == [2, 3]
