"""`content`: answers, and how they are shortened."""

from __future__ import annotations

import pytest

from streamproof.fakes.content import Answer, Kind, Part

THOUGHT = Part(index=0, kind=Kind.THINKING, pieces=("a ", "b "))
TEXT = Part(index=1, kind=Kind.TEXT, pieces=("c ", "d"))
CALL = Part(index=2, kind=Kind.TOOL, name="f", pieces=("{", "}"))
ANSWER = Answer(parts=(THOUGHT, TEXT, CALL))


@pytest.mark.parametrize(
    ("count", "pieces"),
    [
        (0, [()]),
        (1, [("a ",)]),
        (2, [("a ", "b ")]),
        (3, [("a ", "b "), ("c ",)]),
        (6, [("a ", "b "), ("c ", "d"), ("{", "}")]),
        (9, [("a ", "b "), ("c ", "d"), ("{", "}")]),
    ],
)
def test_the_head_of_an_answer_ends_with_the_part_of_its_last_piece(
    count: int, pieces: list[tuple[str, ...]]
) -> None:
    assert [part.pieces for part in ANSWER.head(count).parts] == pieces


def test_a_mark_stands_behind_the_last_piece() -> None:
    assert ANSWER.mark_end("|").parts == (
        THOUGHT,
        TEXT,
        Part(index=2, kind=Kind.TOOL, name="f", pieces=("{", "}", "|")),
    )


def test_an_answer_without_parts_becomes_its_mark() -> None:
    assert Answer().mark_end("|").text_of(Kind.TEXT) == "|"


def test_parts_are_counted_and_joined_by_kind() -> None:
    assert ANSWER.size == 6
    assert ANSWER.count(Kind.THINKING) == 2
    assert ANSWER.text_of(Kind.TEXT) == "c d"
    assert ANSWER.text_of(Kind.REFUSAL) is None
    assert ANSWER.tools() == (CALL,)
