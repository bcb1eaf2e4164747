"""A run says that time passes."""

import anyio

from streamproof.conformance.runner.events import RunEvent, TimePassed
from streamproof.conformance.runner.ticking import ticking


async def test_time_is_told_as_often_as_the_sleep_ends_and_only_meanwhile() -> None:
    told: list[RunEvent] = []
    clock = iter([100.0, 101.5, 103.0])
    three = anyio.Event()
    naps = 0

    async def sleep(seconds: float) -> None:
        nonlocal naps
        assert seconds == 1.0
        naps += 1
        if naps == 3:
            three.set()
            await anyio.sleep_forever()

    with anyio.fail_after(10):
        async with ticking(told.append, clock=clock.__next__, sleep=sleep):
            await three.wait()

    assert told == [TimePassed(seconds=1.5), TimePassed(seconds=3.0)]


async def test_what_is_raised_meanwhile_comes_out_as_it_is() -> None:
    problem = None
    try:
        async with ticking(lambda _: None, clock=lambda: 0.0, sleep=anyio.sleep):
            raise LookupError("oops")  # noqa: TRY301 -- that is the case
    except LookupError as raised:
        problem = raised

    assert str(problem) == "oops"
