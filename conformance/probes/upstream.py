"""Probes of a model that fails: what a reader is told of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ..profiles import Profile
from ..steering import Word, drop, error, fail, say, stall, truncate
from .bench.context import Context
from .bench.probe import Probe

RETRY_AFTER_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a model fails.

    Attributes:
        words: make it fail; they are given a text that no reader may see.
        is_lasting: every model call fails so, not just the first.
        seconds: how long a conformant target takes to tell, at most.
    """

    name: str
    words: Callable[[str], tuple[Word, ...]]
    is_lasting: bool = False
    seconds: Callable[[Profile], float] = lambda _: 1.0


async def fault(ctx: Context, kind: Fault) -> None:
    """Read a stream whose model fails to its end."""
    marker = f"marker-{ctx.nonce}-for-operators-only"
    ctx.facts["marker"] = marker
    words = kind.words(marker)
    script = ctx.script(always=words) if kind.is_lasting else ctx.script(*words)
    stream = await ctx.start("stream", script, extra_s=kind.seconds(ctx.profile))
    await stream.over()


async def retry(ctx: Context) -> None:
    """Read a stream whose model refuses once and says when to come back."""
    ctx.facts["retry_after_s"] = RETRY_AFTER_S
    script = ctx.script(fail(429, retry_after_s=RETRY_AFTER_S))
    stream = await ctx.start("stream", script, extra_s=RETRY_AFTER_S)
    await stream.over()


def _expected_s(kind: Fault, profile: Profile) -> float:
    return 1 + kind.seconds(profile)


def _timeout_s(profile: Profile) -> float:
    return 1.0 if profile.errors is None else profile.errors.timeout_s


_FAULTS = (
    Fault(
        name="http-error",
        words=lambda marker: (fail(500, message=marker),),
        is_lasting=True,
    ),
    Fault(
        name="rate-limited",
        words=lambda marker: (fail(429, message=marker),),
        is_lasting=True,
        # No profile says how long a target may go on retrying. A model that refuses
        # should not cost its reader more time than one that is silent.
        seconds=_timeout_s,
    ),
    Fault(name="mute", words=lambda _: (stall(after=0),), seconds=_timeout_s),
    Fault(
        name="stalled",
        words=lambda _: (say(tokens=4), stall(after=2)),
        seconds=_timeout_s,
    ),
    Fault(name="drop-fin", words=lambda _: (say(tokens=4), drop(after=2, how="fin"))),
    Fault(name="drop-rst", words=lambda _: (say(tokens=4), drop(after=2, how="rst"))),
    Fault(name="truncated", words=lambda _: (say(tokens=4), truncate(after=2))),
    Fault(
        name="error-event",
        words=lambda marker: (say(tokens=4), error(after=2, message=marker)),
    ),
)

PROBES = (
    *(
        Probe(
            name=f"upstream-{kind.name}",
            needs=("steering", "errors"),
            seconds=partial(_expected_s, kind),
            run=partial(fault, kind=kind),
        )
        for kind in _FAULTS
    ),
    Probe(
        name="upstream-retry",
        needs=("steering", "errors.retries"),
        seconds=lambda _: 2 + RETRY_AFTER_S,
        run=retry,
    ),
)
