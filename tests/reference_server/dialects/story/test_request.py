"""What may be asked for."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from streamproof.reference_server.dialects.story.request import (
    ChaptersRequest,
    StoryRequest,
)

GOOD = {"child_id": "7", "theme": "a fox"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("child_id", bad) for bad in ("", "0", "-1", "+1", "1.0", "1e0", "1_0")),
        *(
            ("child_id", bad)
            for bad in (" 1", "1 ", "1\n", "\u0667", "0x1", "true", "ann")
        ),
        ("child_id", "9" * 19),
        ("child_id", "9" * 10_000),
        *(("chapter_number", bad) for bad in ("", "0", "1.5", "one", "9" * 19)),
        *(("theme", bad) for bad in ("", "x" * 201, "💥" * 201)),
        ("title", "x" * 201),
    ],
)
def test_what_is_out_of_range_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError) as raised:
        StoryRequest.model_validate_strings({**GOOD, field: value})

    (problem,) = raised.value.errors()
    assert problem["loc"] == (field,)


@pytest.mark.parametrize("missing", ["child_id", "theme"])
def test_child_and_theme_must_be_there(missing: str) -> None:
    query = {name: value for name, value in GOOD.items() if name != missing}

    with pytest.raises(ValidationError):
        StoryRequest.model_validate_strings(query)


def test_the_rest_has_defaults() -> None:
    request = StoryRequest.model_validate_strings(GOOD)

    assert (request.chapter_number, request.title) == (1, None)


@pytest.mark.parametrize("theme", ["x", "x" * 200, "💥" * 200, " ", "\0", "1 & 2 = 3"])
def test_a_theme_is_any_text_of_the_right_length(theme: str) -> None:
    request = StoryRequest.model_validate_strings({**GOOD, "theme": theme})

    assert request.theme == theme


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1), ("007", 7), ("9" * 18, 999999999999999999)]
)
def test_decimal_digits_are_a_number(text: str, number: int) -> None:
    query = {**GOOD, "child_id": text, "chapter_number": text}

    request = StoryRequest.model_validate_strings(query)

    assert (request.child_id, request.chapter_number) == (number, number)


@pytest.mark.parametrize("limit", ["0", "101", "1.0", ""])
def test_a_page_has_one_to_a_hundred_chapters(limit: str) -> None:
    with pytest.raises(ValidationError):
        ChaptersRequest.model_validate_strings({"child_id": "7", "limit": limit})
