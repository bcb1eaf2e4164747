"""Script and seed to a plan: which step, in which order, due when.

Pure: no clock, no wire format. Times are milliseconds since the response headers
left; the engine adds what gates hold it up. Steps come lazily, so a long answer
costs its texts and nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from .content import Answer, Kind, Part, RefusalDetails, StopReason, Usage
from .dice import pick, roll
from .errors import ScriptError
from .script import (
    DEFAULT_TOKENS,
    MAX_TOKENS,
    Cost,
    Fail,
    InStreamError,
    Refuse,
    Said,
    Say,
    Script,
    Tool,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .link import Cutting
    from .script import Think

    _Words: TypeAlias = Say | Think | Refuse

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

# Real services send arguments in fragments of one model token, 4 to 8 characters.
FRAGMENT: Final = 6

_KINDS: Final = {
    "say": Kind.TEXT,
    "think": Kind.THINKING,
    "tool": Kind.TOOL,
    "refuse": Kind.REFUSAL,
}
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
    """Piece number `n` (from 1, over all parts) of the answer, in its part."""

    n: int
    part: Part
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

    how: Cutting


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
    answer: Answer

    def steps(self) -> Iterator[Step]:
        """Yield the steps in order; `due_ms` never goes down."""
        yield from self._gates("headers", None, 0.0)
        if self.script.fail is not None:
            yield Failure(fail=self.script.fail)
            return
        yield Open()
        eventful = frozenset(_positions(self.script))
        due = 0.0
        for n, emit in enumerate(self._emits()):
            if emit is not None:
                delay = self.script.delay
                due += delay.first_ms if n == 1 else delay.each_ms
                yield Emit(n=n, part=emit[0], text=emit[1], due_ms=due)
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

    def _emits(self) -> Iterator[tuple[Part, str] | None]:
        """Yield every piece with its part, and None for the place before the first."""
        yield None
        for part in self.answer.parts:
            for text in part.pieces:
                yield part, text

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


def make_plan(
    script: Script,
    *,
    seed: int,
    fingerprint: str,
    prompt_tokens: int = 0,
    max_tokens: int | None = None,
) -> Plan:
    """Turn a script into the plan of one call.

    The same script, seed and request give the same plan. `max_tokens` is what the
    request allows: no more pieces than that are said, and the answer stops for length.

    Raises:
        ScriptError: when a position lies behind the last token, or too much is said.
    """
    _check_asked(script)
    answer = Answer(parts=tuple(_parts_of(script.say or (Say(),), seed, fingerprint)))
    if answer.size > MAX_TOKENS:
        raise ScriptError(
            f"expected at most {MAX_TOKENS} tokens to be said, got {answer.size}"
        )
    is_cut = max_tokens is not None and answer.size > max_tokens
    if max_tokens is not None and is_cut:
        answer = answer.head(max_tokens)
    for position in _positions(script):
        if position > answer.size:
            why = f" (the request allows {max_tokens})" if is_cut else ""
            raise ScriptError(
                f"expected after to be at most {answer.size}, the number of tokens "
                f"said, got {position}{why}"
            )
    return Plan(
        script=script,
        answer=replace(
            answer,
            stop=_stop_reason(script, answer, is_cut=is_cut),
            usage=_usage(script.usage or Cost(), answer, prompt_tokens),
            refusal=_refusal_details(script.say),
        ),
    )


def split_tokens(text: str) -> list[str]:
    """Split losslessly: each word with the white space that follows it.

    White space that leads the text is a token of its own.
    """
    return _TOKEN.findall(text)


def _parts_of(said: Sequence[Said], seed: int, fingerprint: str) -> Iterator[Part]:
    """Yield the parts; texts of one kind that follow each other are one part."""
    index = 0
    for kind, group in groupby(enumerate(said), lambda entry: _KINDS[entry[1].kind]):
        texts: list[str] = []
        for number, entry in group:
            if isinstance(entry, Tool):
                pieces = tuple(_fragments(entry))
                yield Part(index=index, kind=kind, pieces=pieces, name=entry.name)
                index += 1
            else:
                texts += _tokens_of(entry, seed, f"{fingerprint}:{number}")
        if kind is not Kind.TOOL:
            yield Part(index=index, kind=kind, pieces=tuple(texts))
            index += 1


def _check_asked(script: Script) -> None:
    """Refuse too many seeded words before any is made: a short script can ask for 10⁹.

    Texts need no such care, they are as long as the request that brought them.
    """
    asked = sum(
        entry.tokens or 0 for entry in script.say if not isinstance(entry, Tool)
    )
    if asked > MAX_TOKENS:
        raise ScriptError(
            f"expected at most {MAX_TOKENS} tokens to be said, got {asked}"
        )


def _tokens_of(words: _Words, seed: int, fingerprint: str) -> list[str]:
    if words.text is not None:
        return split_tokens(words.text)
    count = DEFAULT_TOKENS if words.tokens is None else words.tokens
    chosen = pick(VOCABULARY, roll(seed, fingerprint, "words", count))
    return [f"{word} " for word in chosen[:-1]] + chosen[-1:]


def _fragments(tool: Tool) -> Iterator[str]:
    """Cut arguments into fragments of about the same length, none of them empty."""
    text = tool.arguments
    count = min(tool.pieces or -(-len(text) // FRAGMENT), len(text))
    for n in range(count):
        yield text[len(text) * n // count : len(text) * (n + 1) // count]


def _stop_reason(script: Script, answer: Answer, *, is_cut: bool) -> StopReason:
    if script.stop is not None:
        return script.stop.reason
    if is_cut:
        return StopReason.LENGTH
    kinds = {part.kind for part in answer.parts}
    if Kind.REFUSAL in kinds:
        return StopReason.REFUSAL
    return StopReason.TOOL_CALLS if Kind.TOOL in kinds else StopReason.STOP


def _usage(cost: Cost, answer: Answer, prompt_tokens: int) -> Usage:
    """Say what was read and made, unless the script says otherwise."""
    derived = {
        "input_tokens": prompt_tokens,
        "output_tokens": answer.size,
        "thinking_tokens": answer.count(Kind.THINKING),
    }
    return Usage(**{**derived, **cost.model_dump(exclude_none=True)})


def _refusal_details(said: Sequence[Said]) -> RefusalDetails:
    for entry in said:
        if isinstance(entry, Refuse):
            return RefusalDetails(
                category=entry.category, explanation=entry.explanation
            )
    return RefusalDetails()


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
