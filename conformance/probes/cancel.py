"""Probes of the explicit cancel, in every phase of a model call."""

from __future__ import annotations

from functools import partial

from ..evidence.labels import label_of
from ..profiles import Profile, is_declared
from .bench.context import Context
from .bench.pauses import PAUSES, Pause
from .bench.probe import Probe
from .bench.tokens import Credential

_LATE_S = 2.0
"""How far beyond its bound a close is waited for, so that a report can say how late."""


async def cancel(ctx: Context, pause: Pause) -> None:
    """Cancel a run in one phase, twice, while its reader reads on; in every form."""
    explicit = () if ctx.profile.cancel is None else ctx.profile.cancel.explicit
    for form in range(len(explicit)):
        await _cancel(ctx, pause, form)


async def _cancel(ctx: Context, pause: Pause, form: int) -> None:
    def label(name: str) -> str:
        return label_of(name, form)

    script = pause.script(ctx, part=f"form-{form + 1}" if form else "")
    stream = await ctx.start(label("stream"), script)
    is_there = await pause.reached(ctx, script, stream)
    bare = ctx.cancel_request(stream, form)
    if not is_there or bare is None or ctx.profile.cancel is None:
        return
    if pause.tokens:
        # Once is enough, and here there is most to lose.
        if is_declared(ctx.profile, "auth"):
            none = Credential("")
            refused = await ctx.send(label("bare-cancel"), bare, credential=none)
            await refused.over()
        foreign = label("foreign-cancel")
        if ctx.can_be_another(foreign):
            await ctx.cancel(foreign, stream, form=form, user="b")
        unknown = label("unknown-cancel")
        await ctx.cancel(unknown, stream, form=form, is_unknown=True)
    ctx.mark(label("cancel_sent"))
    await ctx.cancel(label("cancel"), stream, form=form)
    ctx.mark(label("cancel_answered"))
    await stream.over()
    await ctx.cancel(label("cancel-again"), stream, form=form)
    await ctx.reaches(script, "ended", ctx.profile.cancel.within_s + _LATE_S)
    await ctx.settle(script)


def _seconds(profile: Profile) -> float:
    return 1 if profile.cancel is None else max(1, len(profile.cancel.explicit))


PROBES = tuple(
    Probe(
        name=f"cancel-{pause.name}",
        needs=("steering", "cancel.explicit"),
        seconds=_seconds,
        run=partial(cancel, pause=pause),
    )
    for pause in PAUSES
)
