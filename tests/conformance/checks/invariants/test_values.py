"""Invariants of values: each kind kept, broken, and not spoken of."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.checks.invariants.saying import (
    DONE,
    Given,
    Rule,
    judged,
    said,
)
from tests.conformance.checks.timelines import RICH, RUN, body, event

from streamproof.conformance.profiles.schema import Heartbeat

SEQUENCE: Rule = {"type": "start", "pointer": "/n", "values": ("a", "b")}
A, B = ("start", {"n": "a"}), ("start", {"n": "b"})


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


def numbered(*numbers: object) -> list[Given]:
    return [("token", {"n": number}) for number in numbers]


@pytest.mark.parametrize(
    ("rule", "numbers", "count"),
    [
        ({}, [1, 1, 2.5], 0),
        ({}, [1, 3, 2], 1),
        ({"direction": "down"}, [3, 3, 1], 0),
        ({"direction": "down"}, [1, 2], 1),
        ({"strict": True}, [1, 2, 2.5], 0),
        ({"strict": True}, [1, 2, 2.0], 1),
        ({"strict": True, "direction": "down"}, [2, 2], 1),
        # What is no number cannot be compared, so it is a breach of its own.
        ({}, [1, "x", None, True, 2], 3),
        ({}, ["1", "0"], 2),
    ],
)
def test_monotonic_numbers_keep_their_direction(
    rule: Rule, numbers: list[Any], count: int
) -> None:
    found = said("monotonic", {"pointer": "/n", **rule}, *numbered(*numbers))

    assert len(found) == count


def test_monotonic_names_both_values() -> None:
    (back,) = said("monotonic", {"pointer": "/n"}, *numbered(3, 2))
    (same,) = said("monotonic", {"pointer": "/n", "strict": True}, *numbered(3, 3))
    (other,) = said("monotonic", {"pointer": "/n"}, *numbered("3"))

    assert "no value below 3 at /n any more / 2 in token" in back
    assert "no value below 3 and not the same at /n any more / 3 in token" in same
    assert 'a number at /n / "3" in token' in other


@pytest.mark.parametrize(
    ("times", "count"),
    [
        (["2026-01-01T10:00:00.000Z", "2026-01-01T10:00:00.001Z"], 0),
        (["2026-01-01T10:00:00Z", "2026-01-01T10:00:00.000000Z"], 0),
        # Later as a text, earlier as a time.
        (["2026-01-01T10:00:00+00:00", "2026-01-01T11:00:00+02:00"], 1),
        (["2026-01-01T10:00:00.001Z", "2026-01-01T10:00:00.000Z"], 1),
        (["2026-01-01T10:00:00"], 1),
        (["2026-01-01 10:00:00Z"], 1),
        (["2026-13-01T10:00:00Z"], 1),
        (["yesterday", 5, None], 3),
    ],
)
def test_monotonic_times_are_compared_as_times(times: list[Any], count: int) -> None:
    found = said("monotonic", {"pointer": "/n", "of": "time"}, *numbered(*times))

    assert len(found) == count


def test_monotonic_may_speak_of_one_type() -> None:
    events = [("token", {"n": 5}), ("sum", {"n": 1}), ("token", {"n": 6})]

    assert said("monotonic", {"pointer": "/n", "type": "token"}, *events) == []
    assert len(said("monotonic", {"pointer": "/n"}, *events)) == 1


def test_a_heartbeat_that_is_an_event_is_one_of_the_values() -> None:
    heartbeat = Heartbeat(form="json", type="beat")
    profile = RICH.model_copy(update={"heartbeat": heartbeat})
    beat = b'data: {"type": "beat", "v": 1}\n\n'
    late = body("stream", event(1, "start", v=2), beat, event(2, "done", v=3))
    right = body("stream", beat, event(1, "start", v=2), event(2, "done", v=3))

    (found,) = judged("monotonic", {"pointer": "/v"}, late, profile)

    assert "no value below 2 at /v any more / 1 in beat (no id)" in found
    assert judged("monotonic", {"pointer": "/v"}, right, profile) == []


def test_a_comment_has_no_value() -> None:
    commented = body("stream", b": hb\n\n", event(1, "start", v=2))

    assert judged("monotonic", {"pointer": "/v"}, commented) == []


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


def test_final_speaks_of_success_only() -> None:
    rule: Rule = {"pointer": "/left", "value": 0}

    assert said("final", rule, ("done", {"left": 0})) == []
    assert said("final", rule, ("error", {"left": 5})) == []
    assert said("final", rule, A) == []
    (found,) = said("final", rule, ("done", {}))
    assert "0 at /left / nothing in done" in found


def test_a_resumed_response_is_held_against_what_each_event_must_satisfy() -> None:
    assert said("constant", {"pointer": "/n"}, A, B, after=f"{RUN}-1") != []


def test_final_may_speak_of_the_last_event_of_a_type() -> None:
    rule: Rule = {"type": "step", "pointer": "/left", "value": 0}
    steps: list[Given] = [("step", {"left": 1}), ("step", {"left": 0})]

    assert said("final", rule, *steps, DONE) == []
    assert said("final", rule, DONE) == []
    assert said("final", rule, steps[0]) == []
    (found,) = said("final", rule, *reversed(steps), DONE)
    assert "0 at /left / 1 in step" in found
