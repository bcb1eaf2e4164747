"""Placeholders in the requests of a profile."""

import pytest
from pydantic import JsonValue

from streamproof.conformance.profiles.placeholders import (
    fill,
    fill_path,
    fill_text,
    placeholders,
)

VALUES: dict[str, JsonValue] = {"stream": "a/b", "version": 3, "prompt": "say {uuid}"}


def test_names_are_found_wherever_they_stand() -> None:
    value: JsonValue = {"a": ["{one}", {"b": "x{two}y{three}"}], "c": 1, "d": "{}"}

    assert placeholders(value) == {"one", "two", "three"}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("{stream}", "a/b"),
        ("{version}", 3),
        ("v{version}", "v3"),
        (["{stream}", {"v": "{version}"}, 7, None], ["a/b", {"v": 3}, 7, None]),
        ("{unknown} {stream}", "{unknown} a/b"),
        ("{prompt}", "say {uuid}"),
    ],
)
def test_values_are_put_in(value: JsonValue, filled: JsonValue) -> None:
    assert fill(value, VALUES) == filled


def test_a_value_is_one_segment_of_a_path() -> None:
    assert fill_path("/s/{stream}/{version}/{x}", VALUES) == "/s/a%2Fb/3/{x}"


def test_a_text_takes_a_value_as_it_is() -> None:
    assert fill_text("{stream}?", VALUES) == "a/b?"
