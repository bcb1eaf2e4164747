"""Probes of the stream limit: exact under a burst, and every slot comes back."""

from __future__ import annotations

import anyio

from ..profiles import Profile, is_declared
from ..steering import TWO_TOKENS, Script, Word, fail, hold_after
from .bench.bounds import gone_within_s
from .bench.context import Context
from .bench.live import Leave, LiveExchange
from .bench.probe import Probe

STARTS = 50
EARLY_LEAVES = 10

RETRY_S = 0.05
"""Between two attempts to get a slot that should be back: nothing tells when it is."""

_LATE_S = 1.0
_ACCEPTED = 200


async def burst(ctx: Context) -> None:
    """Start many streams at once, all of whose models wait; then look at the limit."""
    ctx.facts["starts"] = STARTS
    names = [f"{n:02}" for n in range(1, STARTS + 1)]
    scripts = {name: ctx.script(hold_after(1), part=name) for name in names}
    starts = {name: await ctx.start(f"start-{name}", scripts[name]) for name in scripts}
    for start in starts.values():
        await start.answered()
    accepted = {name: s for name, s in starts.items() if s.status == _ACCEPTED}
    held = [scripts[name] for name in accepted]
    reading = list(accepted.values())
    if ctx.can_be_another("other-user"):
        script = ctx.script(hold_after(1), part="other")
        other = await ctx.start("other-user", script, user="b")
        await other.answered()
        held.append(script)
        reading.append(other)
    if accepted and is_declared(ctx.profile, "resume"):
        reading += await _come_back(ctx, reading[0])
    await ctx.release(*held)
    for stream in reading:
        await stream.over()
    await _again(ctx, ctx.mark("ended") + _within_s(ctx.profile))


async def _come_back(ctx: Context, stream: LiveExchange) -> list[LiveExchange]:
    """Leave a stream and return the one that continues it at once, if any can."""
    await stream.has_events(1, ctx.patience_s)
    await stream.leave(Leave.FIN)
    if stream.last_id is None:
        return []
    resumed = await ctx.resume("resumed", stream, stream.last_id)
    await resumed.answered()
    return [resumed]


async def slots_after_complete(ctx: Context) -> None:
    """Take all slots, let the streams complete, take all slots again."""
    for _, stream in await _fill(ctx, *TWO_TOKENS):
        await stream.over()
    await _again(ctx, ctx.mark("ended") + _within_s(ctx.profile))


async def slots_after_error(ctx: Context) -> None:
    """Take all slots, let the model fail, take all slots again."""
    for _, stream in await _fill(ctx, fail(500)):
        await stream.over()
    await _again(ctx, ctx.mark("ended") + _within_s(ctx.profile))


async def slots_after_cancel(ctx: Context) -> None:
    """Take all slots, cancel the streams, take all slots again."""
    used = await _fill(ctx, hold_after(1))
    for n, (_, stream) in enumerate(used, 1):
        await ctx.cancel(f"cancel-{n}", stream)
    for _, stream in used:
        await stream.over()
    await _again(ctx, ctx.mark("ended") + _within_s(ctx.profile))


async def slots_after_leave(ctx: Context) -> None:
    """Take all slots, leave the streams for good, take all slots again."""
    used = await _fill(ctx, hold_after(1))
    for _, stream in used:
        await stream.leave(Leave.FIN)
    until = ctx.mark("ended") + gone_within_s(ctx.profile) + _LATE_S
    for script, _ in used:
        await ctx.reaches(script, "ended", until - ctx.surroundings.clock())
    await _again(ctx, until)


async def slots_after_early_leave(ctx: Context) -> None:
    """Be gone as soon as the request is out, many times; then take all slots."""
    for n in range(1, EARLY_LEAVES + 1):
        script = ctx.script(hold_after(1), part=f"used-{n}")
        stream = await ctx.start(f"used-{n}", script)
        await stream.wait(lambda s: s.is_sent)
        await stream.leave(Leave.RST)
    until = ctx.mark("ended") + gone_within_s(ctx.profile) + _LATE_S
    if ctx.profile.cancel is not None:
        await anyio.sleep(ctx.profile.cancel.grace_s)
    await _again(ctx, until)


async def _fill(ctx: Context, *words: Word) -> list[tuple[Script, LiveExchange]]:
    """Take all slots of the user; return when every stream has sent an event."""
    used = []
    for n in range(1, _limit(ctx.profile) + 1):
        script = ctx.script(*words, part=f"used-{n}")
        used.append((script, await ctx.start(f"used-{n}", script)))
    for _, stream in used:
        await stream.has_events(1, ctx.patience_s)
    return used


async def _again(ctx: Context, until: float) -> None:
    """Take all slots of the user at once, trying until an instant; then let go.

    The models wait, so that no stream frees a slot for the next one.
    """
    scripts, streams = [], []
    for n in range(1, _limit(ctx.profile) + 1):
        script = ctx.script(hold_after(1), part=f"again-{n}")
        scripts.append(script)
        streams.append(await _take_slot(ctx, f"again-{n}", script, until))
    await ctx.release(*scripts)
    for stream in streams:
        await stream.over()


async def _take_slot(
    ctx: Context, label: str, script: Script, until: float
) -> LiveExchange:
    while True:
        stream = await ctx.start(label, script)
        await stream.answered()
        if stream.status == _ACCEPTED or ctx.surroundings.clock() >= until:
            return stream
        await stream.over()
        await anyio.sleep(RETRY_S)


def _limit(profile: Profile) -> int:
    return 1 if profile.limits is None else profile.limits.streams_per_user


def _within_s(profile: Profile) -> float:
    """Return how long after its end a stream may keep its slot, in seconds."""
    bound_s = _LATE_S if profile.cancel is None else profile.cancel.within_s
    return bound_s + _LATE_S


_NEEDS = ("steering", "limits")

PROBES = (
    Probe(name="burst", needs=_NEEDS, seconds=lambda _: 4, run=burst),
    Probe(
        name="slots-after-complete",
        needs=_NEEDS,
        seconds=lambda _: 3,
        run=slots_after_complete,
    ),
    Probe(
        name="slots-after-error",
        needs=_NEEDS,
        seconds=lambda _: 2,
        run=slots_after_error,
    ),
    Probe(
        name="slots-after-cancel",
        needs=(*_NEEDS, "cancel.explicit"),
        seconds=lambda _: 2,
        run=slots_after_cancel,
    ),
    Probe(
        name="slots-after-leave",
        needs=(*_NEEDS, "cancel.disconnect"),
        seconds=lambda p: 2 + gone_within_s(p),
        run=slots_after_leave,
    ),
    Probe(
        name="slots-after-early-leave",
        needs=(*_NEEDS, "cancel.disconnect"),
        seconds=lambda p: 2 + gone_within_s(p),
        run=slots_after_early_leave,
    ),
)
