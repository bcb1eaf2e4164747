"""What a probe tells the fake model, as directive text in the prompt.

Pure. The form of a directive is the fake provider's: `[[fake:word key=value …]]`, where
a text stands as a JSON string. Every word below has the name and the keys that it has
there; times are in ms there and in s here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

_LAST_TURN = 999_999
"""The fake's own limit: turns have up to six digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """One directive; `tokens` and `seconds` are what it adds to a model call."""

    word: str
    values: Mapping[str, str | float]
    tokens: int = 0
    seconds: float = 0.0
    seconds_each: float = 0.0

    def text(self, *, call: str, turns: str = "") -> str:
        """Write the directive for the model calls with this key, or some of them."""
        values = {**self.values, "call": call} | ({"turn": turns} if turns else {})
        pairs = (f" {key}={_value(key, value)}" for key, value in values.items())
        return f"[[fake:{self.word}{''.join(pairs)}]]"


def say(*, tokens: int | None = None, text: str | None = None) -> Word:
    """Say so many words, or this text."""
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
    """What all model calls of one stream do.

    Attributes:
        key: the correlation key of these calls, by which the journal finds them.
        first: what the first call does.
        always: what every call does; a word that `first` has too counts from the
            second call on.
    """

    key: str
    first: tuple[Word, ...] = ()
    always: tuple[Word, ...] = field(default=TWO_TOKENS)

    @property
    def holds(self) -> bool:
        """Tell whether the model waits at a gate."""
        return any(word.word == "hold" for word in self.first + self.always)

    def text(self) -> str:
        """Write the script as a prompt."""
        special = {word.word for word in self.first}
        blocks = [word.text(call=self.key, turns="1") for word in self.first]
        for word in self.always:
            turns = f"2-{_LAST_TURN}" if word.word in special else ""
            blocks.append(word.text(call=self.key, turns=turns))
        return " ".join(blocks)

    def seconds(self, calls: int) -> float:
        """Return how long so many calls in a row take; gates and forever not counted.

        Where the first call has words of its own, they come on top: an upper bound.
        """
        return _seconds(self.first) + calls * _seconds(self.always)


def _seconds(words: Iterable[Word]) -> float:
    words = tuple(words)
    tokens = sum(word.tokens for word in words)
    return sum(word.seconds + word.seconds_each * tokens for word in words)


def _ms(seconds: float) -> float:
    """Return whole ms as an integer, others with three digits."""
    ms = round(seconds * 1000, 3)
    return int(ms) if ms == int(ms) else ms


def _value(key: str, value: str | float) -> str:
    is_text = isinstance(value, str) and key in ("text", "message")
    return json.dumps(value) if is_text else str(value)
