"""Event order: what the grammar takes, what it refuses, and how it says so."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.conformance.profiles.grammar import Grammar, GrammarError, Mismatch

NAMES = st.sampled_from(["a", "b", "c"])


@pytest.mark.parametrize(
    ("text", "types"),
    [
        ("a", "a"),
        ("a b", "a b"),
        ("a*", ""),
        ("a*", "a a a"),
        ("a+", "a"),
        ("a? b", "b"),
        ("a | b c", "b c"),
        ("(a | b)* c", "a b b c"),
        ("(a b*){2}", "a b b a"),
        ("(a?){3} b", "a b"),
        ("node-enter text.delta[0] run:x a/b", "node-enter text.delta[0] run:x a/b"),
    ],
)
def test_sequences_of_the_grammar_fit(text: str, types: str) -> None:
    assert Grammar(text).mismatch(types.split()) is None


@pytest.mark.parametrize(
    ("text", "types", "index", "got", "allowed"),
    [
        ("a b", "b", 0, "b", ("a",)),
        ("a b", "a", 1, None, ("b",)),
        ("a b", "a b b", 2, "b", ("<end>",)),
        ("a b*", "a c", 1, "c", ("<end>", "b")),
        ("(a | b) c", "c", 0, "c", ("a", "b")),
        ("(a b){2}", "a b", 2, None, ("a",)),
        ("(a b){2}", "a b a b a", 4, "a", ("<end>",)),
        ("a? b", "c", 0, "c", ("a", "b")),
    ],
)
def test_the_first_event_that_does_not_fit_is_named(
    text: str, types: str, index: int, got: str | None, allowed: tuple[str, ...]
) -> None:
    mismatch = Grammar(text).mismatch(types.split())

    assert mismatch == Mismatch(index=index, got=got, allowed=allowed)


def test_a_prefix_fits_where_the_end_is_not_awaited() -> None:
    grammar = Grammar("(a b){2} c")

    assert grammar.mismatch(["a", "b", "a"], complete=False) is None
    assert grammar.mismatch([], complete=False) is None
    assert grammar.mismatch(["a", "a"], complete=False) == Mismatch(
        index=1, got="a", allowed=("b",)
    )


def test_names_are_those_of_the_text() -> None:
    assert Grammar("(a | b-c)* d{2}").names() == {"a", "b-c", "d"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty alternative"),
        ("a |", "got an empty alternative"),
        ("()", "got an empty alternative"),
        ("(a", "expected ) for the ( at column 1"),
        ("b (a", "expected ) for the ( at column 3"),
        ("a  )", "expected the end, got ')' at column 4"),
        ("* a", "expected an event type before '*'"),
        ("{2}", "expected an event type before '{2'"),
        ("a{0}", "expected a repeat from 1 to 1000, got 0"),
        ("a{1001}", "expected a repeat from 1 to 1000, got 1001"),
        ("a  & b", "got '& b' after column 1"),
        ("a{two}", "got '{two}' after column 1"),
        ("a" * 20_001, "expected at most 20000 characters, got 20001"),
        ("(" * 5000 + "a" + ")" * 5000, "got one more, '(' at column 51"),
        ("a" + "?" * 51, "got one more, '?' at column 52"),
        ("((a{1000}){1000}){1000}", "expected at most 20000 steps"),
    ],
)
def test_a_text_that_is_no_grammar_is_refused(text: str, message: str) -> None:
    with pytest.raises(GrammarError, match=re.escape(message)):
        Grammar(text)


def test_a_long_sequence_of_names_is_read() -> None:
    types = [f"n{number}" for number in range(3000)]

    assert Grammar(" ".join(types)).mismatch(types) is None
    assert Grammar(" ".join(types)).mismatch(types[:-1]) is not None


@pytest.mark.parametrize("text", ["(a? a?){40}", "(a* a*){40}", "((a|a)* (a+)?){60}"])
def test_many_ways_to_read_the_same_events_cost_no_more_than_one(text: str) -> None:
    grammar = Grammar(text)

    assert grammar.mismatch(["a"] * 40) is None
    assert grammar.mismatch(["a"] * 40 + ["b"]) is not None


@given(
    st.recursive(
        NAMES,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda pair: f"({pair[0]} {pair[1]})"),
            st.tuples(inner, inner).map(lambda pair: f"({pair[0]} | {pair[1]})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{3}"])).map(
                lambda pair: f"({pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=6,
    ),
    st.lists(NAMES, max_size=6),
)
def test_it_agrees_with_regular_expressions(text: str, types: list[str]) -> None:
    # One letter per type, so white space aside the syntax is that of `re`.
    pattern = text.replace(" ", "")

    fits = Grammar(text).mismatch(types) is None

    assert fits == (re.fullmatch(pattern, "".join(types)) is not None)
