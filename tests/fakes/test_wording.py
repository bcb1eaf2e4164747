"""`wording`: what pydantic complains of, as expected and got."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from streamproof.fakes.wording import expected_and_got, suggestion


class Model(BaseModel):
    """One field of every kind."""

    model_config = ConfigDict(strict=True)

    whole: Annotated[int, Field(ge=1, lt=9)] = 1
    number: float = 0
    text: Annotated[str, Field(max_length=3, pattern="^a")] = "a"
    yes: bool = False
    listed: Annotated[list[int], Field(min_length=1, max_length=2)] = Field(
        default_factory=lambda: [1]
    )
    one_of: Literal["a", "b"] = "a"
    table: dict[str, int] = Field(default_factory=dict)


class Needy(BaseModel):
    """Something that has to come."""

    needed: int


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ('{"whole": "3"}', "expected a whole number, got '3'"),
        ('{"whole": 0}', "expected at least 1, got 0"),
        ('{"whole": 9}', "expected less than 9, got 9"),
        ('{"number": true}', "expected a number, got True"),
        ('{"text": 1}', "expected a text, got 1"),
        ('{"text": "aaaa"}', "expected at most 3 characters, got more"),
        ('{"text": "b"}', "expected a text that matches ^a, got 'b'"),
        ('{"yes": "yes"}', "expected true or false, got 'yes'"),
        ('{"listed": 1}', "expected a list, got 1"),
        ('{"listed": []}', "expected at least 1 in the list, got 0"),
        ('{"listed": [1, 2, 3]}', "expected at most 2 in the list, got 3"),
        ('{"one_of": "c"}', "expected 'a' or 'b', got 'c'"),
        ('{"table": []}', "expected a table of keys, got []"),
        ("[]", "expected a table of keys, got []"),
    ],
)
def test_every_complaint_is_what_was_expected_and_what_came(
    data: str, words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(data)

    assert expected_and_got(caught.value.errors()[0]) == words


def test_what_is_missing_and_what_is_no_json_is_told() -> None:
    with pytest.raises(ValidationError) as missing:
        Needy.model_validate_json("{}")
    with pytest.raises(ValidationError) as broken:
        Needy.model_validate_json('{"needed": ')

    assert expected_and_got(missing.value.errors()[0]) == (
        "expected a value, got nothing"
    )
    assert expected_and_got(broken.value.errors()[0]).startswith(
        "expected JSON, got text with an error: EOF"
    )


def test_a_long_value_is_cut_short() -> None:
    with pytest.raises(ValidationError) as caught:
        Model.model_validate_json(f'{{"whole": "{"9" * 5000}"}}')

    assert len(expected_and_got(caught.value.errors()[0])) < 150


def test_a_word_is_suggested_only_if_it_is_alike() -> None:
    assert suggestion("stal", ["say", "stall"]) == "did you mean 'stall'"
    assert suggestion("zzz", ["say", "stall"]) == "known are say, stall"
