"""The report is Markdown, says every outcome once, and nothing twice."""

from __future__ import annotations

from tests.sdks.expectations import SDKS, CellId, Outcome
from tests.sdks.report import Section, render

SDK = SDKS[0]
VERSIONS = dict.fromkeys((SDK.package, *SDK.carried_by), "1.2")


def rendered(outcomes: dict[tuple[str, str], tuple[str, str]]) -> str:
    cells = {
        CellId(sdk=SDK.name, surface=surface, case=case): Outcome(
            seen=seen, journal=journal
        )
        for (surface, case), (seen, journal) in outcomes.items()
    }
    whole = render([Section(sdk=SDK, versions=VERSIONS, outcomes=cells)])
    return whole[whole.index("\n## ") + 1 :]


def test_a_surface_has_a_row_per_case() -> None:
    assert rendered(
        {("stream", "text"): ("a", "b"), ("stream", "tools"): ("c", "d")}
    ) == (
        "## openai 1.2 (httpx2 1.2)\n\n### `stream`\n\n"
        "| case | sees | journal |\n|---|---|---|\n"
        "| text | a | b |\n| tools | c | d |\n"
    )


def test_surfaces_that_show_the_same_share_a_table() -> None:
    text = rendered(
        {
            ("stream", "text"): ("a", "b"),
            ("whole", "text"): ("c", "b"),
            ("sync", "text"): ("a", "b"),
        }
    )

    assert [line for line in text.splitlines() if line.startswith("###")] == [
        "### `stream`, `sync`",
        "### `whole`",
    ]


def test_characters_that_mean_something_in_markdown_are_escaped() -> None:
    assert r"| text | \\n \| \* \< \` | b |" in rendered(
        {("stream", "text"): ("\\n | * < `", "b")}
    )


def test_a_case_that_was_not_answered_has_no_row() -> None:
    assert "tools" not in rendered({("stream", "text"): ("a", "b")})


def test_an_sdk_that_did_not_start_is_said_to_have_no_known_version() -> None:
    text = render([Section(sdk=SDK, versions={}, outcomes={})])

    assert "## openai of no known version (httpx2 of no known version)\n" in text
