"""Invariants of texts in pieces: what they make, and the markers in them."""

from __future__ import annotations

import pytest
from tests.conformance.checks.invariants.saying import (
    ADAPTER,
    DONE,
    Given,
    Rule,
    judged,
    said,
)
from tests.conformance.checks.timelines import RICH, RUN, body, event, fields, response

from streamproof.conformance.checks.invariants import violations
from streamproof.conformance.evidence.streams import read

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


def test_joined_may_begin_again() -> None:
    rule: Rule = {**JOINED, "since": "again"}
    parts: list[Given] = [("token", {"text": "a"}), ("token", {"text": "b"})]
    whole = ("whole", {"text": "b"})

    assert said("joined", rule, parts[0], ("again", {}), parts[1], whole) == []
    assert said("joined", rule, parts[1], whole) == []
    (found,) = said("joined", rule, parts[0], parts[1], whole)
    assert '"ab" / "b" in whole' in found


def test_an_event_without_type_begins_nothing_again() -> None:
    parts = (fields(1, '{"type": "token", "text": "a"}'), b"data: stray\n\n")
    whole = fields(2, '{"type": "whole", "text": "a"}')

    assert judged("joined", JOINED, body("stream", *parts, whole)) == []


def test_half_a_character_finds_its_other_half() -> None:
    halves: list[Given] = [("token", {"text": "\ud83e"}), ("token", {"text": "\ude7a"})]

    assert said("joined", JOINED, *halves, ("whole", {"text": "\U0001fa7a"})) == []


MARKED: Rule = {
    "type": "token",
    "pointer": "/text",
    "marker": r"\[([1-9][0-9]{0,3})\]",
    "by": "cited",
    "value": "/n",
    "text": "as in [1]",
}
WITH_LIST: Rule = {
    **MARKED,
    "sources": {"type": "found", "pointer": "/items"},
    "rest": {"type": "done", "pointer": "/open"},
}


def words(*texts: str) -> list[Given]:
    return [("token", {"text": text}) for text in texts]


def cited(n: object) -> Given:
    return "cited", {"n": n}


def test_each_marker_yields_one_event_in_the_order_of_first_appearance() -> None:
    text = words("a [2", "] b [", "1", "2] [2]")

    assert said("marked", MARKED, *text, cited(2), cited(12), DONE) == []
    assert said("marked", MARKED, *text[:2], cited(2), *text[2:], cited(12)) == []
    assert said("marked", MARKED, *text, cited("2"), cited("12"), DONE) == []
    assert said("marked", MARKED, *words("[0] [x] [ 1]"), DONE) == []


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([*words("[1] [2]"), cited(2), cited(1)], "rule: cited for 1, as the m"),
        ([*words("[1]"), cited(1), cited(1)], "no more events, as the markers"),
        ([*words("a"), cited(1)], "appear in the joined /text / 1 in cited"),
        ([*words("[1"), cited(1), *words("]")], "after its marker's last byte / it"),
        ([*words("[1]"), DONE], "a cited for the marker 1 / none of it until the"),
        ([*words("[1] [2]"), cited(1), DONE], "a cited for the marker 2 / none"),
        ([*words("[1]"), cited(None)], "cited for 1, as the markers appear"),
    ],
)
def test_what_does_not_fit_its_marker_is_found(events: list[Given], found: str) -> None:
    (only,) = said("marked", MARKED, *events)

    assert found in only


def test_a_cut_stream_may_lack_the_last_event() -> None:
    assert said("marked", MARKED, *words("[1] [2]"), cited(1)) == []


def found(count: int) -> Given:
    return "found", {"items": [{}] * count}


def test_a_marker_without_a_source_yields_no_event_and_is_told() -> None:
    text = words("[7] [1] [2]")
    told: Given = ("done", {"open": [7]})

    assert said("marked", WITH_LIST, found(2), *text, cited(1), cited(2), told) == []
    assert (
        said("marked", WITH_LIST, found(0), *words("a"), ("done", {"open": []})) == []
    )


@pytest.mark.parametrize(
    ("events", "found_"),
    [
        ([found(2), *words("[7]"), cited(7)], "no more events"),
        ([found(2), *words("[7]"), ("done", {"open": []})], "without cited: 7 / []"),
        ([found(2), *words("[7]"), DONE], "without cited: 7 / nothing"),
        ([found(2), *words("x"), ("done", {"open": [1]})], "without cited: none / [1]"),
        ([found(2), *words("[1]"), cited(1), ("done", {"open": [1]})], "none / [1]"),
        ([found(2), *words("[1]"), ("done", {"open": [1]})], "for the marker 1"),
        ([*words("[1]"), cited(1)], "no more events"),
        ([("found", {"items": 3}), *words("[1]"), cited(1)], "no more events"),
    ],
)
def test_the_markers_without_a_source_are_those_and_no_others(
    events: list[Given], found_: str
) -> None:
    assert found_ in said("marked", WITH_LIST, *events)[0]


def test_an_event_long_after_its_marker_is_found_and_timed() -> None:
    invariant = ADAPTER.validate_python(
        {"kind": "marked", "name": "rule", **MARKED, "value": "/v", "within_s": 0.5}
    )
    frames = (
        (100.1, event(1, "token", text="[1")),
        (102.0, event(2, "token", text="] [2]")),
        (102.4, event(3, "cited", v=1)),
        (102.7, event(4, "cited", v=2)),
    )

    (late,) = violations(invariant, read(response("stream", *frames), RICH))

    assert late.expected == "rule: cited for 2 within 500 ms of its marker's last byte"
    assert late.got == "it came after 700 ms"
    assert late.timed
    assert late.beyond_s == pytest.approx(0.2)


def test_a_group_that_matched_nothing_is_no_marker() -> None:
    rule: Rule = {**MARKED, "marker": r"\[(1)?\]"}

    assert said("marked", rule, *words("[]"), DONE) == []


def test_a_resumed_response_may_lack_the_text_before_a_marker() -> None:
    assert said("marked", MARKED, cited(1), after=f"{RUN}-1") == []
    assert said("joined", JOINED, ("whole", {"text": "a"}), after=f"{RUN}-1") == []
