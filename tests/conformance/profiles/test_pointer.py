"""JSON values: strict reading, RFC 6901 pointers, comparison, wording."""

from __future__ import annotations

import pytest

from streamproof.conformance.profiles.pointer import (
    MISSING,
    first_difference,
    is_number,
    is_same_json,
    lookup,
    parse_json,
    show,
    without,
)

# The examples of RFC 6901, section 5.
DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
        ("/foo/2", MISSING),
        ("/foo/-", MISSING),
        ("/foo/x", MISSING),
        ("/foo/0/x", MISSING),
        ("/nothing/there", MISSING),
    ],
)
def test_pointers_lead_where_the_rfc_says(pointer: str, value: object) -> None:
    assert lookup(DOCUMENT, pointer) == value


@pytest.mark.parametrize("text", ["", "x", "{", "NaN", "[Infinity]", "[" * 100_000])
def test_what_is_no_json_is_missing(text: str) -> None:
    assert parse_json(text) is MISSING


def test_json_is_read() -> None:
    assert parse_json(' {"a": [1, null]} ') == {"a": [1, None]}


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        (1, 1.0, True),
        (1, True, False),
        (0, False, False),
        (False, False, True),
        (None, None, True),
        ("1", 1, False),
        ({"a": [1]}, {"a": (1.0,)}, True),
        ({"a": [1]}, {"a": [True]}, False),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
    ],
)
def test_values_are_compared_as_json(
    left: object, right: object, *, is_same: bool
) -> None:
    assert is_same_json(left, right) is is_same


def test_true_is_no_number() -> None:
    assert [is_number(value) for value in (1, 0.5, True, "1")] == [
        True,
        True,
        False,
        False,
    ]


def test_values_are_shown_in_ascii_and_cut() -> None:
    assert show(MISSING) == "nothing"
    assert show("é\n") == '"\\u00e9\\n"'
    assert show("x" * 200) == f'"{"x" * 119}… (202 characters)'


@pytest.mark.parametrize(
    ("left", "right", "place"),
    [
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": 1}, {"a": True}, "/a"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "/a/b/1"),
        ({"a": 1}, {}, "/a"),
        ({}, {"b/c~": 1}, "/b~1c~0"),
        ([1], [1, 2], ""),
        (MISSING, {"a": 1}, ""),
        (MISSING, MISSING, None),
    ],
)
def test_the_first_difference_is_told_by_its_place(
    left: object, right: object, place: str | None
) -> None:
    assert first_difference(left, right) == place


def test_members_can_be_left_out_of_a_value() -> None:
    value = {"a": {"b": 1, "c": 2}, "d": 3, "x/y": 4}

    assert without(value, ["/a/b", "/x~1y", "/none/e"]) == {"a": {"c": 2}, "d": 3}
    assert without([1], ["/a"]) == [1]
