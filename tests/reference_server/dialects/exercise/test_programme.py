"""Which answers of a model are programmes."""

import json
from typing import Any

import pytest

from streamproof.reference_server.dialects.exercise.programme import (
    InvalidProgrammeError,
    read_programme,
)

SLIDE: dict[str, Any] = {"name": "Wall slide", "sets": 3, "reps": 10}
GOOD: dict[str, Any] = {"exercises": [SLIDE]}


@pytest.mark.parametrize(
    "programme",
    [
        GOOD,
        {**GOOD, "title": "Week one", "notes": "Slowly."},
        {"exercises": [{**SLIDE, "instructions": "Up and down."}, SLIDE]},
        {**GOOD, "goal": {"pain": [1.5, None]}, "exercises": [{**SLIDE, "tempo": 2}]},
        {**GOOD, "title": "", "more": "\ud83d"},
    ],
)
@pytest.mark.parametrize(
    "fence",
    [
        "{}",
        " \n{}\n",
        "```json\n{}\n```",
        "```\n{}```\n",
        "\n~~~~ json\n{}\n~~~~\n",
        "```\n{}\n`````",
    ],
)
def test_a_programme_is_returned_as_it_came(
    programme: dict[str, Any], fence: str
) -> None:
    answer = fence.replace("{}", json.dumps(programme, indent=1))

    assert read_programme(answer) == programme


@pytest.mark.parametrize(
    ("answer", "where"),
    [
        ("", "expected JSON"),
        ("Here you are: {}", "expected JSON"),
        ('{"exercises": [', "expected JSON"),
        ('{"exercises": [], "x": NaN}', "expected JSON"),
        ("[" * 100_000, "expected JSON"),
        ("```json\n{}", "expected JSON"),
        ("````\n{}\n```", "expected JSON"),
        ("``\n{}\n``", "expected JSON"),
        ("```\n{}\n~~~", "expected JSON"),
        ("```{}```", "expected JSON"),
        ("aaa\n{}aaa", "expected JSON"),
        ("`" * 65_000, "expected JSON"),
        ("[]", "expected an object"),
        ('"text"', "expected an object"),
        ("null", "expected an object"),
        ("{}", "exercises: missing"),
        ('{"exercises": []}', "exercises: too_short"),
        ('{"exercises": {}}', "exercises: list_type"),
        ('{"exercises": ["squat"]}', "exercises.0: model_type"),
    ],
)
def test_what_is_none_says_where(answer: str, where: str) -> None:
    with pytest.raises(InvalidProgrammeError) as error:
        read_programme(answer)

    assert str(error.value).startswith(where)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("name", 7),
        ("name", None),
        ("sets", 0),
        ("sets", "3"),
        ("sets", 1.5),
        ("sets", True),
        ("reps", -1),
        ("reps", None),
        ("instructions", ["Up."]),
        ("instructions", None),
    ],
)
def test_a_member_of_an_exercise_that_is_wrong_is_named(
    member: str, value: object
) -> None:
    with pytest.raises(InvalidProgrammeError, match=rf"^exercises\.1\.{member}: "):
        read_programme(json.dumps({"exercises": [SLIDE, {**SLIDE, member: value}]}))


@pytest.mark.parametrize("member", ["name", "sets", "reps"])
def test_a_member_that_is_missing_is_named(member: str) -> None:
    rest = {name: value for name, value in SLIDE.items() if name != member}

    with pytest.raises(
        InvalidProgrammeError, match=rf"^exercises\.0\.{member}: missing"
    ):
        read_programme(json.dumps({"exercises": [rest]}))


@pytest.mark.parametrize("member", ["title", "notes"])
def test_a_title_or_notes_are_text(member: str) -> None:
    with pytest.raises(InvalidProgrammeError, match=f"^{member}: "):
        read_programme(json.dumps({**GOOD, member: 7}))


def test_nothing_of_the_answer_is_in_the_error() -> None:
    with pytest.raises(InvalidProgrammeError) as error:
        read_programme('{"exercises": [{"name": "SECRET", "sets": "SECRET"}]}')

    assert "SECRET" not in str(error.value)
