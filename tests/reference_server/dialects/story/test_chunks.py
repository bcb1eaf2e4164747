"""Cutting text into chunks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference_server.stories import words

from streamproof.reference_server.dialects.story.chunks import (
    Chunker,
    Paragraphs,
    Tokens,
)

SPACE = " \n\r\t\u2028\u3000\x1c"
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(["\n\n", "\n", " ", "\r\n\r\n", "\n \t\n"]),
        st.integers(1, 120).map(words),
        st.text(alphabet="ab\ud83d\udc00" + SPACE, max_size=6),
    ),
    max_size=12,
).map("".join)


def cut(chunker: Chunker, pieces: Sequence[str]) -> list[str]:
    """Return all chunks of a text that comes in these pieces."""
    chunks = [chunk for piece in pieces for chunk in chunker.feed(piece)]
    rest = chunker.flush()
    return [*chunks, rest] if rest else chunks


@pytest.mark.parametrize("blank", ["\n\n", "\r\n\r\n", "\n \t\n"])
def test_a_chunk_ends_behind_a_blank_line_when_it_holds_fifty_words(blank: str) -> None:
    text = words(50, blank) + words(3)

    assert cut(Paragraphs(), [text]) == [words(50, blank), words(3)]


def test_a_shorter_paragraph_goes_with_the_next_one() -> None:
    text = words(49, "\n\n") + words(1, "\n\n") + words(2)

    assert cut(Paragraphs(), [text]) == [words(49, "\n\n") + "word\n\n", words(2)]


def test_a_line_end_alone_ends_no_chunk() -> None:
    text = words(60, "\n") + words(60)

    assert cut(Paragraphs(), [text]) == [text]


def test_a_chunk_ends_behind_its_two_hundredth_word() -> None:
    text = words(401)

    assert cut(Paragraphs(), [text]) == [words(200), " " + words(200), " word"]


def test_a_word_in_two_pieces_is_one() -> None:
    text = words(200)

    assert cut(Paragraphs(), [*text, "s"]) == [text + "s"]


def test_a_chunk_is_complete_with_the_line_end_and_not_later() -> None:
    chunker = Paragraphs()

    assert chunker.feed(words(50, "\n")) == []
    assert chunker.feed("\n") == [words(50, "\n\n")]
    assert chunker.flush() == ""


def test_more_blank_lines_begin_the_next_chunk() -> None:
    text = words(50, "\n\n\n\n") + words(50, "\n\n")

    assert cut(Paragraphs(), [text]) == [words(50, "\n\n"), "\n\n" + words(50, "\n\n")]


@given(TEXTS, st.data())
def test_chunks_are_those_of_the_text_however_it_comes(
    text: str, data: st.DataObject
) -> None:
    edges = st.lists(st.integers(0, len(text)), max_size=9).map(sorted)
    places = [0, *data.draw(edges), len(text)]
    pieces = [text[a:b] for a, b in pairwise(places)]

    chunks = cut(Paragraphs(), pieces)

    assert "".join(chunks) == text
    assert chunks == cut(Paragraphs(), [text]) == cut(Paragraphs(), list(text))
    assert all(len(chunk.split()) <= 200 for chunk in chunks)
    for chunk in chunks[:-1]:
        assert len(chunk.split()) == 200 or (
            len(chunk.split()) >= 50 and chunk.endswith("\n")
        )


@pytest.mark.parametrize(
    ("size", "chunks"),
    [(1, ["a", "b ", "c", "d", "e"]), (2, ["ab ", "cd", "e"]), (9, ["ab cde"])],
)
def test_tokens_are_gathered_by_number(size: int, chunks: list[str]) -> None:
    assert cut(Tokens(size), ["a", "b ", "c", "d", "e"]) == chunks


@pytest.mark.parametrize("make", [Paragraphs, lambda: Tokens(3)])
def test_nothing_is_held_twice(make: Callable[[], Chunker]) -> None:
    chunker = make()
    chunker.feed("one ")

    assert [chunker.flush(), chunker.flush()] == ["one ", ""]
