"""`providers.encoding`: JSON, events, and answers that are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.fakes.content import Answer, Kind, Part
from streamproof.fakes.providers.encoding import (
    SLOT,
    compact,
    cut_behind_mark,
    dumps,
    event,
    fill_slots,
    is_object,
    mark_end,
    seconds,
    words_in,
)

ANSWER = Answer(parts=(Part(index=0, kind=Kind.TEXT, pieces=("a ", "b")),))


def test_json_has_no_white_space_and_leaves_characters_alone() -> None:
    assert dumps({"a": ["é", 1]}) == '{"a":["é",1]}'


def test_an_event_has_a_name_if_it_is_given_one() -> None:
    assert event("{}") == b"data: {}\n\n"
    assert event("é", name="ping") == "event: ping\ndata: é\n\n".encode()


@pytest.mark.parametrize(("count", "cut"), [(0, b'["'), (1, b'["a '), (2, b'["a b')])
def test_what_is_encoded_can_be_cut_behind_a_piece(count: int, cut: bytes) -> None:
    marked = mark_end(ANSWER, count)

    assert cut_behind_mark(dumps([marked.text_of(Kind.TEXT), "more"])) == cut


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (0.25, "0.25"), (130.0, "130"), (1e6, "1000000")]
)
def test_seconds_are_spelled_without_needless_digits(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(
    ("text", "compacted"),
    [
        ('{ "a b" : 1e400 ,\n\t"c" : [ ] }', '{"a b":1e400,"c":[]}'),
        ('{"a": "say \\" b : c"}', '{"a":"say \\" b : c"}'),
        ('{"a": "cut  o', '{"a":"cut  o'),
        ('{"a": "cut  \\', '{"a":"cut  \\'),
    ],
)
def test_json_is_made_compact_outside_of_its_strings(text: str, compacted: str) -> None:
    assert compact(text) == compacted


@pytest.mark.parametrize(
    ("text", "is_one"), [("{}", True), ("[]", False), ('{"a', False), ("", False)]
)
def test_an_object_is_told_from_anything_else(text: str, is_one: bool) -> None:  # noqa: FBT001 -- an expected value
    assert is_object(text) is is_one


def test_objects_come_into_their_slots_in_order() -> None:
    encoded = dumps({"a": SLOT, "b": [SLOT]})

    assert fill_slots(encoded, ["{}", '{"x":1.0}']) == '{"a":{},"b":[{"x":1.0}]}'


@given(text=st.text(alphabet="ab \t\r\n\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0é\u2028"))
def test_words_are_counted_as_they_are_split(text: str) -> None:
    assert words_in(text) == len(text.split())


def test_each_slot_is_looked_for_once() -> None:
    encoded = dumps([SLOT, SLOT, SLOT])
    slot = dumps(SLOT)

    assert fill_slots(encoded, [slot, "{}"]) == f"[{slot},{{}},{slot}]"
