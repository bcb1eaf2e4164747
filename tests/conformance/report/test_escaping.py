"""Nothing that a target sends reaches a terminal or an XML file raw."""

import sys

import pytest

from streamproof.conformance.report.escaping import (
    MAX_SHOWN,
    one_paragraph,
    printable,
    shown,
    without_credentials,
)

from .sample import TOKEN


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain text", "plain text"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
        ("\u202e\u2028\u200b\ufeff", "\\u202e\\u2028\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
        ("naïve 漢字 🎈", "naïve 漢字 🎈"),
    ],
)
def test_what_does_not_print_becomes_an_escape(raw: str, safe: str) -> None:
    assert printable(raw) == safe


def test_every_character_becomes_printable_and_can_be_encoded() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))

    safe = printable(everything)

    assert safe.isprintable()
    safe.encode("utf-8")


def test_a_credential_that_the_target_echoes_is_replaced() -> None:
    assert without_credentials(f"bad token {TOKEN}!") == "bad token [redacted]!"


def test_a_long_text_is_cut_and_says_by_how_much() -> None:
    assert shown("x" * (MAX_SHOWN + 7)) == "x" * MAX_SHOWN + "... (7 more characters)"


def test_a_text_of_exactly_the_limit_is_shown_whole() -> None:
    assert shown("x" * MAX_SHOWN) == "x" * MAX_SHOWN


def test_line_breaks_of_our_own_text_become_spaces() -> None:
    assert one_paragraph("send a\n  comment\n") == "send a comment"
