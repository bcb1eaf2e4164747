"""Objects in events, and text within a bound."""

import pytest

from streamproof.reference_server.models.fault import ModelError, ModelFault
from streamproof.reference_server.models.reading import (
    AnswerText,
    object_in,
    parse_object,
    text_in,
)


@pytest.mark.parametrize("data", ["{", "nonsense", "[DONE]", "[]", "1", "[" * 100_000])
def test_what_is_no_object_is_broken(data: str) -> None:
    with pytest.raises(ModelError) as error:
        parse_object(data)

    assert error.value.fault is ModelFault.FAILED


def test_members_are_returned_as_what_they_must_be() -> None:
    document = parse_object('{"a": {"b": "c"}}')

    assert text_in(object_in(document, "a"), "b") == "c"


@pytest.mark.parametrize("document", [{}, {"a": None}, {"a": "x"}, {"a": [{}]}])
def test_a_member_that_is_no_object_is_broken(document: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="expected an object as a"):
        object_in(document, "a")


@pytest.mark.parametrize("document", [{}, {"a": None}, {"a": 1}, {"a": {}}])
def test_a_member_that_is_no_text_is_broken(document: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="expected text as a"):
        text_in(document, "a")


def test_line_ends_are_kept_as_they_are() -> None:
    text = AnswerText(100)
    for piece in ("a\r", "\nb\n", "\rc\u2028"):
        text.add(piece)

    assert str(text) == "a\r\nb\n\rc\u2028"


def test_text_beyond_the_bound_is_broken() -> None:
    text = AnswerText(3)
    text.add("abc")

    with pytest.raises(ModelError, match="expected at most 3 characters"):
        text.add("d")
