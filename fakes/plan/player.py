"""Script and seed to a plan: which step, in which order, due when.

Pure: no clock, no wire format. Times are milliseconds since the response headers
left; the engine adds what gates hold it up. Steps come lazily, so a long answer
costs its texts and nothing more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from itertools import chain
from math import inf
from typing import TYPE_CHECKING, TypeAlias

from ..content import Omission
from ..dice import Dice
from ..errors import ScriptError
from ..script import Fault
from .answer import make_answer
from .keepalive import with_pings
from .pace import due_times
from .steps import (
    Close,
    Cut,
    Emit,
    End,
    Failure,
    Gate,
    Line,
    Open,
    Rest,
    Silence,
    StandIn,
    StreamError,
    Terminate,
    TruncateBody,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..content import Answer, Limits
    from ..script import Fail, Script
    from .steps import Step, Upcoming

    # A piece of the answer with its part, and when it is due.
    _Paced: TypeAlias = tuple[Upcoming, float]

__all__ = ["Plan", "make_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that one call will do, unless its peer leaves before.

    Args:
        script: what it follows.
        answer: what it says.
        dice: its choices.
        prompt_tokens: what the prompt counts as.
        stream: False for an answer in one piece.
        refusal: the HTTP error it gets at once, because a quota is used up.
    """

    script: Script
    answer: Answer
    dice: Dice
    prompt_tokens: int = 0
    stream: bool = True
    refusal: Fail | None = None

    @property
    def linger_ms(self) -> float:
        """How long the model goes on after the peer left; `inf` for to its end."""
        linger = self.script.linger
        if linger is None:
            return 0.0
        return inf if linger.ms is None else linger.ms

    def limited(self, limits: Limits, refusal: Fail | None) -> Plan:
        """Tell the limits of a quota, and be refused if they are passed."""
        answer = replace(self.answer, limits=limits)
        return replace(self, answer=answer, refusal=refusal)

    def steps(self) -> Iterator[Step]:
        """Yield the steps in order; `due_ms` never goes down."""
        steps = self._steps()
        keepalive = self.script.keepalive
        if keepalive is None or not self.stream:
            return steps
        return with_pings(steps, keepalive)

    def _steps(self) -> Iterator[Step]:
        script = self.script
        if self.refusal is not None:
            yield Failure(fail=self.refusal, fault=Fault.QUOTA)
            return
        if script.queue is not None:
            yield Line(slots=script.queue.slots)
        yield from self._gates("headers", None, 0.0)
        if script.fail is not None:
            yield Failure(fail=script.fail, fault=Fault.FAIL)
        elif script.page is not None:
            yield StandIn(page=script.page)
        else:
            yield Open()
            yield from self._said()

    def _said(self) -> Iterator[Step]:
        """Yield every token, what happens at its place, and the end."""
        garbles = {garble.at: garble.how for garble in self.script.garble}
        eventful = frozenset(_places(self.script))
        due = lag = 0.0
        pieces = self._pieces()
        if not eventful and not garbles:
            # What most scripts do: nothing has to be looked up for a token.
            for piece, due in pieces:
                if piece is not None:
                    yield Emit(*piece, None, due)
            yield from self._ended(due)
            return
        for n, (piece, paced) in enumerate(pieces):
            due = paced + lag
            if piece is not None:
                yield Emit(*piece, garbles.get(n), due)
            if n in eventful:
                yield from self._gates("token", n, due)
                stalled_ms = self._stalled_ms(n)
                if stalled_ms is None:
                    yield Silence(due_ms=due)
                    return
                if stalled_ms:
                    yield Rest(due_ms=due)
                lag += stalled_ms
                due += stalled_ms
                ending = self._ending(n, due, pieces)
                if ending is not None:
                    yield ending
                    return
        yield from self._ended(due)

    def _pieces(self) -> Iterator[_Paced]:
        """Yield None for the place before the first piece, then every piece."""
        size = self.answer.size
        due = due_times(
            self.script.delay, self.dice, prompt_tokens=self.prompt_tokens, size=size
        )
        pieces = ((part, text) for part in self.answer.parts for text in part.pieces)
        return zip(chain([None], pieces), chain([0.0], due), strict=True)

    def _gates(self, at: str, after: int | None, due: float) -> Iterator[Step]:
        for hold in self.script.hold:
            if (hold.at, hold.after) == (at, after):
                yield Gate(at=at, due_ms=due)

    def _stalled_ms(self, n: int) -> float | None:
        """Add up the stalls at place `n`; None when one of them has no end."""
        total = 0.0
        for stall in self.script.stall:
            if stall.after == n:
                if stall.ms is None:
                    return None
                total += stall.ms
        return total

    def _ending(self, n: int, due: float, rest: Iterator[_Paced]) -> Step | None:
        """Return what breaks off at place `n`, with what would have come next."""
        script = self.script
        if script.error is not None and script.error.after == n:
            return StreamError(error=script.error, due_ms=due)
        if script.drop is not None and script.drop.after == n:
            return Cut(
                how=script.drop.how,
                bytes=script.drop.bytes,
                upcoming=_first(rest),
                terminates=self._terminates,
                due_ms=due,
            )
        if script.truncate is not None and script.truncate.after == n:
            return TruncateBody(
                bytes=script.truncate.bytes,
                upcoming=_first(rest),
                terminates=self._terminates,
                due_ms=due,
            )
        return None

    def _ended(self, due: float) -> Iterator[Step]:
        yield Close(due_ms=due)
        yield from self._gates("end", None, due)
        if self._terminates:
            yield Terminate(due_ms=due)
        yield from self._gates("body_end", None, due)
        yield End(due_ms=due, fault=self._fault())

    @property
    def _terminates(self) -> bool:
        return Omission.TERMINATOR not in self._omitted()

    def _omitted(self) -> frozenset[Omission]:
        """Tell what is missing; an answer in one piece has no last frame to lack it."""
        if self.stream:
            return self.answer.omitted
        return self.answer.omitted - {Omission.TERMINATOR, Omission.PARTS}

    def _fault(self) -> Fault | None:
        """Name what is wrong with an answer that is played to its end."""
        if self.script.garble:
            return Fault.GARBLE
        return Fault.OMIT if self._omitted() else None


def make_plan(
    script: Script,
    *,
    seed: int,
    fingerprint: str,
    prompt_tokens: int = 0,
    max_tokens: int | None = None,
    stream: bool = True,
) -> Plan:
    """Turn a script into the plan of one call.

    The same script, seed and request give the same plan. `max_tokens` is what the
    request allows: no more pieces than that are said, and the answer stops for length.

    Raises:
        ScriptError: when a place lies behind the last token, two things are wrong with
            one, or too much is said.
    """
    dice = Dice(seed=seed, fingerprint=fingerprint)
    answer = make_answer(
        script, dice, prompt_tokens=prompt_tokens, max_tokens=max_tokens
    )
    _check_places(script, answer.size, max_tokens)
    return Plan(
        script=script,
        answer=answer,
        dice=dice,
        prompt_tokens=prompt_tokens,
        stream=stream,
    )


def _check_places(script: Script, size: int, max_tokens: int | None) -> None:
    why = f" (the request allows {max_tokens})" if size == max_tokens else ""
    for key, places in (("after", _places(script)), ("at", _garbled(script))):
        for place in places:
            if place > size:
                raise ScriptError(
                    f"expected {key} to be at most {size}, the number of tokens said, "
                    f"got {place}{why}"
                )
    twice = [at for at, count in Counter(_garbled(script)).items() if count > 1]
    if twice:
        raise ScriptError(f"expected one garble at token {twice[0]}, got more")


def _first(pieces: Iterator[_Paced]) -> Upcoming:
    """Return the next piece, if there is one."""
    piece, _ = next(pieces, (None, 0.0))
    return piece


def _places(script: Script) -> Iterator[int]:
    """Yield every place between tokens at which something happens."""
    for stall in script.stall:
        yield stall.after
    for hold in script.hold:
        if hold.after is not None:
            yield hold.after
    for ending in (script.error, script.drop, script.truncate):
        if ending is not None:
            yield ending.after


def _garbled(script: Script) -> Iterator[int]:
    for garble in script.garble:
        yield garble.at
