"""Which exercises are found for which request."""

from collections import Counter

import pytest

from streamproof.reference_server.dialects.exercise.corpus import CORPUS
from streamproof.reference_server.dialects.exercise.library import Library


@pytest.fixture(scope="module")
def library() -> Library:
    return Library(CORPUS)


@pytest.mark.parametrize(
    ("prompt", "region"),
    [
        ("a programme for a frozen shoulder", "shoulder"),
        ("exercises after knee surgery, with a swollen knee", "knee"),
        ("my patient works at a desk and has neck pain", "neck"),
        ("balance for an older man who had falls", "balance"),
    ],
)
def test_what_is_found_is_for_the_region(
    library: Library, prompt: str, region: str
) -> None:
    first, *_ = library.find(prompt)

    assert region in first.region


def test_a_programme_is_no_list_of_variants(library: Library) -> None:
    found = library.find("knee pain, shoulder pain, back pain, hip pain with a band")

    assert len(found) == 8
    assert max(Counter(each.pattern for each in found).values()) == 2


def test_what_fits_nothing_finds_nothing(library: Library) -> None:
    assert library.find("quantum chromodynamics, please") == []


def test_the_exercises_have_names_of_their_own_and_doses() -> None:
    assert len({exercise.name for exercise in CORPUS}) == len(CORPUS)
    assert all(exercise.sets >= 1 and exercise.reps >= 1 for exercise in CORPUS)
