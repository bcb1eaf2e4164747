"""Rules: which script a call follows that says nothing itself.

    followed = rulebook.follow(facts)       # the first that fits, else the default

A rulebook counts, so the same calls in the same order follow the same scripts.
Must not know sockets, clocks, wire formats, or how a prompt spells directives.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from ..errors import RequestError
from ..keys import SECRET_FIELDS
from ..wording import MAX_SHOWN
from . import Script

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from . import Library, Match, Rule

__all__ = ["Facts", "Followed", "Rulebook", "fits"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a rule can look at.

    Args:
        headers: fields by name in lower case.
    """

    texts: tuple[str, ...]
    model: str
    provider: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """A script, and where it came from: `rules.2:busy`, `default`, None for nowhere."""

    script: Script
    source: str | None


class Rulebook:
    """The rules of a library, how many calls fitted each, and how many followed it."""

    def __init__(self, library: Library) -> None:
        """Start counting."""
        self._library = library
        self._fitted = [0] * len(library.rules)
        self._followed = [0] * len(library.rules)

    def follow(self, facts: Facts) -> Followed:
        """Count one call and choose its script.

        Raises:
            RequestError: 404, when there are rules, none fits, and nothing is the
                default; it says which rule came nearest and what it failed in.
        """
        place = self._first_that_fits(facts)
        if place is not None:
            return self._next_of(place)
        default = self._library.scripts.get("default")
        if default is not None:
            return Followed(script=default, source="default")
        if not self._library.rules:
            return Followed(script=Script(), source=None)
        raise RequestError(
            f"no rule fits this call, {self._nearest(facts)}; "
            "a script called 'default' would be followed by all others",
            status=HTTPStatus.NOT_FOUND,
            code="no_rule_fits",
        )

    def _first_that_fits(self, facts: Facts) -> int | None:
        """Find the rule to follow; behind it only those that count are looked at."""
        first = None
        for place, rule in enumerate(self._library.rules):
            if first is not None and rule.match.ordinal is None:
                continue
            if _held(rule.match, facts) is None:
                self._fitted[place] += 1
                if first is None and self._is_its_turn(place):
                    first = place
        return first

    def _is_its_turn(self, place: int) -> bool:
        ordinal = self._library.rules[place].match.ordinal
        return ordinal is None or ordinal == self._fitted[place]

    def _next_of(self, place: int) -> Followed:
        scripts = self._library.rules[place].scripts
        self._followed[place] += 1
        chosen = scripts[min(self._followed[place], len(scripts)) - 1]
        if isinstance(chosen, Script):
            return Followed(script=chosen, source=f"rules.{place}")
        script = self._library.scripts[chosen]
        return Followed(script=script, source=f"rules.{place}:{chosen}")

    def _nearest(self, facts: Facts) -> str:
        """Describe the rule that most conditions of held; of several, the first."""
        held = [self._held(rule, facts) for rule in self._library.rules]
        place = held.index(max(held))
        return f"the nearest is rules.{place}: {self._failure(place, facts)}"

    def _held(self, rule: Rule, facts: Facts) -> int:
        held = _held(rule.match, facts)
        return _conditions(rule) - 1 if held is None else held

    def _failure(self, place: int, facts: Facts) -> str:
        """Say what a rule failed in; only its ordinal, if all the rest holds."""
        match = self._library.rules[place].match
        for condition in _conditions_of(match, facts):
            if not condition.holds:
                return f"expected {condition.wanted()}, got {condition.got()}"
        return f"expected ordinal to be {match.ordinal}, got {self._fitted[place]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    """One of a rule; it is put into words for the nearest rule alone."""

    holds: bool
    wanted: Callable[[], str]
    got: Callable[[], str]


def fits(pattern: str, text: str) -> bool:
    """Tell whether a text is the pattern, `*` standing for any characters.

    Not a regular expression: those take their time over many stars.
    """
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if len(text) < len(first) + len(last):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _conditions(rule: Rule) -> int:
    match = rule.match
    said = (match.provider, match.model, match.prompt, match.ordinal)
    return len(match.header) + sum(one is not None for one in said)


def _held(match: Match, facts: Facts) -> int | None:
    """Count the conditions before the first that does not hold; None if all do."""
    for held, condition in enumerate(_conditions_of(match, facts)):
        if not condition.holds:
            return held
    return None


def _conditions_of(match: Match, facts: Facts) -> Iterator[_Condition]:
    """Judge the conditions, from the widest to the narrowest, but `ordinal`."""
    provider, model, prompt = match.provider, match.model, match.prompt
    if provider is not None:
        yield _Condition(
            holds=provider == facts.provider,
            wanted=lambda: f"provider to be {provider!r}",
            got=lambda: repr(facts.provider),
        )
    if model is not None:
        yield _Condition(
            holds=fits(model, facts.model),
            wanted=lambda: f"model to be {model!r}",
            got=lambda: _shown(facts.model),
        )
    for name, pattern in match.header.items():
        yield _header(name, pattern, facts.headers.get(name))
    if prompt is not None:
        yield _Condition(
            holds=any(prompt in text for text in facts.texts),
            wanted=lambda: f"prompt to contain {_shown(prompt)}",
            got=lambda: _shown(facts.texts[-1]) if facts.texts else "no text",
        )


def _header(name: str, pattern: str, value: str | None) -> _Condition:
    def got() -> str:
        if value is None:
            return "none"
        return "another" if name in SECRET_FIELDS else _shown(value)

    return _Condition(
        holds=value is not None and fits(pattern, value),
        wanted=lambda: f"header {name} to be {pattern!r}",
        got=got,
    )


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")
