"""The words that typer and its parsers choose, as a user reads them."""

import pytest

from streamproof.conformance.command_words import in_plain_words


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("Value error, 'may' is not one of 'must'.", "'may' is not one of 'must'."),
        (
            "Input should be a valid integer, unable to parse string as an integer",
            "expected a whole number",
        ),
        ("Input should be less than 3", "expected a value that is less than 3"),
        ("Missing argument 'ID'.", "Missing argument 'ID'."),
    ],
)
def test_the_words_of_parsers_are_replaced_and_no_others(
    theirs: str, ours: str
) -> None:
    assert in_plain_words(theirs) == ours
