"""Which sections are retrieved, and which of them are kept."""

from collections import Counter

import pytest

from streamproof.reference_server.dialects.chat.corpus import CORPUS, Section
from streamproof.reference_server.dialects.chat.library import Library


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(CORPUS)


@pytest.mark.parametrize(
    ("message", "document", "heading"),
    [
        ("how do I use my inhaler for asthma?", "Asthma", "Inhalers"),
        ("when should I measure my blood pressure", "High blood pressure", None),
        ("signs of a stroke", "Stroke", "Signs"),
        ("is this a heart attack, what to do", "Heart attack", "What to do"),
        ("can I take antibiotics that were left over", "Medicines", "Antibiotics"),
        ("insomnia", "Sleep", "Insomnia"),
    ],
)
def test_what_fits_best_comes_first(
    library: Library, message: str, document: str, heading: str | None
) -> None:
    first, *_ = library.rerank(message, library.retrieve(message))

    assert first.document == document
    assert heading in (first.heading, None)


def test_what_shares_no_word_retrieves_nothing_and_keeps_nothing(
    library: Library,
) -> None:
    assert library.retrieve("quantum chromodynamics") == []
    assert library.rerank("quantum chromodynamics", []) == []


def test_eight_are_retrieved_and_four_kept_two_of_a_document(library: Library) -> None:
    message = "asthma asthma asthma, migraine, sleep, diabetes, flu, stroke signs"

    retrieved = library.retrieve(message)
    kept = library.rerank(message, retrieved)

    assert len(retrieved) == len(set(retrieved)) == 8
    assert len(kept) == 4
    assert max(Counter(section.document for section in kept).values()) <= 2


def test_a_title_that_fits_is_worth_more_than_words_in_a_text() -> None:
    library = Library(
        [
            Section("Tea", "Mint", "Against a cold, a cold, a cold, and a cold."),
            Section("Cold", "What it is", "A runny nose and a sore throat."),
            Section("Soup", "Chicken", "Warm, salty, and no medicine."),
            Section("Bread", "Rye", "Sour."),
        ]
    )

    retrieved = library.retrieve("cold")

    assert set(retrieved) == {0, 1}
    assert [s.document for s in library.rerank("cold", retrieved)] == ["Cold", "Tea"]


def test_nothing_is_kept_that_was_not_retrieved(library: Library) -> None:
    (only, *_) = library.retrieve("migraine")

    assert library.rerank("migraine stroke", [only]) == [CORPUS[only]]


def test_the_order_is_the_same_each_time(library: Library) -> None:
    message = "pain in the back and at night"

    runs = {tuple(library.retrieve(message)) for _ in range(3)}

    assert len(runs) == 1
    assert len(Library(CORPUS).retrieve(message)) == len(runs.pop())


@pytest.mark.parametrize("message", ["\0", "?!", "the of and", " ", "\N{FIRE}" * 9])
def test_a_message_without_a_word_retrieves_nothing(
    library: Library, message: str
) -> None:
    assert library.retrieve(message) == []


def test_sections_have_names_of_their_own_and_a_text() -> None:
    names = {(section.document, section.heading) for section in CORPUS}

    assert len(names) == len(CORPUS)
    assert all(section.text.endswith(".") for section in CORPUS)
