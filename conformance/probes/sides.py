"""Probes of what is served beside the streams: before one, during it, after its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import cast

from pydantic import JsonValue

from ..evidence.labels import side_step, side_stream
from ..profiles import Profile, is_declared
from ..profiles.captures import find_in_answer
from ..profiles.placeholders import PROMPT, placeholders
from ..profiles.pointer import MISSING
from ..profiles.requests import side_request, unfilled, with_other_method
from ..profiles.schema import Side, SideStep, SideTime
from ..steering import Script, Word, error, hold_after, say
from .bench.context import Context
from .bench.live import LiveExchange
from .bench.probe import Probe
from .bench.tokens import Credential

_ALWAYS = (say(text="A few plain words, the same in every answer."),)
"""What the model says to every request, so that answers can be compared."""


async def sides(ctx: Context, when: SideTime) -> None:
    """Make the requests of each side of the profile that belong to this situation."""
    chosen = [side for side in ctx.profile.sides if side.when == when]
    ctx.facts["sides"] = [side.name for side in chosen]
    for side in chosen:
        script = ctx.script(*_WORDS.get(when, ()), always=_ALWAYS, part=side.name)
        await _SITUATIONS[when](_Visit(ctx=ctx, side=side, script=script))


@dataclass(slots=True, kw_only=True)
class _Visit:
    """The requests of one side, and the stream they are made around.

    Attributes:
        script: of that stream; without one, of its session alone.
        captured: what the answers so far told.
    """

    ctx: Context
    side: Side
    script: Script
    stream: LiveExchange | None = None
    captured: dict[str, JsonValue] = field(default_factory=dict)

    async def start(self) -> LiveExchange:
        """Start the stream."""
        label, user = side_stream(self.side.name), self.side.name
        self.stream = await self.ctx.start(label, self.script, user=user)
        return self.stream

    async def take(self) -> None:
        """Make the requests in order, with what each answer tells for the next.

        Each is first made so that it must be refused, which must not change anything.
        """
        for n, step in enumerate(self.side.requests, 1):
            untold = unfilled(_texts(step), {PROMPT: "", **self._known()})
            if untold:
                words = ", ".join(f"{{{name}}}" for name in untold)
                label = side_step(self.side.name, n)
                self.ctx.leave_out(label, f"no answer told {words}")
                continue
            await self._take_refused(n, step)
            answer = (await self._send(n, step, "")).exchange().transcript
            for name, capture in step.captures.items():
                found = find_in_answer(capture, answer.headers, answer.body)
                if found is not MISSING:
                    self.captured[name] = cast("JsonValue", found)

    async def _take_refused(self, n: int, step: SideStep) -> None:
        profile = self.ctx.profile
        if is_declared(profile, "auth.http-rejection"):
            await self._send(n, step, "none")
        if is_declared(profile, "auth.comes-first"):
            await self._send(n, step, "none-and-wrong-method")
        foreign = side_step(self.side.name, n, "foreign")
        if step.foreign is not None and self.ctx.can_be_another(foreign):
            await self._send(n, step, "foreign")

    async def _send(self, n: int, step: SideStep, variant: str) -> LiveExchange:
        ctx, label = self.ctx, side_step(self.side.name, n, variant)
        values, seconds = self._known(), 0.0
        if PROMPT in placeholders(_texts(step)):
            # With a key of its own, so that the calls of each can be told apart.
            script = ctx.script(always=_ALWAYS, part=label.replace(".", "-"))
            values[PROMPT], seconds = ctx.prompt(script), ctx.seconds(script)
        request = side_request(step, ctx.surroundings.target.prefix, values)
        if variant == "none-and-wrong-method":
            there = [each for each in self.side.requests if each.path == step.path]
            request = with_other_method(request, [each.method for each in there])
        answer = await ctx.send(
            label,
            request,
            user=f"{self.side.name}-other" if variant == "foreign" else self.side.name,
            credential=Credential("") if variant.startswith("none") else None,
            extra_s=seconds,
        )
        await answer.over()
        return answer

    def _known(self) -> dict[str, JsonValue]:
        ctx = self.ctx
        if self.stream is not None:
            return ctx.values(self.stream) | self.captured
        return ctx.fresh_values(self.script) | self.captured


def _texts(step: SideStep) -> list[JsonValue]:
    return [step.path, step.body, dict(step.query), dict(step.headers)]


async def _alone(visit: _Visit) -> None:
    await visit.take()


async def _before(visit: _Visit) -> None:
    await visit.take()
    await (await visit.start()).over()


async def _during(visit: _Visit) -> None:
    stream = await visit.start()
    await visit.ctx.shows(stream, visit.script, 2, visit.ctx.patience_s)
    await visit.take()
    await visit.ctx.release(visit.script)
    await stream.over()


async def _after(visit: _Visit) -> None:
    await (await visit.start()).over()
    await visit.take()


async def _after_cancel(visit: _Visit) -> None:
    stream = await visit.start()
    await visit.ctx.shows(stream, visit.script, 2, visit.ctx.patience_s)
    name = visit.side.name
    await visit.ctx.cancel(f"{name}.cancel", stream, user=name)
    await stream.over()
    await visit.take()


_WORDS: dict[SideTime, tuple[Word, ...]] = {
    "during": (say(tokens=4), hold_after(2)),
    "after-cancel": (say(tokens=4), hold_after(2)),
    "after-error": (say(tokens=4), error(after=2, message="it failed")),
}
"""What the model does at first where it must not simply speak."""


def _seconds(when: SideTime, profile: Profile) -> float:
    chosen = [side for side in profile.sides if side.when == when]
    return 1 + sum(1 + 0.1 * len(side.requests) for side in chosen)


_SITUATIONS: dict[SideTime, Callable[[_Visit], Awaitable[None]]] = {
    "alone": _alone,
    "before": _before,
    "during": _during,
    "after-complete": _after,
    "after-cancel": _after_cancel,
    "after-error": _after,
}

_NEEDS: dict[SideTime, tuple[str, ...]] = {
    "during": ("steering",),
    "after-cancel": ("steering", "cancel.explicit"),
    "after-error": ("steering", "errors"),
}

PROBES = tuple(
    Probe(
        name=f"sides-{when}",
        needs=(f"sides.{when}", *_NEEDS.get(when, ())),
        seconds=partial(_seconds, when),
        run=partial(sides, when=when),
    )
    for when in _SITUATIONS
)
