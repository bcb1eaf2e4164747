"""Event order as a regular expression over event types, run as an automaton.

Syntax: event types separated by white space; `*`, `+`, `?` and `{n}` after a type or
a parenthesis; `|` between alternatives; `( )`. Pure: text in, automaton out.

The automaton is Thompson's (1968): as many states as the expression has parts, and a
set of them at a time. So one event costs at most that many steps whatever the text,
and "what may come next" can be told to the user word for word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_REPEAT = 1000
"""Largest `{n}`."""

MAX_LENGTH = 20_000
"""Longest text, in characters."""

MAX_DEPTH = 50
"""Most parentheses and marks inside each other: reading and building recurse."""

MAX_STATES = 20_000
"""Largest automaton, every `{n}` written out: it is what one event may cost."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_.:/\[\]-]+)|([()|*+?])|\{([0-9]{1,9})\})")


class GrammarError(ValueError):
    """The grammar text cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


@dataclass(frozen=True, slots=True)
class _Then:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Either:
    branches: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Many:
    """`*`, `+` or `?`."""

    body: _Node
    may_lack: bool
    may_repeat: bool


@dataclass(frozen=True, slots=True)
class _Times:
    body: _Node
    count: int


_Node = _Name | _Then | _Either | _Many | _Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """Where a sequence left the grammar.

    `index` is the position of the first event that does not fit, or the length of
    the sequence when it ended too early; `allowed` are the types that would have fit.
    """

    index: int
    got: str | None
    allowed: tuple[str, ...]


class Grammar:
    """A compiled event order; raises `GrammarError` for text it cannot read."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            raise GrammarError(
                f"expected at most {MAX_LENGTH} characters, got {len(text)}"
            )
        self.text = text
        root = _Parser(text).parse()
        states = _size(root)
        if states > MAX_STATES:
            raise GrammarError(
                f"expected at most {MAX_STATES} steps with every repeat written out, "
                f"got {states}"
            )
        self._automaton = _Automaton(root)

    def names(self) -> frozenset[str]:
        """Return every event type the grammar mentions."""
        return frozenset(word for word, *_ in _TOKEN.findall(self.text) if word)

    def mismatch(
        self, types: Sequence[str], *, complete: bool = True
    ) -> Mismatch | None:
        """Return where `types` leaves the grammar, or None if it fits.

        With `complete=False` a prefix of a sequence fits too: for a stream that was
        cut or ended in an error.
        """
        automaton = self._automaton
        states = automaton.start
        for index, name in enumerate(types):
            following = automaton.after(states, name)
            if not following:
                return Mismatch(index=index, got=name, allowed=automaton.next_(states))
            states = following
        if complete and automaton.end not in states:
            return Mismatch(index=len(types), got=None, allowed=automaton.next_(states))
        return None


class _Parser:
    """Recursive descent over the token list; one instance reads one grammar."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[int, str]] = []
        self._depth = 0
        position = 0
        stripped = text.rstrip()
        while position < len(stripped):
            found = _TOKEN.match(stripped, position)
            if found is None:
                raise GrammarError(
                    f"expected an event type, one of ( ) | * + ? or {{n}}, got "
                    f"{stripped[position : position + 10].lstrip()!r} after column "
                    f"{position}"
                )
            word, sign, _ = found.groups()
            token = word or sign or found[0].strip().removesuffix("}")
            column = position + len(found[0]) - len(found[0].lstrip()) + 1
            self._tokens.append((column, token))
            position = found.end()
        self._at = 0

    def parse(self) -> _Node:
        node = self._either()
        if self._at < len(self._tokens):
            column, token = self._tokens[self._at]
            raise GrammarError(f"expected the end, got {token!r} at column {column}")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else ""

    def _either(self) -> _Node:
        branches = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            branches.append(self._sequence())
        return branches[0] if len(branches) == 1 else _Either(tuple(branches))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        if not parts:
            raise GrammarError("expected an event type, got an empty alternative")
        return parts[0] if len(parts) == 1 else _Then(tuple(parts))

    def _repeated(self) -> _Node:
        node = self._atom()
        depth = self._depth
        while True:
            token = self._peek()
            if token in ("*", "+", "?"):
                node = _Many(node, may_lack=token != "+", may_repeat=token != "?")
            elif token.startswith("{"):
                count = int(token[1:])
                if not 1 <= count <= MAX_REPEAT:
                    raise GrammarError(
                        f"expected a repeat from 1 to {MAX_REPEAT}, got {count}"
                    )
                node = _Times(node, count)
            else:
                self._depth = depth
                return node
            self._deeper()
            self._at += 1

    def _atom(self) -> _Node:
        column, token = self._tokens[self._at]
        if token == "(":
            self._deeper()
            self._at += 1
            node = self._either()
            if self._peek() != ")":
                raise GrammarError(f"expected ) for the ( at column {column}")
            self._at += 1
            self._depth -= 1
            return node
        self._at += 1
        if token in ("*", "+", "?") or token.startswith("{"):
            raise GrammarError(f"expected an event type before {token!r}")
        return _Name(token)

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            column, token = self._tokens[self._at]
            raise GrammarError(
                f"expected at most {MAX_DEPTH} parentheses and marks inside each "
                f"other, got one more, {token!r} at column {column}"
            )


def _size(node: _Node) -> int:
    """Return how many states a node takes at most."""
    match node:
        case _Name():
            return 1
        case _Then(parts) | _Either(parts):
            return 1 + sum(map(_size, parts))
        case _Many(body):
            return 1 + _size(body)
        case _Times(body, count):
            return 1 + count * _size(body)


class _Automaton:
    """States as numbers: each reads one type, or leads on to others unread."""

    def __init__(self, root: _Node) -> None:
        self._reads: list[tuple[str, int] | None] = []
        self._leads: list[list[int]] = []
        self.end = self._state()
        self.start = self._closure([self._build(root, self.end)])

    def after(self, states: frozenset[int], name: str) -> frozenset[int]:
        """Return the states that follow an event; none if it does not fit."""
        reads = filter(None, (self._reads[state] for state in states))
        return self._closure(to for wanted, to in reads if wanted == name)

    def next_(self, states: frozenset[int]) -> tuple[str, ...]:
        """Return the types that may come next, sorted; the end as `<end>`."""
        names = {read[0] for state in states if (read := self._reads[state])}
        if self.end in states:
            names.add("<end>")
        return tuple(sorted(names))

    def _state(self, read: tuple[str, int] | None = None) -> int:
        self._reads.append(read)
        self._leads.append([])
        return len(self._reads) - 1

    def _build(self, node: _Node, then: int) -> int:
        """Add states for a node that leads to `then`; return the one it starts in."""
        match node:
            case _Name(name):
                return self._state((name, then))
            case _Then(parts):
                for part in reversed(parts):
                    then = self._build(part, then)
                return then
            case _Either(branches):
                fork = self._state()
                self._leads[fork] = [self._build(each, then) for each in branches]
                return fork
            case _Many(body, may_lack, may_repeat):
                fork = self._state()
                first = self._build(body, fork if may_repeat else then)
                self._leads[fork] = [first, then]
                return fork if may_lack else first
            case _Times(body, count):
                for _ in range(count):
                    then = self._build(body, then)
                return then

    def _closure(self, states: Iterable[int]) -> frozenset[int]:
        """Return the states and all that they lead to unread."""
        todo = list(states)
        found = set(todo)
        while todo:
            fresh = [each for each in self._leads[todo.pop()] if each not in found]
            found.update(fresh)
            todo += fresh
        return frozenset(found)
