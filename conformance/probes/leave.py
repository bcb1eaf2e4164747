"""Probes of readers that leave and do not come back, in every phase of a model call."""

from __future__ import annotations

from functools import partial

from ..profiles import is_declared
from .bench.bounds import gone_within_s
from .bench.context import Context
from .bench.live import Leave
from .bench.pauses import PAUSES, Pause
from .bench.probe import Probe

_LATE_S = 2.0
"""How far beyond its bound a close is waited for, so that a report can say how late."""


async def leave(ctx: Context, how: Leave, pause: Pause) -> None:
    """Leave a run in one phase; when it should be over, come back and look."""
    script = pause.script(ctx)
    stream = await ctx.start("stream", script)
    if not await pause.reached(ctx, script, stream):
        return
    await stream.leave(how)
    ctx.mark("left", stream.over_at)
    await ctx.reaches(script, "ended", gone_within_s(ctx.profile) + _LATE_S)
    await ctx.settle(script)
    if stream.last_id is not None and is_declared(ctx.profile, "resume"):
        afterwards = await ctx.resume("afterwards", stream, stream.last_id)
        await afterwards.over()


PROBES = tuple(
    Probe(
        name=f"leave-{how}-{pause.name}",
        needs=("steering", "cancel.disconnect"),
        seconds=lambda p: 1 + gone_within_s(p),
        run=partial(leave, how=how, pause=pause),
    )
    for how in Leave
    for pause in PAUSES
)
