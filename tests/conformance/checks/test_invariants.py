"""The interpreter of invariants: each kind kept, broken, and not spoken of."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.conformance.checks.timelines import RICH, RUN, body, fields

from streamproof.conformance.checks.invariants import violations
from streamproof.conformance.evidence.streams import read
from streamproof.conformance.profiles.schema import Invariant

ADAPTER: TypeAdapter[Invariant] = TypeAdapter(Invariant)


Given = tuple[str, dict[str, Any]]
Rule = dict[str, Any]


def said(kind: str, rule: Rule, *events: Given, after: str | None = None) -> list[str]:
    """Return `expected / got` of every violation in a stream of these events."""
    invariant = ADAPTER.validate_python({"kind": kind, "name": "rule", **rule})
    frames = [
        fields(n, json.dumps({"type": type_, **values}))
        for n, (type_, values) in enumerate(events, 1)
    ]
    stream = read(body("stream", *frames, after=after), RICH)
    return [f"{f.expected} / {f.got}" for f in violations(invariant, stream)]


SEQUENCE: Rule = {"type": "start", "pointer": "/n", "values": ("a", "b")}
A, B = ("start", {"n": "a"}), ("start", {"n": "b"})
DONE: Given = ("done", {})


def test_a_sequence_may_be_whole_or_cut_but_not_out_of_order() -> None:
    assert said("sequence", SEQUENCE, A, B, DONE) == []
    assert said("sequence", SEQUENCE, A) == []
    assert said("sequence", SEQUENCE, B) == [
        f'rule: "a" at /n as number 1 / "b" in start (id \'{RUN}-1\')'
    ]


def test_a_sequence_is_as_long_as_declared() -> None:
    (short,) = said("sequence", SEQUENCE, A, DONE)
    (long,) = said("sequence", SEQUENCE, A, B, A)

    assert '1 of them and then the end of the stream, without "b"' in short
    assert 'one more, with "a" at /n' in long


def test_equal_speaks_of_events_that_have_both_values() -> None:
    rule: Rule = {"left": "/a", "right": "/b/c"}

    assert said("equal", rule, ("token", {"a": 1, "b": {"c": 1.0}})) == []
    assert said("equal", rule, ("token", {"a": 1}), ("token", {"b": {"c": 2}})) == []
    (broken,) = said("equal", rule, ("token", {"a": 1, "b": {"c": True}}))
    assert "the same value at /a and /b/c / 1 and true" in broken


def test_mapping_decides_one_value_by_another() -> None:
    rule: Rule = {"pointer": "/k", "to": "/v", "values": {"x": 1, "2": "two"}}

    assert said("mapping", rule, ("token", {"k": "x", "v": 1})) == []
    assert said("mapping", rule, ("token", {"k": 2, "v": "two"})) == []
    assert said("mapping", rule, ("token", {"k": "x"})) == []
    (wrong,) = said("mapping", rule, ("token", {"k": "x", "v": 2}))
    assert "1 at /v where /k is x / 2" in wrong
    (unknown,) = said("mapping", rule, ("token", {"k": "y", "v": 1}))
    assert 'one of x, 2 at /k / "y"' in unknown


@pytest.mark.parametrize(
    ("direction", "numbers", "count"),
    [
        ("up", [1, 1, 2.5], 0),
        ("up", [1, 3, 2], 1),
        ("down", [3, 3, 1], 0),
        ("down", [1, 2], 1),
        ("up", [1, "x", None, True, 2], 0),
    ],
)
def test_monotonic_numbers_keep_their_direction(
    direction: str, numbers: list[Any], count: int
) -> None:
    events = [("token", {"n": number}) for number in numbers]

    found = said("monotonic", {"pointer": "/n", "direction": direction}, *events)

    assert len(found) == count


def test_monotonic_names_both_values() -> None:
    (found,) = said("monotonic", {"pointer": "/n"}, A, ("x", {"n": 3}), ("x", {"n": 2}))

    assert "no value below 3 at /n any more / 2 in x" in found


def test_constant_compares_with_the_first_value() -> None:
    assert said("constant", {"pointer": "/n"}, A, A, DONE) == []
    (found,) = said("constant", {"pointer": "/n"}, A, DONE, B)
    assert '"a" at /n throughout / "b"' in found


BRACKET: Rule = {"opens": "open", "closes": "close", "pointer": "/n"}


def test_brackets_hold_their_value_and_may_run_side_by_side() -> None:
    opens = [("open", {"n": n}) for n in "ab"]
    closes = [("close", {"n": n}) for n in "ba"]

    assert said("bracketed", BRACKET, *opens, ("x", {"n": "a"}), *closes) == []
    assert said("bracketed", BRACKET, ("x", {"n": "z"})) == []
    assert said("bracketed", BRACKET, opens[0], closes[1], ("x", {"n": "z"})) == []


@pytest.mark.parametrize(
    ("events", "got"),
    [
        ([("open", {"n": "a"}), ("x", {"n": "b"})], '"a" / "b" in x'),
        ([("open", {"n": "a"}), ("close", {"n": "b"})], '"a" / "b" in close'),
        ([("close", {"n": "a"})], 'nothing / "a" in close'),
    ],
)
def test_what_leaves_its_bracket_is_found(events: list[Given], got: str) -> None:
    (found,) = said("bracketed", BRACKET, *events)

    assert got in found


JOINED: Rule = {"type": "token", "pointer": "/text", "to_type": "whole", "to": "/text"}


def test_joined_parts_equal_their_whole_each_time() -> None:
    parts = [("token", {"text": "a"}), ("token", {"text": "b"})]
    whole = ("whole", {"text": "ab"})

    assert said("joined", JOINED, *parts, whole, *parts, whole) == []
    assert said("joined", JOINED, *parts) == []
    (found,) = said("joined", JOINED, parts[0], whole)
    assert 'the joined /text of 1 token events, "a" / "ab"' in found


def test_a_part_that_is_no_text_counts_as_empty() -> None:
    assert said("joined", JOINED, ("token", {}), ("whole", {"text": ""})) == []


def test_count_tells_how_many_came_before() -> None:
    rule: Rule = {"type": "sum", "pointer": "/n", "counts": "token"}
    tokens: list[Given] = [("token", {})] * 2

    assert said("count", rule, *tokens, ("sum", {"n": 2})) == []
    (found,) = said("count", rule, *tokens, ("sum", {"n": 3}))
    assert "2 at /n, as many as token events came / 3" in found


def test_final_speaks_of_success_only() -> None:
    rule: Rule = {"pointer": "/left", "value": 0}

    assert said("final", rule, ("done", {"left": 0})) == []
    assert said("final", rule, ("error", {"left": 5})) == []
    assert said("final", rule, A) == []
    (found,) = said("final", rule, ("done", {}))
    assert "0 at /left / nothing in done" in found


@pytest.mark.parametrize(
    ("kind", "rule", "events"),
    [
        ("sequence", SEQUENCE, [B]),
        ("bracketed", BRACKET, [("close", {"n": "a"})]),
        ("joined", JOINED, [("whole", {"text": "a"})]),
        ("count", {"type": "sum", "pointer": "/n", "counts": "x"}, [("sum", {"n": 1})]),
    ],
)
def test_a_resumed_response_is_not_held_against_a_whole_stream(
    kind: str, rule: Rule, events: list[Given]
) -> None:
    assert said(kind, rule, *events) != []
    assert said(kind, rule, *events, after=f"{RUN}-1") == []


def test_a_resumed_response_is_held_against_what_each_event_must_satisfy() -> None:
    assert said("constant", {"pointer": "/n"}, A, B, after=f"{RUN}-1") != []
