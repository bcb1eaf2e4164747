"""Pings into the waits of a plan: what a service sends while it has nothing to say.

After every wait of the interval's length since the last step, one ping, until the
next step is due. Pure: they are steps like any other, at fixed times.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING

from .steps import Gate, Open, Ping, Silence

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..script import KeepAlive
    from .steps import Step

__all__ = ["with_pings"]


def with_pings(steps: Iterator[Step], keepalive: KeepAlive) -> Iterator[Step]:
    """Yield the steps, with pings in the waits between them.

    None before the headers. A wait without a known end is told to ping.
    """
    for step in steps:
        yield step
        if isinstance(step, Open):
            break
    before_ms = 0.0
    for step in steps:
        for n in count(1):
            due_ms = before_ms + n * keepalive.each_ms
            if due_ms >= step.due_ms:
                break
            yield Ping(due_ms=due_ms, text=keepalive.text)
        before_ms = step.due_ms
        if isinstance(step, Gate | Silence):
            yield replace(step, keepalive=keepalive)
        else:
            yield step
