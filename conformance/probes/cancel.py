"""Probes of the explicit cancel, in every phase of a model call."""

from __future__ import annotations

from functools import partial

from .bench.context import Context
from .bench.ids import unknown_stream
from .bench.phases import PHASES, Phase
from .bench.probe import Probe

_LATE_S = 2.0
"""How far beyond its bound a close is waited for, so that a report can say how late."""


async def cancel(ctx: Context, phase: Phase) -> None:
    """Cancel a run in one phase, twice, while its reader reads on."""
    script = phase.script(ctx)
    stream = await ctx.start("stream", script)
    is_there = await phase.reached(ctx, script, stream)
    stream_id = ctx.stream_id(stream)
    if not is_there or stream_id is None or ctx.profile.cancel is None:
        return
    if phase.tokens:
        # Once is enough, and here there is most to lose.
        if ctx.can_be_another("foreign-cancel"):
            await ctx.cancel("foreign-cancel", stream_id, user="b")
        await ctx.cancel("unknown-cancel", unknown_stream(stream_id))
    ctx.mark("cancel_sent")
    await ctx.cancel("cancel", stream_id)
    ctx.mark("cancel_answered")
    await stream.over()
    await ctx.cancel("cancel-again", stream_id)
    await ctx.reaches(script, "ended", ctx.profile.cancel.within_s + _LATE_S)
    await ctx.settle(script)


PROBES = tuple(
    Probe(
        name=f"cancel-{phase.name}",
        needs=("steering", "cancel.explicit"),
        seconds=lambda _: 1,
        run=partial(cancel, phase=phase),
    )
    for phase in PHASES
)
