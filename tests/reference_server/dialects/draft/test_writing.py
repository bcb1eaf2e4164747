"""A draft while it is written: chunks, citations, figures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproof.reference_server.dialects.draft.corpus import CORPUS
from streamproof.reference_server.dialects.draft.library import Source
from streamproof.reference_server.dialects.draft.writing import Citation, Writing

RELEVANCES = (1.0, 0.5, 0.25, 0.0)
SOURCES = [
    Source(passage=CORPUS[place], relevance=relevance, excerpt="")
    for place, relevance in enumerate(RELEVANCES)
]


def write(*tokens: str, size: int = 5, flush: bool = True) -> tuple[list[str], Writing]:
    """Return what was told, a citation as `#n`, and the draft."""
    writing = Writing(SOURCES, chunk_tokens=size)
    told = [each for token in tokens for each in shown(writing.add(token))]
    if flush:
        told += shown(writing.flush())
    return told, writing


def shown(said: Iterable[str | Citation]) -> list[str]:
    return [f"#{s.number}" if isinstance(s, Citation) else s for s in said]


def test_tokens_come_in_chunks_of_so_many() -> None:
    told, _ = write(*"abcdefg", size=3)

    assert told == ["abc", "def", "g"]


def test_a_chunk_ends_behind_a_marker_and_its_citation_follows() -> None:
    told, _ = write("as ", "[1", "]", " says", " it")

    assert told == ["as [1]", "#1", " says it"]


def test_a_chunk_ends_behind_a_marker_inside_a_token_too() -> None:
    told, _ = write("x [2]y [1] z")

    assert told == ["x [2]", "#2", "y [1]", "#1", " z"]


def test_what_stands_behind_a_marker_in_its_token_is_a_token_of_the_next_chunk() -> (
    None
):
    told, _ = write("[1]a", "b", "c", size=2)

    assert told == ["[1]", "#1", "ab", "c"]


def test_a_number_is_cited_once_and_its_chunks_still_end_there() -> None:
    told, _ = write("[1] [1] ", "more")

    assert told == ["[1]", "#1", " [1]", " more"]


def test_a_marker_without_a_source_has_no_citation() -> None:
    told, writing = write("[5] [4] [9999] [5]")

    assert told == ["[5]", " [4]", "#4", " [9999]", " [5]"]
    assert writing.written().unresolved == (5, 9999)


def test_nothing_is_flushed_twice_and_an_empty_draft_has_no_chunk() -> None:
    told, writing = write("a")

    assert told == ["a"]
    assert list(writing.flush()) == []
    assert write()[0] == []


def test_what_waits_is_no_part_of_the_draft_yet() -> None:
    told, writing = write("a", "b", flush=False)

    assert told == []
    assert writing.is_waiting
    assert writing.written().content == ""


def test_the_figures_of_a_draft() -> None:
    _, writing = write("One [1], two\n[2]", " and [3] but not [7].")

    written = writing.written()

    assert written.content == "One [1], two\n[2] and [3] but not [7]."
    assert [each.number for each in written.citations] == [1, 2, 3]
    assert written.word_count == 9
    assert written.sources_used == 1
    assert written.confidence == pytest.approx((1 + 0.5 + 0.25 + 0) / 4, abs=1e-4)


def test_a_draft_without_a_citation_has_no_confidence() -> None:
    _, writing = write("plain")

    written = writing.written()

    assert (written.confidence, written.sources_used) == (0.0, 0)
    assert written.citations == ()


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["[", "]", "1", "2", "34", "[1]", "[2][3]", "[0]"]),
            st.text(min_size=1, max_size=4),
        ),
        max_size=40,
    ),
    st.integers(1, 10),
    st.data(),
)
def test_any_split_tells_the_text_and_cites_as_the_whole(
    pieces: list[str], size: int, data: st.DataObject
) -> None:
    text = "".join(pieces)
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=30, unique=True))
    ends = [*sorted(cuts), len(text)]
    tokens = [text[a:b] for a, b in zip([0, *ends], ends, strict=False) if a < b]

    writing, unsplit = (Writing(SOURCES, chunk_tokens=n) for n in (size, 1))
    said = [each for token in tokens for each in writing.add(token)]
    said += writing.flush()
    whole = [*unsplit.add(text), *unsplit.flush()]

    assert "".join(each for each in said if isinstance(each, str)) == text
    cited = [each for each in said if isinstance(each, Citation)]
    assert cited == [each for each in whole if isinstance(each, Citation)]
    assert len({each.number for each in cited}) == len(cited)
    assert writing.written() == unsplit.written()
    # Each follows the chunk that its marker ends.
    for before, each in pairwise(said):
        if isinstance(each, Citation):
            assert isinstance(before, str)
            assert before.endswith("]")
            so_far = "".join(s for s in said[: said.index(each)] if isinstance(s, str))
            assert so_far.endswith(f"[{each.number}]")
