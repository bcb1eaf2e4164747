"""Probes of silence: what a connection carries while the model says nothing."""

from __future__ import annotations

from ..profiles import Profile
from ..steering import Word, hold, say, stall
from .bench.context import Context
from .bench.live import Leave
from .bench.probe import Probe

INTERVALS = 3.5
"""So long a silence has three heartbeats in it, the last one half an interval from the
end, where nothing is left to chance."""

OVERDUE_S = 0.1
"""So much longer than due is a heartbeat waited for: a silence that is exactly as long
as one may last proves nothing."""

_PLAIN_INTERVAL_S = 1.0
_OF_TIMEOUT = 0.9


async def mute_model(ctx: Context) -> None:
    """Read a stream whose model is silent before its first token."""
    await _read_through(ctx, after=0)


async def stalled_model(ctx: Context) -> None:
    """Read a stream whose model is silent between two tokens."""
    await _read_through(ctx, after=2)


async def _read_through(ctx: Context, *, after: int) -> None:
    stream = await ctx.start("stream", ctx.script(*_silence(ctx, after=after)))
    await stream.over()


async def resumed_stall(ctx: Context) -> None:
    """Leave in a silence between two tokens and come back at once."""
    script = ctx.script(*_silence(ctx, after=2))
    stream = await ctx.start("stream", script)
    await ctx.shows(stream, script, 2)
    await stream.leave(Leave.FIN)
    if stream.last_id is not None:
        resumed = await ctx.resume("resumed", stream, stream.last_id)
        await resumed.over()


async def held_headers(ctx: Context) -> None:
    """Keep the model from answering at all, and see what the reader gets meanwhile."""
    script = ctx.script(hold("headers"), call=1)
    stream = await ctx.start("stream", script, extra_s=interval_s(ctx.profile))
    # On a busy machine the model may be asked long after the first event.
    await ctx.reaches_for(stream, script, "held")
    await stream.has_events(1, ctx.patience_s)
    heartbeat = ctx.profile.heartbeat
    if heartbeat is not None and heartbeat.form != "none":
        # One that opens the response says nothing of silences.
        seen = max(stream.heartbeats, heartbeat.opens)
        due_s = heartbeat.interval_s + heartbeat.tolerance_s
        await stream.wait(lambda s: s.heartbeats > seen, due_s + OVERDUE_S)
    ctx.mark("released")
    await ctx.release(script)
    await stream.over()


def interval_s(profile: Profile) -> float:
    """Return the heartbeat interval in seconds, or a second if there is none."""
    if profile.heartbeat is None or profile.heartbeat.form == "none":
        return _PLAIN_INTERVAL_S
    return profile.heartbeat.interval_s


def silence_s(profile: Profile) -> float:
    """Return how long the model is silent: not so long that the target gives it up."""
    seconds = INTERVALS * interval_s(profile)
    if profile.errors is None:
        return seconds
    return min(seconds, _OF_TIMEOUT * profile.errors.timeout_s)


def _silence(ctx: Context, *, after: int) -> tuple[Word, Word]:
    seconds = silence_s(ctx.profile)
    ctx.facts["stall_s"] = seconds
    return say(tokens=4), stall(after=after, seconds=seconds)


def _seconds(profile: Profile) -> float:
    return 1 + silence_s(profile)


PROBES = (
    Probe(name="mute-model", needs=("steering",), seconds=_seconds, run=mute_model),
    Probe(
        name="stalled-model", needs=("steering",), seconds=_seconds, run=stalled_model
    ),
    Probe(
        name="resumed-stall",
        needs=("steering", "resume", "ids"),
        seconds=_seconds,
        run=resumed_stall,
    ),
    Probe(
        name="held-headers",
        needs=("steering",),
        seconds=lambda p: 1 + interval_s(p),
        run=held_headers,
    ),
)
