"""`fakes.providers.encoding`: JSON, events, and answers that are cut."""

from __future__ import annotations

import pytest

from fakes.content import Answer, Kind, Part
from fakes.providers.encoding import (
    cut_behind_mark,
    dumps,
    event,
    mark_end,
    seconds,
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
