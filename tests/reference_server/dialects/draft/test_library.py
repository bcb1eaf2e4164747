"""Which passages are found, ranked and selected."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from streamproof.reference_server.dialects.draft.corpus import (
    CORPUS,
    Document,
    Passage,
)
from streamproof.reference_server.dialects.draft.library import Library, Source

LIBRARY = Library(CORPUS)
ABOUT = "Encryption of records at rest, and backups"
QUERIES = (ABOUT, "security encryption", "backup recovery", "platform storage")


def ids(sources: list[Source]) -> list[str]:
    return [source.passage.id for source in sources]


def found() -> list[list[Passage]]:
    return [LIBRARY.find(query) for query in QUERIES]


def test_each_passage_is_found_by_its_own_words() -> None:
    for passage in CORPUS:
        hits = LIBRARY.find(f"{passage.section} {passage.text}")

        assert hits[0] == passage
        assert len(hits) <= 8


def test_what_shares_no_word_is_not_found() -> None:
    assert LIBRARY.find("zzz qqq") == []


def test_what_more_queries_find_comes_first() -> None:
    sources = LIBRARY.rank(found(), ABOUT)

    assert ids(sources)[:2] == ["operations-backup", "security-encryption"]
    assert sources[0].relevance == 1.0
    relevances = [source.relevance for source in sources]
    assert relevances == sorted(relevances, reverse=True)
    assert all(0 < relevance <= 1 for relevance in relevances)


def test_the_order_of_the_queries_does_not_matter() -> None:
    hits = found()
    expected = LIBRARY.rank(hits, ABOUT)

    for seed in range(10):
        random.Random(seed).shuffle(hits)
        assert LIBRARY.rank(hits, ABOUT) == expected


def test_there_are_ten_at_most_and_three_of_a_document() -> None:
    sources = LIBRARY.rank([CORPUS], ABOUT)

    assert len(sources) == 10
    documents = Counter(source.passage.document.id for source in sources)
    assert max(documents.values()) == 3


def test_nothing_found_is_nothing_to_cite() -> None:
    assert LIBRARY.rank([[], []], ABOUT) == []


def test_what_is_selected_comes_in_its_own_order() -> None:
    wanted = ["case-lessons", "security-encryption", "operations-backup"]

    sources = LIBRARY.select(wanted, found(), ABOUT)

    assert ids(sources) == wanted
    relevances = [source.relevance for source in sources]
    assert relevances[0] == 0.0
    assert 0 < relevances[1] < 1
    assert relevances[2] == 1.0


def test_what_is_selected_and_not_found_has_no_relevance() -> None:
    sources = LIBRARY.select(["case-lessons"], [], ABOUT)

    assert [source.relevance for source in sources] == [0.0]


@pytest.mark.parametrize(
    ("about", "excerpt"),
    [
        ("Who holds the KEYS in a hardware module?", "Second keys in a module."),
        ("nothing of it", "First 1.5 of it."),
        ("", "First 1.5 of it."),
        ("third third", "Third."),
    ],
)
def test_the_excerpt_is_the_sentence_nearest_to_the_draft(
    about: str, excerpt: str
) -> None:
    text = "First 1.5 of it. Second keys in a module. Third."
    passage = Passage("one", Document("d", "D"), 1, "S", text)
    other = Passage("two", Document("d", "D"), 1, "S", "Something else.")

    [source] = Library([passage, other]).select(["one"], [], about)

    assert source.excerpt == excerpt


def test_an_excerpt_stands_in_its_passage() -> None:
    for source in LIBRARY.select([p.id for p in CORPUS], [], ABOUT):
        assert source.excerpt in source.passage.text
        assert source.excerpt.endswith(".")
