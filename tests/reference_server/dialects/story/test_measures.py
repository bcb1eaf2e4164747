"""What is derived from the text of a story."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference_server.stories import words

from streamproof.reference_server.dialects.story.education import Education
from streamproof.reference_server.dialects.story.measures import Measures, measure

EDUCATION = Education()
QUESTION = "What will the fox do?"


def measured(story: str) -> Measures:
    return measure(story, EDUCATION)


@pytest.mark.parametrize(
    ("number", "minutes"), [(1, 1), (120, 1), (121, 2), (1200, 10)]
)
def test_the_reading_time_is_in_whole_minutes(number: int, minutes: int) -> None:
    assert measured(words(number)).reading_time == minutes


@pytest.mark.parametrize(
    ("story", "level"),
    [
        ("The fox ran up the hill.", "beginner"),
        ("The happy little rabbit found another carrot.", "advanced"),
        ("Seven small birds sang a happy song together.", "intermediate"),
        ("Extraordinary circumstances necessitate perseverance.", "advanced"),
        ("1 2 3", "beginner"),
    ],
)
def test_the_level_is_that_of_the_words_length(story: str, level: str) -> None:
    assert measured(story).vocabulary_level == level


def test_the_elements_are_those_of_the_text() -> None:
    assert measured("A rocket to the moon.").educational_elements == ["science"]


@pytest.mark.parametrize(
    "choices",
    [
        "- Hide\n- Sing a song",
        "* Hide\n*  Sing a song  \n\n",
        "1. Hide\r\n2) Sing a song",
        "  • Hide\n\n  • Sing a song",
    ],
)
def test_a_list_under_a_question_at_the_end_is_to_choose_from(choices: str) -> None:
    found = measured(f"It snowed.\n\n{QUESTION}\n{choices}")

    assert found.choices == ["Hide", "Sing a song"]
    assert found.choice_question == QUESTION


@pytest.mark.parametrize(
    "story",
    [
        "It snowed.",
        QUESTION,
        f"{QUESTION}\n- Hide",
        "It snowed.\n- Hide\n- Sing",
        f"{QUESTION}\n- Hide\n- Sing\nThe end.",
        f"{QUESTION}\n-Hide\n-Sing",
        "- Hide\n- Sing",
        f"{QUESTION}\n- \n-  ",
    ],
)
def test_without_a_question_and_two_answers_there_is_no_choice(story: str) -> None:
    found = measured(story)

    assert (found.choices, found.choice_question) == ([], "")


@given(st.text(alphabet=st.characters(), max_size=300))
def test_any_text_has_measures(story: str) -> None:
    assert measured(story) == measured(story)
    assert measured(story).reading_time >= 1


def test_a_long_text_of_one_kind_is_measured_soon() -> None:
    for part in ("- ", "a", "\n", "?", " ", "1. x?\n"):
        measured(part * 30_000)
