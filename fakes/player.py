"""Script and seed to a plan: which step, in which order, due when.

Pure: no clock, no wire format. Times are milliseconds since the response headers
left; the engine adds what gates hold it up. Steps come lazily, so a long answer
costs its texts and nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from .dice import pick, roll
from .errors import ScriptError
from .script import DEFAULT_TOKENS, MAX_TOKENS, Fail, InStreamError, Say, Script

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Close",
    "Cut",
    "Emit",
    "End",
    "Failure",
    "Gate",
    "Open",
    "Plan",
    "Silence",
    "Step",
    "StreamError",
    "Terminate",
    "TruncateBody",
    "make_plan",
    "split_tokens",
]

# 64 words, so that a byte picks each as often. One string: as a list, which SIM905
# wants, they take a screen.
VOCABULARY = (  # noqa: SIM905
    "amber autumn beacon birch bridge cedar cloud copper coral crystal dawn delta "
    "desert ember falcon feather field forest garden glacier harbor hazel heron "
    "hollow island ivory jasper juniper lagoon lantern linen maple marble meadow "
    "mirror morning mountain north ocean olive orchard pebble pine planet prairie "
    "quartz quiet rain raven reef ridge river shadow silver stone summer thunder "
    "timber valley violet walnut willow winter wonder"
).split()

_TOKEN = re.compile(r"\A\s+|\S+\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What every step has: when it is due, after the headers left."""

    due_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Open(_Due):
    """Response headers, and whatever the provider sends with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Emit(_Due):
    """Content token number `n` (from 1)."""

    n: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate(_Due):
    """Wait until released."""

    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence(_Due):
    """Wait until the peer leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(_Due):
    """The finish reason, and usage where it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminate(_Due):
    """The provider's terminal frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End(_Due):
    """The end of the response body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(_Due):
    """An HTTP error instead of everything else."""

    fail: Fail


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamError(_Due):
    """An error object in the stream, then the provider's way to end after one."""

    error: InStreamError


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(_Due):
    """The connection goes away, with FIN or RST."""

    how: Literal["fin", "rst"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TruncateBody(_Due):
    """The body ends cleanly, the stream does not."""


Step: TypeAlias = (
    Open
    | Emit
    | Gate
    | Silence
    | Close
    | Terminate
    | End
    | Failure
    | StreamError
    | Cut
    | TruncateBody
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that one call will do, unless its peer leaves before."""

    script: Script
    texts: tuple[str, ...]

    def steps(self) -> Iterator[Step]:
        """Yield the steps in order; `due_ms` never goes down."""
        yield from self._gates("headers", None, 0.0)
        if self.script.fail is not None:
            yield Failure(fail=self.script.fail)
            return
        yield Open()
        eventful = frozenset(_positions(self.script))
        due = 0.0
        for n in range(len(self.texts) + 1):
            if n > 0:
                delay = self.script.delay
                due += delay.first_ms if n == 1 else delay.each_ms
                yield Emit(n=n, text=self.texts[n - 1], due_ms=due)
            if n in eventful:
                yield from self._gates("token", n, due)
                due, silent = self._stalled(n, due)
                if silent:
                    yield Silence(due_ms=due)
                    return
                ending = self._ending(n, due)
                if ending is not None:
                    yield ending
                    return
        yield Close(due_ms=due)
        yield from self._gates("end", None, due)
        yield Terminate(due_ms=due)
        yield from self._gates("body_end", None, due)
        yield End(due_ms=due)

    def _gates(self, at: str, after: int | None, due: float) -> Iterator[Step]:
        for hold in self.script.hold:
            if (hold.at, hold.after) == (at, after):
                yield Gate(at=at, due_ms=due)

    def _stalled(self, n: int, due: float) -> tuple[float, bool]:
        """Add the stalls at position `n`; True when one of them has no end."""
        for stall in self.script.stall:
            if stall.after == n:
                if stall.ms is None:
                    return due, True
                due += stall.ms
        return due, False

    def _ending(self, n: int, due: float) -> Step | None:
        script = self.script
        if script.error is not None and script.error.after == n:
            return StreamError(error=script.error, due_ms=due)
        if script.drop is not None and script.drop.after == n:
            return Cut(how=script.drop.how, due_ms=due)
        if script.truncate is not None and script.truncate.after == n:
            return TruncateBody(due_ms=due)
        return None


def make_plan(script: Script, *, seed: int, fingerprint: str) -> Plan:
    """Turn a script into the plan of one call.

    The same script, seed and request fingerprint give the same plan.

    Raises:
        ScriptError: when a position lies behind the last token, or too much is said.
    """
    said = script.say or (Say(),)
    texts = tuple(
        token
        for part, say in enumerate(said)
        for token in _tokens_of(say, seed, f"{fingerprint}:{part}")
    )
    if len(texts) > MAX_TOKENS:
        raise ScriptError(
            f"expected at most {MAX_TOKENS} tokens to be said, got {len(texts)}"
        )
    for position in _positions(script):
        if position > len(texts):
            raise ScriptError(
                f"expected after to be at most {len(texts)}, the number of tokens "
                f"said, got {position}"
            )
    return Plan(script=script, texts=texts)


def split_tokens(text: str) -> list[str]:
    """Split losslessly: each word with the white space that follows it.

    White space that leads the text is a token of its own.
    """
    return _TOKEN.findall(text)


def _tokens_of(say: Say, seed: int, fingerprint: str) -> list[str]:
    if say.text is not None:
        return split_tokens(say.text)
    count = DEFAULT_TOKENS if say.tokens is None else say.tokens
    chosen = pick(VOCABULARY, roll(seed, fingerprint, "words", count))
    return [f"{word} " for word in chosen[:-1]] + chosen[-1:]


def _positions(script: Script) -> Iterator[int]:
    """Yield every token position at which something other than a token happens."""
    for stall in script.stall:
        yield stall.after
    for hold in script.hold:
        if hold.after is not None:
            yield hold.after
    for ending in (script.error, script.drop, script.truncate):
        if ending is not None:
            yield ending.after
