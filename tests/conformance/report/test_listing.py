"""What the suite knows can be read without running it."""

from dataclasses import replace

from streamproof.conformance.model import Level
from streamproof.conformance.report.listing import explain_lines, list_lines

from .sample import requirement

SHORT = replace(requirement("a.b"), rule="one\nline", quote="in one line")


def test_the_list_is_a_line_per_requirement_in_columns() -> None:
    longer = replace(requirement("a.longer", Level.SHOULD), rule="r")

    assert list(list_lines([SHORT, longer], {})) == [
        "a.b       MUST    one line",
        "a.longer  SHOULD  r",
    ]


def test_what_a_profile_rules_out_is_marked() -> None:
    [line] = list_lines([SHORT], {"a.b": "limits"})

    assert line.endswith(" [inapplicable: the profile does not declare 'limits']")


def test_an_empty_list_is_no_line() -> None:
    assert list(list_lines([], {})) == []


def test_everything_about_a_requirement_is_explained() -> None:
    explained = replace(SHORT, needs=("limits", "auth"), excluded="cannot be seen")

    lines = list(explain_lines(explained, {"silent": "Says nothing."}, 60))

    assert lines == [
        "a.b (MUST)",
        "  rule     one line",
        '  quote    "in one line"',
        "  source   https://www.rfc-editor.org/rfc/rfc9110#section-7.8",
        "  remedy   send a comment on a timer of its own, from the",
        "           moment the head is out",
        "  excluded cannot be seen",
        "  needs    a profile that declares 'limits'",
        "  needs    a profile that declares 'auth'",
        "  probe    silent: Says nothing.",
    ]


def test_a_requirement_without_a_quote_shows_none() -> None:
    lines = explain_lines(replace(SHORT, quote=""), {"silent": "x"}, 80)

    assert not [line for line in lines if "quote" in line]


def test_probes_that_do_the_same_are_described_once() -> None:
    same = replace(SHORT, probes=("fin", "rst"))

    lines = list(explain_lines(same, {"fin": "Leaves.", "rst": "Leaves."}, 80))

    assert lines[-1] == "  probe    fin, rst: Leaves."
