"""Runs one piece of work to its end, or to a signal, and lets it clean up either way.

Must not know what the work is. The first signal cancels it; further ones are ignored,
because cleaning up has a bound of its own and a half-stopped server helps no user.
"""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
from anyio.abc import TaskStatus

ResultT = TypeVar("ResultT")

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):  # noqa: N818 -- what happened is no error
    """A signal ended the work; everything it had started is cleaned up."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(f"interrupted by {number.name}")
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal ended: 130 after Ctrl-C."""
        return 128 + self.number


async def run_until_signal(work: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Return what `work` returns; raise what it raises, or `Interrupted`."""
    outcome: list[ResultT] = []
    failure: list[Exception] = []
    caught: list[signal.Signals] = []
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as scope:
            await group.start(_cancel_on_signal, scope, caught)
            try:
                outcome.append(await work())
            except Exception as problem:  # noqa: BLE001 -- raised again, out of the group
                failure.append(problem)
        group.cancel_scope.cancel()
    if caught:
        raise Interrupted(caught[0])
    if failure:
        raise failure[0]
    return outcome[0]


async def _cancel_on_signal(
    scope: anyio.CancelScope,
    caught: list[signal.Signals],
    *,
    task_status: TaskStatus[None],
) -> None:
    with anyio.open_signal_receiver(*SIGNALS) as signals:
        task_status.started()
        async for number in signals:
            caught.append(number)
            scope.cancel()
