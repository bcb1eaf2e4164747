"""When each token is due: delays, rates, jitter and bursts as one absolute schedule.

Token n has a place on a straight line, and strays from that place, never from the
token before it: so lateness does not add up and the mean rate is kept, however long
the answer. Pure: no clock; chance comes from the dice.
"""

from __future__ import annotations

from itertools import chain, count, islice, repeat
from math import log
from operator import add
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from ..script import Spread

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..dice import Dice
    from ..script import Delay

__all__ = ["due_times"]

# Rolled at once: a short answer takes one hash, the longest keeps no more in memory.
BLOCK: Final = 256
# 32 bits of chance per token; in the middle of its step, so that no logarithm is of 0.
BYTES: Final = 4
STEPS: Final = 1 << 8 * BYTES

_NORMAL: Final = NormalDist()


def due_times(
    delay: Delay, dice: Dice, *, prompt_tokens: int, size: int
) -> Iterator[float]:
    """Yield when each of `size` tokens is due, in ms after the headers left.

    Times never go down. The same delay, dice and counts give the same times.
    """
    each_ms = _each_ms(delay)
    first_ms = delay.first_ms + delay.prefill_ms * prompt_tokens
    if not each_ms and not delay.jitter_ms:
        # Nothing to add up: an answer without delays costs nothing here.
        return repeat(first_ms, size)
    due: Iterator[float] = (first_ms + each_ms * n for n in range(size))
    if delay.jitter_ms:
        due = _monotone(map(add, due, _strays(delay, dice)))
    return due if delay.burst == 1 else _in_bursts(due, delay.burst)


def _each_ms(delay: Delay) -> float:
    return delay.each_ms if delay.tokens_per_s is None else 1000 / delay.tokens_per_s


def _monotone(times: Iterator[float]) -> Iterator[float]:
    """Let no token come before the one before it, or before the headers."""
    latest = 0.0
    for time in times:
        latest = max(latest, time)
        yield latest


def _in_bursts(times: Iterator[float], burst: int) -> Iterator[float]:
    """Let tokens wait for the last of their burst."""
    while together := list(islice(times, burst)):
        yield from repeat(together[-1], len(together))


def _strays(delay: Delay, dice: Dice) -> Iterator[float]:
    """Yield how far each token strays from its place, in ms, without end."""
    return (_stray(delay.spread, chance) * delay.jitter_ms for chance in _chances(dice))


def _stray(spread: Spread, chance: float) -> float:
    """Turn an even chance between 0 and 1 into one of the spread's shape."""
    match spread:
        case Spread.UNIFORM:
            return 2 * chance - 1
        case Spread.NORMAL:
            return _NORMAL.inv_cdf(chance)
        case Spread.EXPONENTIAL:
            return -log(chance)


def _chances(dice: Dice) -> Iterator[float]:
    """Yield even chances, above 0 and below 1, without end."""
    rolls = chain.from_iterable(
        dice.numbers(f"jitter {block}", count=BLOCK, size=BYTES) for block in count()
    )
    return ((roll + 0.5) / STEPS for roll in rolls)
