"""An answer out of a script and a seed: its parts, why it stops, what it costs.

Pure: no clock, no wire format.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Final, TypeAlias

from ..content import Answer, Kind, Part, RefusalDetails, StopReason, Usage
from ..dice import pick, roll
from ..errors import ScriptError
from ..script import DEFAULT_TOKENS, MAX_TOKENS, Cost, Refuse, Say, Script, Tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..dice import Dice
    from ..script import Said, Think

    _Words: TypeAlias = Say | Think | Refuse

__all__ = ["make_answer", "split_tokens"]

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


def make_answer(
    script: Script, dice: Dice, *, prompt_tokens: int, max_tokens: int | None
) -> Answer:
    """Make what is said. The same script, seed and request give the same answer.

    Args:
        script: what is to be said.
        dice: of the request; its seed and fingerprint choose the words.
        prompt_tokens: what the prompt counts as.
        max_tokens: no more pieces are made, and the answer then stops for length.

    Raises:
        ScriptError: when too much is said.
    """
    _check_asked(script)
    whole = Answer(parts=tuple(_parts_of(script.say or (Say(),), dice)))
    if whole.size > MAX_TOKENS:
        raise ScriptError(
            f"expected at most {MAX_TOKENS} tokens to be said, got {whole.size}"
        )
    is_cut = max_tokens is not None and whole.size > max_tokens
    answer = whole.head(max_tokens) if max_tokens is not None and is_cut else whole
    return replace(
        answer,
        stop=_stop_reason(script, answer, is_cut=is_cut),
        stop_literal=None if script.stop is None else script.stop.literal,
        usage=_usage(script.usage or Cost(), answer, prompt_tokens),
        is_usage_everywhere=script.usage is not None and script.usage.every,
        refusal=_refusal_details(script.say),
        omitted=frozenset(omit.what for omit in script.omit),
    )


def split_tokens(text: str) -> list[str]:
    """Split losslessly: each word with the white space that follows it.

    White space that leads the text is a token of its own.
    """
    return _TOKEN.findall(text)


def _parts_of(said: Sequence[Said], dice: Dice) -> Iterator[Part]:
    """Yield the parts; texts of one kind that follow each other are one part."""
    index = 0
    for kind, group in groupby(enumerate(said), lambda entry: _KINDS[entry[1].kind]):
        texts: list[str] = []
        for number, entry in group:
            if isinstance(entry, Tool):
                pieces = tuple(_fragments(entry))
                yield Part(
                    index=index,
                    kind=kind,
                    pieces=pieces,
                    name=entry.name,
                    deltas=entry.deltas or "",
                )
                index += 1
            else:
                texts += _tokens_of(entry, dice.seed, f"{dice.fingerprint}:{number}")
        if kind is not Kind.TOOL:
            yield Part(index=index, kind=kind, pieces=tuple(texts))
            index += 1


def _check_asked(script: Script) -> None:
    """Refuse too many seeded words before any is made: a short script can ask for 10⁹.

    Texts need no such care, they are as long as the request that brought them.
    """
    asked = sum(
        _count(entry)
        for entry in script.say
        if not isinstance(entry, Tool) and entry.text is None
    )
    if asked > MAX_TOKENS:
        raise ScriptError(
            f"expected at most {MAX_TOKENS} tokens to be said, got {asked}"
        )


def _tokens_of(words: _Words, seed: int, fingerprint: str) -> list[str]:
    if words.text is not None and words.pieces is not None:
        return list(_cut(words.text, words.pieces))
    if words.text is not None:
        return split_tokens(words.text)
    chosen = pick(VOCABULARY, roll(seed, fingerprint, "words", _count(words)))
    return [f"{word} " for word in chosen[:-1]] + chosen[-1:]


def _count(words: _Words) -> int:
    """Tell how many seeded words are asked for, where no text is given."""
    return DEFAULT_TOKENS if words.tokens is None else words.tokens


def _fragments(tool: Tool) -> Iterator[str]:
    """Cut arguments into fragments of about the same length.

    Without anything to cut, one empty fragment says that there is a call.
    """
    text = tool.arguments[: tool.keep]
    yield from _cut(text, tool.pieces or -(-len(text) // FRAGMENT))
    if not text:
        yield ""


def _cut(text: str, count: int) -> Iterator[str]:
    """Cut a text into pieces of about the same length, none of them empty."""
    count = min(count, len(text))
    for n in range(count):
        yield text[len(text) * n // count : len(text) * (n + 1) // count]


def _stop_reason(script: Script, answer: Answer, *, is_cut: bool) -> StopReason:
    if script.stop is not None and script.stop.reason is not None:
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
    told = cost.model_dump(exclude_none=True, exclude={"every"})
    return Usage(**{**derived, **told})


def _refusal_details(said: Sequence[Said]) -> RefusalDetails:
    for entry in said:
        if isinstance(entry, Refuse):
            return RefusalDetails(
                category=entry.category, explanation=entry.explanation
            )
    return RefusalDetails()
