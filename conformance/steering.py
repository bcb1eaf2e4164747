"""What probes tell the fake model, and the only place that spells it.

Pure. A model call follows a script of words. They reach the fake provider as directives
in the prompt, `[[fake:word key=value …]]`, where a text stands as a JSON string; or the
prompt carries one directive with the key alone, and the script is put under that key as
JSON. Every word below has the name and the keys that it has there; times are in ms
there and in s here.

Which calls a run makes, whose text is shown and which answers it needs is the
profile's to say: a probe asks for tokens and pauses, `write_script` makes of them what
this target needs. A *call* is numbered as the profile does, a *turn* as the fake
provider does: a call that is tried again is one call of two turns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, pairwise
from typing import Literal

from .profiles.schema import Steering, TokenText

_LAST_TURN = 999_999
"""The fake's own limit: turns have up to six digits."""

_DIRECTIVE = re.compile(r"\[\[fake:.*?\]\]", re.DOTALL)
_KEY = re.compile(r"\bcall=([A-Za-z0-9_-]{1,64})")
_TEXTS = ("text", "message")  # keys whose values stand in quotes
_IN_JSON = {"first": "first_ms", "each": "each_ms", "retry_after": "retry_after_s"}
_LISTED = ("say", "stall", "hold")  # words of which the JSON has a list
_FILLER = ("amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "haven")


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One word of a script; `tokens` and `seconds` are what it adds to a model call."""

    word: str
    values: Mapping[str, str | float]
    tokens: int = 0
    seconds: float = 0.0
    seconds_each: float = 0.0

    def directive(self, *, call: str, turns: str = "") -> str:
        """Write it for the model calls with this key, or for some turns of them."""
        values = {**self.values, "call": call} | ({"turn": turns} if turns else {})
        pairs = (f" {key}={_value(key, value)}" for key, value in values.items())
        return f"[[fake:{self.word}{''.join(pairs)}]]"

    def json(self) -> dict[str, str | float]:
        """Return the values as the control API wants them."""
        return {_IN_JSON.get(key, key): value for key, value in self.values.items()}


def say(
    *, tokens: int | None = None, text: str | None = None, pieces: int | None = None
) -> Word:
    """Say so many words, or this text: a token a word, or in so many pieces."""
    if text is not None and pieces is not None:
        return Word(word="say", values={"text": text, "pieces": pieces}, tokens=pieces)
    if text is not None:
        return Word(word="say", values={"text": text}, tokens=len(text.split()) + 1)
    return Word(word="say", values={"tokens": tokens or 0}, tokens=tokens or 0)


def delay(*, first_s: float = 0.0, each_s: float = 0.0) -> Word:
    """Wait before the first token, and between tokens."""
    return Word(
        word="delay",
        values={"first": _ms(first_s), "each": _ms(each_s)},
        seconds=first_s,
        seconds_each=each_s,
    )


def stall(*, after: int, seconds: float | None = None) -> Word:
    """Fall silent after so many tokens, for a time or until the peer leaves."""
    if seconds is None:
        return Word(word="stall", values={"after": after})
    values = {"after": after, "ms": _ms(seconds)}
    return Word(word="stall", values=values, seconds=seconds)


def hold(at: Literal["headers", "end"]) -> Word:
    """Wait for the gate: before the response head, or before the end."""
    return Word(word="hold", values={"at": at})


def hold_after(token: int) -> Word:
    """Wait for the gate once this token is sent."""
    return Word(word="hold", values={"at": "token", "after": token})


def fail(
    status: int, *, retry_after_s: int | None = None, message: str | None = None
) -> Word:
    """Refuse the call with an HTTP error."""
    values: dict[str, str | float] = {"status": status}
    if retry_after_s is not None:
        values["retry_after"] = retry_after_s
    if message is not None:
        values["message"] = message
    return Word(word="fail", values=values)


def error(*, after: int, message: str) -> Word:
    """Send an error object after so many tokens."""
    return Word(word="error", values={"after": after, "message": message})


def drop(*, after: int, how: Literal["fin", "rst"]) -> Word:
    """Cut the connection after so many tokens."""
    return Word(word="drop", values={"after": after, "how": how})


def truncate(*, after: int) -> Word:
    """End the answer after so many tokens, without saying so."""
    return Word(word="truncate", values={"after": after})


TWO_TOKENS = (say(tokens=2),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What the model calls of one stream do.

    Attributes:
        key: the correlation key of these calls, by which the journal finds them.
        turns: the words of each turn; the last entry is for all that come after.
        turn: which of them a probe watches; those before it say nothing special.
        words_per_token: how many words of the model the reader sees at once there.
    """

    key: str
    turns: tuple[tuple[Word, ...], ...]
    turn: int = 1
    words_per_token: int = 1

    @property
    def holds(self) -> bool:
        """Tell whether the model waits at a gate."""
        return any(word.word == "hold" for turn in self.turns for word in turn)

    @property
    def seconds(self) -> float:
        """How long its calls take in a row; gates and forever not counted."""
        return sum(_seconds(turn) for turn in self.turns[:-1] or self.turns)

    def text(self) -> str:
        """Write the script as directives, to be the prompt."""
        words: list[Word] = []
        for turn in self.turns:
            words += [word for word in turn if word not in words]
        return " ".join(
            word.directive(call=self.key, turns=turns)
            for word in words
            for turns in _ranges([word in turn for turn in self.turns])
        )

    def marker(self) -> str:
        """Write the key alone, to be the prompt where the script is put as JSON."""
        return Word(word="say", values={}).directive(call=self.key)

    def json(self) -> list[dict[str, object]]:
        """Return the script as the control API takes it: one for each turn."""
        turns = list(self.turns)
        while len(turns) > 1 and turns[-1] == turns[-2]:
            turns.pop()
        return [_json(turn) for turn in turns]

    def token_state(self, tokens: int) -> str:
        """Return what the journal calls the state of having sent so many tokens."""
        return f"token:{tokens * self.words_per_token}"


def write_script(
    steering: Steering,
    key: str,
    *special: Word,
    always: Iterable[Word] = TWO_TOKENS,
    call: int | None = None,
) -> Script:
    """Make the script of one stream for a target that is steered so.

    Args:
        steering: what the profile says.
        key: the correlation key.
        special: what one call does; its words replace those of `always` there.
        always: what every call does.
        call: the number of that one; by default `watched_call`.

    A token of a shown call is a portion that the reader sees at once. Where a call
    needs an answer, that is said in place of any other words, in as many tokens.
    """
    always = tuple(always)
    watched = watched_call(steering) if call is None else call
    kinds = {word.word for word in special}
    replaced = (*special, *(word for word in always if word.word not in kinds))
    turns = []
    for number in range(1, max(steering.calls_per_run, watched) + 1):
        if number == watched:
            turns.append(_fitted(replaced, number, steering))
        # A call that was refused comes again.
        if number != watched or "fail" in kinds:
            turns.append(_fitted(always, number, steering))
    turns.append(_fitted(always, len(turns) + 1, steering))
    portion = _portion(steering, watched)
    return Script(
        key=key,
        turns=tuple(turns),
        turn=watched,
        words_per_token=1 if portion is None else portion.words,
    )


def watched_call(steering: Steering) -> int:
    """Return the number of the call that probes disturb: the first that is shown.

    Where none is, the first of all.
    """
    return 1 if isinstance(steering.shown, str) else min(steering.shown)


def is_shown(steering: Steering, call: int) -> bool:
    """Tell whether the reader sees the text of the call with this number."""
    if isinstance(steering.shown, str):
        return steering.shown == "all"
    return call in steering.shown


def key_in(text: str) -> str | None:
    """Return the correlation key in a text with directives, if there is one."""
    # The last one: a text that a model is told to say may hold anything, and stands
    # before the key.
    keys = _KEY.findall(text)
    return keys[-1] if keys else None


def directives_in(text: str) -> list[str]:
    """Return every directive in a text, as it stands there."""
    return _DIRECTIVE.findall(text)


def without_directives(text: str) -> str:
    """Return a text without the directives in it."""
    return _DIRECTIVE.sub("", text)


def has_gate(directives: Iterable[str]) -> bool:
    """Tell whether one of these directives makes the model wait at a gate."""
    return any(each.startswith("[[fake:hold") for each in directives)


def _fitted(words: Sequence[Word], call: int, steering: Steering) -> tuple[Word, ...]:
    """Make of what a probe wants of any call what this one has to do."""
    answer = _answer(steering, call)
    if answer is not None:
        return tuple(_answered(words, answer))
    portion = _portion(steering, call)
    if portion is not None:
        return tuple(_in_portions(word, portion) for word in words)
    return tuple(words)


def _answer(steering: Steering, call: int) -> str | None:
    """Return what this call must say, if that is not free."""
    texts = (each.text for each in steering.answers if call in each.calls)
    return next(texts, None)


def _portion(steering: Steering, call: int) -> TokenText | None:
    """Return in what portions the reader sees this call, if a probe decides them."""
    is_free = is_shown(steering, call) and _answer(steering, call) is None
    return steering.token if is_free else None


def _answered(words: Sequence[Word], text: str) -> Iterator[Word]:
    """Yield the words with this text, in as many tokens, for all that is said."""
    said = [word for word in words if word.word == "say"]
    pieces = min(sum(word.tokens for word in said), len(text))
    for word in words:
        if word.word != "say":
            yield word
        elif word is said[0]:
            values: dict[str, str | float] = {"text": text, "pieces": pieces}
            yield Word(word="say", values=values, tokens=pieces)


def _in_portions(word: Word, portion: TokenText) -> Word:
    """Return the word with a whole portion for every token."""
    size = portion.words
    values = dict(word.values)
    if word.word == "say" and "tokens" in values:
        count = word.tokens * size
        if not portion.end:
            return say(tokens=count)
        filler = tuple(islice(cycle(_FILLER), size))
        text = (" ".join(filler) + portion.end) * word.tokens
        return replace(say(text=text), tokens=count)
    if "after" in values:
        values["after"] = int(values["after"]) * size
    if word.word == "delay":
        values["each"] = _ms(word.seconds_each / size)
    return replace(word, values=values, seconds_each=word.seconds_each / size)


def _ranges(wanted: Sequence[bool]) -> Iterator[str]:
    """Yield the turns that are wanted, as directives name them; "" for all.

    The last entry stands for all turns from there on.
    """
    if all(wanted):
        yield ""
        return
    edges = [n for n, (a, b) in enumerate(pairwise((False, *wanted, False))) if a != b]
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        last = _LAST_TURN if after == len(wanted) else after
        yield f"{first + 1}-{last}" if last > first + 1 else f"{last}"


def _json(words: Iterable[Word]) -> dict[str, object]:
    script: dict[str, object] = {}
    for word in words:
        if word.word in _LISTED:
            listed = script.setdefault(word.word, [])
            assert isinstance(listed, list)  # noqa: S101 -- made in the line above
            listed.append(word.json())
        else:
            script[word.word] = word.json()
    return script


def _seconds(words: Iterable[Word]) -> float:
    words = tuple(words)
    tokens = sum(word.tokens for word in words)
    return sum(word.seconds + word.seconds_each * tokens for word in words)


def _ms(seconds: float) -> float:
    """Return whole ms as an integer, others with three digits."""
    ms = round(seconds * 1000, 3)
    return int(ms) if ms == int(ms) else ms


def _value(key: str, value: str | float) -> str:
    is_text = isinstance(value, str) and key in _TEXTS
    return json.dumps(value) if is_text else str(value)
