"""Probes of readers that leave and do not come back, in every phase of a model call."""

from __future__ import annotations

from functools import partial

from ..profiles import Profile, is_declared
from .bench.context import Context
from .bench.phases import PHASES, Phase
from .bench.probe import Probe
from .bench.stream import Leave

_LATE_S = 2.0
"""How far beyond its bound a close is waited for, so that a report can say how late."""


async def leave(ctx: Context, how: Leave, phase: Phase) -> None:
    """Leave a run in one phase; when it should be over, come back and look."""
    script = phase.script(ctx)
    stream = await ctx.start("stream", script)
    if not await phase.reached(ctx, script, stream):
        return
    await stream.leave(how)
    ctx.mark("left", stream.over_at)
    await ctx.reaches(script, "ended", gone_within_s(ctx.profile) + _LATE_S)
    await ctx.settle(script)
    if stream.last_id is not None and is_declared(ctx.profile, "resume"):
        afterwards = await ctx.resume("afterwards", stream, stream.last_id)
        await afterwards.over()


def gone_within_s(profile: Profile) -> float:
    """Return how long a run may go on without a reader, in seconds."""
    cancel = profile.cancel
    return 0.0 if cancel is None else cancel.grace_s + cancel.within_s


PROBES = tuple(
    Probe(
        name=f"leave-{how}-{phase.name}",
        needs=("steering", "cancel.disconnect"),
        seconds=lambda p: 1 + gone_within_s(p),
        run=partial(leave, how=how, phase=phase),
    )
    for how in Leave
    for phase in PHASES
)
