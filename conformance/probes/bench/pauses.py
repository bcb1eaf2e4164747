"""The three phases of a model call in which a run can end early.

The first is kept to the run's first call, whether or not its text is shown: that is the
one which a client leaves who does not wait. The others are before and between the
tokens that a reader can see, where any are shown: a hidden call may be made without a
stream, and has no head before it has all of its text.
"""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from ...steering import Script, Word, hold, say, stall
from .context import Context
from .live import LiveExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A way to keep a model call in one phase.

    Attributes:
        words: make the model wait.
        call: the number of that call; None for the first that is shown.
        state: what the journal notes when the call is in it, unless that is `tokens`.
        tokens: how many tokens the model sends before it.
    """

    name: str
    words: tuple[Word, ...]
    call: int | None = 1
    state: str = ""
    tokens: int = 0

    def script(self, ctx: Context, part: str = "") -> Script:
        """Make a script that keeps a model call in that phase."""
        return ctx.script(*self.words, call=self.call, part=part)

    async def reached(self, ctx: Context, script: Script, stream: LiveExchange) -> bool:
        """Wait until the model call is in this phase and the reader is up to date.

        A target that holds everything back until the model speaks never gets its
        reader up to date; half of the patience is left for what comes after.
        """
        state = self.state or script.token_state(self.tokens)
        if not await ctx.reaches_for(stream, script, state):
            return False
        with anyio.move_on_after(ctx.patience_s / 2):
            # A heartbeat says that there is nothing else to be read.
            await stream.wait(lambda s: bool(s.events or s.heartbeats))
            if self.tokens:
                await ctx.shows(stream, script, self.tokens)
        return True


PAUSES = (
    Pause(name="before-headers", words=(hold("headers"),), state="held"),
    Pause(
        name="before-first-token",
        words=(stall(after=0),),
        call=None,
        state="headers_sent",
    ),
    Pause(
        name="midstream",
        words=(say(tokens=4), stall(after=2)),
        call=None,
        tokens=2,
    ),
)
