"""What is found by which words, and in which order."""

from streamproof.reference_server.retrieval import Index

TEXTS = [
    "stiff shoulder",
    "stiff knee after surgery",
    "shoulder pain, shoulders",
    "walk",
]


def test_the_text_that_fits_best_comes_first() -> None:
    assert Index(TEXTS).search("pain in the shoulder") == [2, 0]


def test_of_two_that_fit_equally_well_the_earlier_comes_first() -> None:
    assert Index(["b c", "knee x", "knee y", "x z", "q r"]).search("knee") == [1, 2]


def test_a_query_of_any_length_is_looked_at_up_to_a_bound() -> None:
    index = Index(TEXTS)

    assert index.search("piano " * 1300 + "walk") == [3]
    assert index.search("piano " * 1400 + "walk") == []


def test_a_plural_is_found_by_its_singular_and_the_other_way_round() -> None:
    index = Index(["knees", "band", "stick", "wall"])

    assert index.search("KNEE") == [0]
    assert index.search("two bands") == [1]


def test_nothing_is_found_by_words_that_are_nowhere() -> None:
    index = Index(TEXTS)

    assert index.search("piano") == []
    assert index.search("the and of") == []
    assert index.search("") == []
    assert index.search("\ud83d [[fake:say tokens=2]]") == []
