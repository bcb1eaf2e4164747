"""The three phases of a model call in which a run can end early."""

from __future__ import annotations

from dataclasses import dataclass

import anyio

from ...steering import Script, Word, hold, say, stall
from .context import Context
from .stream import Stream


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase.

    Attributes:
        words: keep the first model call in it.
        state: what the journal notes when the call is in it.
        tokens: how many tokens the reader sees before it.
    """

    name: str
    words: tuple[Word, ...]
    state: str
    tokens: int = 0

    async def reached(self, ctx: Context, script: Script, stream: Stream) -> bool:
        """Wait until the model call is in this phase and the reader is up to date.

        A target that holds everything back until the model speaks never gets its
        reader up to date; half of the patience is left for what comes after.
        """
        if not await ctx.reaches_for(stream, script, self.state):
            return False
        with anyio.move_on_after(ctx.patience_s / 2):
            await stream.has_events(1)
            await stream.has_tokens(self.tokens)
        return True


PHASES = (
    Phase(name="before-headers", words=(hold("headers"),), state="held"),
    Phase(name="before-first-token", words=(stall(after=0),), state="headers_sent"),
    Phase(
        name="midstream",
        words=(say(tokens=4), stall(after=2)),
        state="token:2",
        tokens=2,
    ),
)
