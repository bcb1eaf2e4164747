"""`net.wheel`: many timers in few, none of them early."""

from __future__ import annotations

import asyncio
import math
from functools import partial

from streamproof.fakes.net.wheel import Wheel


class CountingLoop(asyncio.SelectorEventLoop):
    """An event loop that counts the timers it is asked for."""

    asked = 0

    def call_at(self, when, callback, *args, context=None):  # type: ignore[no-untyped-def, override] # noqa: ANN001, ANN002, ANN201 -- passed on
        self.asked += 1
        return super().call_at(when, callback, *args, context=context)


def test_timers_of_one_millisecond_share_one_and_come_at_its_end() -> None:
    with asyncio.Runner(loop_factory=CountingLoop) as runner:
        loop = runner.get_loop()
        wheel = Wheel(loop)
        seen: list[tuple[str, float]] = []
        start = math.ceil(wheel.time() * 1000) / 1000 + 0.005

        def note(name: str) -> None:
            seen.append((name, wheel.time()))

        async def wait() -> None:
            done = asyncio.Event()
            wheel.call_at(start + 0.0001, partial(note, "a"))
            wheel.call_at(start + 0.0009, partial(note, "b"))
            wheel.call_at(start + 0.0015, partial(note, "c"))
            wheel.call_at(start + 0.0018, done.set)
            await done.wait()

        runner.run(wait())

    assert [name for name, _ in seen] == ["a", "b", "c"]
    assert seen[0][1] >= start + 0.0009
    assert getattr(loop, "asked", 0) == 2


async def test_what_is_cancelled_does_not_come_and_what_fails_takes_nobody_along() -> (
    None
):
    loop = asyncio.get_running_loop()
    failed: list[object] = []
    loop.set_exception_handler(lambda _, context: failed.append(context["exception"]))
    wheel = Wheel(loop)
    seen: list[str] = []
    done = asyncio.Event()
    when = wheel.time() + 0.001
    error = RuntimeError("no")

    def fail() -> None:
        raise error

    wheel.call_at(when, lambda: seen.append("never")).cancel()
    wheel.call_at(when, fail)
    wheel.call_at(when, lambda: seen.append("after it"))
    wheel.call_at(when, done.set)
    await done.wait()

    assert (seen, failed) == (["after it"], [error])


async def test_what_should_have_been_and_what_is_next_come_at_once() -> None:
    wheel = Wheel(asyncio.get_running_loop())
    done = asyncio.Event()
    order: list[str] = []
    wheel.call_at(wheel.time() - 1, done.set)
    wheel.call_soon(lambda: order.append("soon"))
    await done.wait()

    assert order == ["soon"]
