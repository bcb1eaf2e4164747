"""A signal ends the work, the work cleans up, and the caller is told."""

import os
import signal

import anyio
import pytest

from streamproof.conformance.session import Interrupted, run_until_signal


async def test_the_result_of_the_work_comes_back() -> None:
    async def work() -> int:
        await anyio.lowlevel.checkpoint()
        return 7

    assert await run_until_signal(work) == 7


async def test_what_the_work_raises_comes_out_unwrapped() -> None:
    async def work() -> None:
        raise LookupError("here")

    with pytest.raises(LookupError, match="here"):
        await run_until_signal(work)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
async def test_a_signal_cancels_the_work_which_may_still_clean_up(
    number: signal.Signals, code: int
) -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            os.kill(os.getpid(), number)
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                os.kill(os.getpid(), number)  # a second one does not hurry it
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
            cleaned.append("up")

    with pytest.raises(Interrupted) as interrupted:
        await run_until_signal(work)

    assert cleaned == ["up"]
    assert interrupted.value.exit_code == code
    assert str(interrupted.value) == f"interrupted by {number.name}"
