"""Probes of undisturbed streams: complete, awkward text, paced, interleaved, HTTP.

Must not judge; so must none of the other modules with probes.
"""

from __future__ import annotations

from ..evidence.labels import label_of
from ..profiles import Profile, is_declared
from ..profiles.capabilities import marked_texts
from ..profiles.requests import with_header
from ..profiles.schema import Limits
from ..steering import delay, hold, hold_after, say
from .bench.context import Context
from .bench.probe import Probe

TOKENS = 4

_PIECE_S = 0.03
"""From one piece of a marked text to the next: so slowly that a server which yields
something only at the end of the text is late."""

AWKWARD_TEXT = (
    " leading space, then\na line\rand another\r\nand one more\n\n"
    "data: forged\nevent: forged\nid: forged-1\nretry: 1\n: forged\n\r\n"
    "separators \u2028 \u2029 \u0085 \v \f \x1c and a NUL \x00 and a BOM \ufeff "
    "quotes \" \\ ' and braces {} ]] and 病例 🩺 👩\u200d⚕️ 𝄞 é e\u0301 "
    "data:forged\n\ndata: forged\n\n trailing newline\n"
)
"""What breaks naive writers of frames: each line end, things that look like fields,
characters that `str.splitlines` takes for line ends, a NUL, text beyond the BMP."""


async def complete(ctx: Context) -> None:
    """Read two streams of one user to their end; then try to cancel the first."""
    pace = (say(tokens=TOKENS), delay(first_s=0.02, each_s=0.02))
    stream = await ctx.start("stream", ctx.script(always=pace))
    await stream.over()
    twin = await ctx.start("twin", ctx.script(always=pace, part="twin"))
    await twin.over()
    if is_declared(ctx.profile, "cancel.explicit") and stream.status is not None:
        cancel = ctx.profile.cancel
        for form in range(0 if cancel is None else len(cancel.explicit)):
            await ctx.cancel(label_of("cancel-finished", form), stream, form=form)


async def awkward_text(ctx: Context) -> None:
    """Let the model say what is hard to frame."""
    ctx.facts["text"] = AWKWARD_TEXT
    stream = await ctx.start("stream", ctx.script(say(text=AWKWARD_TEXT)))
    await stream.over()


async def marked_text(ctx: Context) -> None:
    """Let the model write each text with markers, in pieces shorter than a marker."""
    for n, text in enumerate(marked_texts(ctx.profile), 1):
        script = ctx.script(
            say(text=text, pieces=_pieces(text)), delay(each_s=_PIECE_S)
        )
        stream = await ctx.start(f"marked-{n}", script)
        await stream.over()


def _pieces(text: str) -> int:
    return max(1, len(text) // 2)


def _written_s(text: str) -> float:
    return 1 + _PIECE_S * _pieces(text)


async def paced(ctx: Context) -> None:
    """Let the model speak slowly, so that held-back tokens show."""
    script = ctx.script(say(tokens=10), delay(each_s=0.08))
    stream = await ctx.start("stream", script)
    await stream.over()


async def interleaved(ctx: Context) -> None:
    """Read two streams of one user at once, whose models say different things.

    Each model waits until the other speaks and both readers have read something.
    """
    text_a, text_b = "alpha alfa anton aleph ", "bravo beta berta beth "
    ctx.facts |= {"text_a": text_a, "text_b": text_b}
    limits = ctx.profile.limits or Limits(streams_per_user=2)
    other = "a" if limits.streams_per_user > 1 else "b"
    pace = delay(each_s=0.005)
    token = ctx.profile.steering.token
    # The words here do not fill two portions of a target that gathers words.
    wait = hold_after(2) if token is None or token.words == 1 else hold("end")
    script_a, script_b = (
        ctx.script(wait, always=(say(text=text), pace), part=part)
        for part, text in (("a", text_a), ("b", text_b))
    )
    a = await ctx.start("a", script_a)
    b = await ctx.start("b", script_b, user=other)
    for stream, script in ((a, script_a), (b, script_b)):
        await ctx.reaches_for(stream, script, "held")
        await stream.has_events(1, ctx.patience_s)
    await ctx.release(script_a, script_b)
    await a.over()
    await b.over()


async def http(ctx: Context) -> None:
    """Ask as an HTTP/1.0 client, and as one that takes compressed answers."""
    old = await ctx.send(
        "http-1.0", ctx.request(ctx.script(part="old")), http_version="1.0"
    )
    script = ctx.script(part="gzip")
    request = with_header(ctx.request(script), "Accept-Encoding", "gzip, br")
    packed = await ctx.send("accept-gzip", request)
    await old.over()
    await packed.over()


PROBES = (
    Probe(name="complete", seconds=lambda p: 1 + 0.2 * _calls(p), run=complete),
    Probe(
        name="awkward-text", needs=("steering",), seconds=lambda _: 1, run=awkward_text
    ),
    Probe(
        name="marked-text",
        needs=("steering", "invariants.marked"),
        seconds=lambda p: 1 + sum(map(_written_s, marked_texts(p))),
        run=marked_text,
    ),
    Probe(name="paced", needs=("steering",), seconds=lambda _: 2, run=paced),
    Probe(
        name="interleaved",
        needs=("steering",),
        seconds=lambda p: 1 + 0.05 * _calls(p),
        run=interleaved,
    ),
    Probe(name="http", seconds=lambda _: 1, run=http),
)


def _calls(profile: Profile) -> int:
    return profile.steering.calls_per_run
