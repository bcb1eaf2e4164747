"""The list of report formats, and that every one of them reaches a user."""

import pytest

from streamproof.conformance.report.formats import FORMATS
from streamproof.conformance.report.json_report import to_json
from streamproof.conformance.report.junit import to_junit

from .sample import mixed_run


def test_the_formats_are_those_that_the_readme_names() -> None:
    assert {name: each.to_text for name, each in FORMATS.items()} == {
        "json": to_json,
        "junit": to_junit,
    }


def test_no_two_formats_share_a_file() -> None:
    suffixes = [each.suffix for each in FORMATS.values()]

    assert len(set(suffixes)) == len(suffixes)
    assert all(suffix.startswith(".") for suffix in suffixes)


@pytest.mark.parametrize("name", FORMATS)
def test_a_report_is_text_that_ends_in_a_line_feed(name: str) -> None:
    assert FORMATS[name].to_text(mixed_run()).endswith("\n")
