"""Probes of coming back: after every event, with ids of all kinds, while being read."""

from __future__ import annotations

from itertools import count

from ..profiles import Profile
from ..profiles.typed import EventId, form_id, parse_id
from ..steering import delay, hold_after, say
from .bench.context import Context
from .bench.ids import malformed_ids, unknown_id
from .bench.live import Leave, LiveExchange
from .bench.probe import Probe
from .bench.tokens import Credential

MAX_CUTS = 300
"""A steered stream has some 60 events. An unsteered model may say more than a user
wants to read again after each event; then the cuts are spread over all of it."""


async def replay(ctx: Context) -> None:
    """Come back to a finished stream after each of its events."""
    stream = await ctx.start("stream", ctx.script())
    await stream.over()
    ids = stream.ids
    step = -(-len(ids) // MAX_CUTS)
    # Counted from the end, so that the terminal event is always among them.
    places = list(range(len(ids), 0, -step))[::-1] if ids else []
    ctx.facts["cuts"] = len(places)
    for n in places:
        again = await ctx.resume(f"after-{n:04}", stream, ids[n - 1])
        await again.over()
        if again.status is None:
            return  # the target is gone, and stays so for the other cuts


async def live_cuts(ctx: Context) -> None:
    """Read a running stream one event at a time, leaving after each."""
    pace = (say(tokens=2), delay(first_s=0.03, each_s=0.03))
    first = stream = await ctx.start("cut-0001", ctx.script(always=pace))
    seen: list[str] = []
    for n in count(2):
        id_ = await _first_new_id(stream, seen)
        if id_ is None or n > MAX_CUTS:
            await stream.over()
            break
        seen.append(id_)
        await stream.leave(Leave.FIN if n % 2 else Leave.RST)
        stream = await ctx.resume(f"cut-{n:04}", first, id_)
    if seen:
        whole = await ctx.resume("whole", first, seen[0])
        await whole.over()


async def _first_new_id(stream: LiveExchange, seen: list[str]) -> str | None:
    """Wait for an event to cut after; None where cutting would get nowhere.

    That is: at the terminal event, at one that came before, and at none.
    """
    await stream.has_events(1)
    id_ = stream.id_of_first
    if id_ is None or id_ in seen or stream.is_first_terminal:
        return None
    return id_


async def resume_answers(ctx: Context) -> None:
    """Come back to a finished stream with ids that must be refused."""
    stream = await ctx.start("stream", ctx.script())
    await stream.over()
    if stream.last_id is None:
        return
    answers = []
    known = parse_id(stream.last_id, ctx.profile)
    if known is not None:
        malformed = malformed_ids(ctx.profile, known)
        ctx.facts["malformed"] = list(malformed)
        made_up = {f"malformed-{n:02}": id_ for n, id_ in enumerate(malformed, 1)}
        later = EventId(stream=known.stream, n=known.n + ctx.profile.ids.step)
        made_up["future"] = form_id(later, ctx.profile)
        if known.stream:
            elsewhere = EventId(stream=unknown_id(known.stream), n=known.n)
            made_up["unknown"] = form_id(elsewhere, ctx.profile)
        answers = [await ctx.resume(label, stream, made_up[label]) for label in made_up]
    real = stream.ids[0]
    if ctx.can_be_another("foreign"):
        answers.append(await ctx.resume("foreign", stream, real, user="b"))
    bare = ctx.resume_request(stream, real)
    answers.append(await ctx.send("no-credential", bare, credential=Credential("")))
    for answer in answers:
        await answer.over()


async def takeover(ctx: Context) -> None:
    """Come back to a stream that another reader of the same user is reading."""
    script = ctx.script(say(tokens=4), hold_after(2))
    first = await ctx.start("first", script)
    await ctx.shows(first, script, 2, ctx.patience_s)
    if not first.ids:
        return
    after = first.ids[0]
    ctx.facts["resumed_after"] = after
    second = await ctx.resume("second", first, after)
    if await second.answered():
        ctx.mark("second_opened", second.head_at)
    # Not before both readers have shown what a takeover makes of them.
    await ctx.shows(second, script, 2, ctx.profile.terminal.close_within_s)
    await first.over(ctx.profile.terminal.close_within_s)
    ctx.mark("released")
    await ctx.release(script)
    await second.over()
    await first.over()


def _seconds_of_cuts(profile: Profile) -> float:
    return 2 + 0.3 * profile.steering.calls_per_run


PROBES = (
    Probe(name="replay", needs=("resume", "ids"), seconds=_seconds_of_cuts, run=replay),
    Probe(
        name="live-cuts",
        needs=("resume", "ids"),
        seconds=_seconds_of_cuts,
        run=live_cuts,
    ),
    Probe(
        name="resume-answers",
        needs=("resume", "ids"),
        seconds=lambda _: 2,
        run=resume_answers,
    ),
    Probe(
        name="takeover",
        needs=("steering", "ids", "resume.takeover"),
        seconds=lambda _: 2,
        run=takeover,
    ),
)
