"""Rules: which script a call follows that says nothing itself.

    followed = rulebook.follow(facts)       # the first that fits, else the default

A rulebook counts, so the same calls in the same order follow the same scripts.
Must not know sockets, clocks, wire formats, or how a prompt spells directives.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from .errors import RequestError
from .script import Script

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .script import Library, Match, Rule

__all__ = ["Facts", "Followed", "Rulebook", "fits"]

# A refusal quotes that much of what came.
MAX_SHOWN: Final = 80
# Header fields that hold a credential: a refusal, and with it the journal, must not.
SECRET: Final = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie"})


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
        failures = [
            next(_failures(rule.match, facts), None) for rule in self._library.rules
        ]
        for place, failure in enumerate(failures):
            self._fitted[place] += failure is None
        for place, failure in enumerate(failures):
            if failure is None and self._is_its_turn(place):
                return self._next_of(place)
        default = self._library.scripts.get("default")
        if default is not None:
            return Followed(script=default, source="default")
        if not failures:
            return Followed(script=Script(), source=None)
        raise RequestError(
            f"no rule fits this call, {self._nearest(failures)}; "
            "a script called 'default' would be followed by all others",
            status=HTTPStatus.NOT_FOUND,
            code="no_rule_fits",
        )

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

    def _nearest(self, failures: list[_Failure | None]) -> str:
        """Describe the rule that most conditions of held; of several, the first."""
        worded = [
            failure or self._wrong_ordinal(place)
            for place, failure in enumerate(failures)
        ]
        place = max(range(len(worded)), key=lambda at: worded[at].held)
        return f"the nearest is rules.{place}: {worded[place].words}"

    def _wrong_ordinal(self, place: int) -> _Failure:
        rule, count = self._library.rules[place], self._fitted[place]
        return _Failure(
            held=_conditions(rule) - 1,
            words=f"expected ordinal to be {rule.match.ordinal}, got {count}",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Failure:
    """The first condition that does not hold, and how many before it do."""

    held: int
    words: str


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


def _failures(match: Match, facts: Facts) -> Iterator[_Failure]:
    """Go through the conditions, from the widest to the narrowest, but `ordinal`."""
    for held, (name, wanted, holds, got) in enumerate(_compared(match, facts)):
        if not holds:
            yield _Failure(held=held, words=f"expected {name} {wanted}, got {got}")


def _compared(match: Match, facts: Facts) -> Iterator[tuple[str, str, bool, str]]:
    """Yield name, expectation, whether it holds, and what came, of each condition."""
    if match.provider is not None:
        is_it = match.provider == facts.provider
        yield "provider", f"to be {match.provider!r}", is_it, repr(facts.provider)
    if match.model is not None:
        holds = fits(match.model, facts.model)
        yield "model", f"to be {match.model!r}", holds, _shown(facts.model)
    for name, pattern in match.header.items():
        value = facts.headers.get(name)
        holds = value is not None and fits(pattern, value)
        secret = "another" if value is not None and name in SECRET else None
        got = secret or ("none" if value is None else _shown(value))
        yield f"header {name}", f"to be {pattern!r}", holds, got
    if match.prompt is not None:
        holds = any(match.prompt in text for text in facts.texts)
        got = _shown(facts.texts[-1]) if facts.texts else "no text"
        yield "prompt", f"to contain {_shown(match.prompt)}", holds, got


def _shown(text: str) -> str:
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")
