"""Invariants of numbers that count something."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.checks.invariants.saying import Given, Rule, said
from tests.conformance.checks.timelines import RUN


def test_count_tells_how_many_came_before() -> None:
    rule: Rule = {"type": "sum", "pointer": "/n", "counts": "token"}
    tokens: list[Given] = [("token", {})] * 2

    assert said("count", rule, *tokens, ("sum", {"n": 2})) == []
    (found,) = said("count", rule, *tokens, ("sum", {"n": 3}))
    assert "2 at /n, as many as token events came / 3" in found


COUNT: Rule = {"type": "sum", "pointer": "/n", "counts": "token"}


@pytest.mark.parametrize(
    ("values", "said_", "is_right"),
    [
        ([1, 2, 2, 1], 2, True),
        ([1, "1"], 2, True),
        ([{"a": 1, "b": 2}, {"b": 2, "a": 1}], 1, True),
        ([], 0, True),
        ([1, 1], 2, False),
    ],
)
def test_count_may_tell_how_many_differ(
    values: list[Any], said_: int, *, is_right: bool
) -> None:
    rule: Rule = {**COUNT, "distinct": "/v"}
    tokens: list[Given] = [("token", {"v": value}) for value in values]

    found = said("count", rule, *tokens, ("token", {}), ("sum", {"n": said_}))

    assert (found == []) is is_right
    assert all("different values at /v in token events came" in each for each in found)


WORDS: Rule = {"type": "token", "pointer": "/text", "to_type": "sum", "to": "/n"}


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["one", " two"], 2),
        (["o", "ne"], 1),
        ([" \n one\ttwo\u00a0three "], 3),
        (["", None], 0),
        ([], 0),
    ],
)
def test_words_are_those_of_the_joined_texts(texts: list[Any], words: int) -> None:
    tokens: list[Given] = [("token", {"text": text}) for text in texts]

    (wrong,) = said("words", WORDS, *tokens, ("sum", {"n": words + 1}))

    assert said("words", WORDS, *tokens, ("sum", {"n": words})) == []
    assert f"{words} at /n, the words of the joined /text of {len(texts)}" in wrong


SUM: Rule = {"type": "token", "pointer": "/v", "to_type": "sum", "to": "/n"}


@pytest.mark.parametrize(
    ("values", "total"), [([1, 2], 3), ([0.1, 0.2], 0.3), ([], 0), ([5], 5.0)]
)
def test_a_sum_is_that_of_the_numbers_before(values: list[Any], total: float) -> None:
    tokens: list[Given] = [("token", {"v": value}) for value in values]

    (wrong,) = said("sum", SUM, *tokens, ("sum", {"n": total + 1}))

    assert said("sum", SUM, *tokens, ("token", {}), ("sum", {"n": total})) == []
    assert f"{total:g} at /n, the sum of /v in {len(values)} token events" in wrong


def test_what_is_no_number_has_no_sum() -> None:
    (part,) = said("sum", SUM, ("token", {"v": "1"}), ("sum", {"n": 0}))
    (whole,) = said("sum", SUM, ("sum", {"n": "0"}))

    assert 'a number at /v / "1" in token' in part
    assert '0 at /n, the sum of /v in 0 token events / "0" in sum' in whole


LENGTH: Rule = {"type": "found", "pointer": "/items", "to": "/count"}


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"items": [1, 2], "count": 2}, None),
        ({"items": [], "count": 0}, None),
        ({"items": [1]}, None),
        ({"count": 3}, None),
        ({"items": [1], "count": 2}, "1 at /count, the length of /items / 2 in found"),
        ({"items": [1], "count": True}, "1 at /count, the length of /items / true"),
        ({"items": {}, "count": 0}, "a list at /items / {} in found"),
    ],
)
def test_length_is_that_of_the_list_beside_it(
    values: dict[str, Any], found: str | None
) -> None:
    breaches = said("length", LENGTH, ("found", values))

    assert len(breaches) == (found is not None)
    assert all(found in each for each in breaches if found is not None)


@pytest.mark.parametrize(
    ("kind", "rule"), [("count", COUNT), ("words", WORDS), ("sum", SUM)]
)
def test_a_resumed_response_is_not_held_against_a_whole_stream(
    kind: str, rule: Rule
) -> None:
    assert said(kind, rule, ("sum", {"n": 1})) != []
    assert said(kind, rule, ("sum", {"n": 1}), after=f"{RUN}-1") == []
