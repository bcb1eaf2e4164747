"""Event order as a regular expression over event types, run as an automaton.

Syntax: event types separated by white space; `*`, `+`, `?` and `{n}` after a type or
a parenthesis; `|` between alternatives; `( )`. Pure: text in, automaton out.

A grammar is matched by derivatives (Brzozowski 1964): what remains to be matched is
itself an expression, so "what may come next" can be told to the user word for word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_REPEAT = 1000
"""Largest `{n}`: an expression is unrolled step by step, so its size stays bounded."""

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_.:/\[\]-]+)|([()|*+?])|\{(\d+)\})")


class GrammarError(ValueError):
    """The grammar text cannot be read; the message says where."""


@dataclass(frozen=True, slots=True)
class _Empty:
    """Matches nothing at all."""


@dataclass(frozen=True, slots=True)
class _Done:
    """Matches the empty sequence."""


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


@dataclass(frozen=True, slots=True)
class _Then:
    first: _Node
    rest: _Node


@dataclass(frozen=True, slots=True)
class _Either:
    branches: frozenset[_Node]


@dataclass(frozen=True, slots=True)
class _Star:
    body: _Node


@dataclass(frozen=True, slots=True)
class _Times:
    body: _Node
    count: int


_Node = _Empty | _Done | _Name | _Then | _Either | _Star | _Times
_EMPTY = _Empty()
_DONE = _Done()


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
        self.text = text
        self._root = _Parser(text).parse()

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
        node = self._root
        for index, name in enumerate(types):
            following = _derive(node, name)
            if following == _EMPTY:
                return Mismatch(index=index, got=name, allowed=_first(node))
            node = following
        if complete and not _nullable(node):
            return Mismatch(index=len(types), got=None, allowed=_first(node))
        return None


class _Parser:
    """Recursive descent over the token list; one instance reads one grammar."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[int, str]] = []
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
        return _either(branches)

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        if not parts:
            raise GrammarError("expected an event type, got an empty alternative")
        node: _Node = _DONE
        for part in reversed(parts):
            node = _then(part, node)
        return node

    def _repeated(self) -> _Node:
        node = self._atom()
        while True:
            token = self._peek()
            if token == "*":
                node = _Star(node)
            elif token == "+":
                node = _then(node, _Star(node))
            elif token == "?":
                node = _either([node, _DONE])
            elif token.startswith("{"):
                count = int(token[1:])
                if not 1 <= count <= MAX_REPEAT:
                    raise GrammarError(
                        f"expected a repeat from 1 to {MAX_REPEAT}, got {count}"
                    )
                node = _Times(node, count)
            else:
                return node
            self._at += 1

    def _atom(self) -> _Node:
        column, token = self._tokens[self._at]
        self._at += 1
        if token == "(":
            node = self._either()
            if self._peek() != ")":
                raise GrammarError(f"expected ) for the ( at column {column}")
            self._at += 1
            return node
        if token in ("*", "+", "?") or token.startswith("{"):
            raise GrammarError(f"expected an event type before {token!r}")
        return _Name(token)


def _then(first: _Node, rest: _Node) -> _Node:
    if _EMPTY in (first, rest):
        return _EMPTY
    if first == _DONE:
        return rest
    if rest == _DONE:
        return first
    return _Then(first, rest)


def _either(branches: Sequence[_Node]) -> _Node:
    flat: set[_Node] = set()
    for branch in branches:
        flat |= branch.branches if isinstance(branch, _Either) else {branch}
    flat.discard(_EMPTY)
    if not flat:
        return _EMPTY
    if len(flat) == 1:
        return flat.pop()
    return _Either(frozenset(flat))


def _nullable(node: _Node) -> bool:
    match node:
        case _Done() | _Star():
            return True
        case _Then(first, rest):
            return _nullable(first) and _nullable(rest)
        case _Either(branches):
            return any(_nullable(branch) for branch in branches)
        case _Times(body, _):
            return _nullable(body)
        case _:
            return False


def _derive(node: _Node, name: str) -> _Node:  # noqa: PLR0911 -- one per node kind
    match node:
        case _Name(own):
            return _DONE if own == name else _EMPTY
        case _Then(first, rest):
            taken = _then(_derive(first, name), rest)
            if _nullable(first):
                return _either([taken, _derive(rest, name)])
            return taken
        case _Either(branches):
            return _either([_derive(branch, name) for branch in branches])
        case _Star(body):
            return _then(_derive(body, name), node)
        case _Times(body, count):
            rest = _Times(body, count - 1) if count > 1 else _DONE
            return _then(_derive(body, name), rest)
        case _:
            return _EMPTY


def _first(node: _Node) -> tuple[str, ...]:
    """Return the event types that may come first, sorted; the end as `<end>`."""
    names: set[str] = set()
    _collect_first(node, names)
    if _nullable(node):
        names.add("<end>")
    return tuple(sorted(names))


def _collect_first(node: _Node, names: set[str]) -> None:
    match node:
        case _Name(name):
            names.add(name)
        case _Then(first, rest):
            _collect_first(first, names)
            if _nullable(first):
                _collect_first(rest, names)
        case _Either(branches):
            for branch in branches:
                _collect_first(branch, names)
        case _Star(body) | _Times(body, _):
            _collect_first(body, names)
        case _:
            return
