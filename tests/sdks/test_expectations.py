"""What must hold of the expectations, whatever an SDK does."""

from __future__ import annotations

import pytest
from tests.sdks import report
from tests.sdks.cases import BY_NAME, CASES, prompt_of
from tests.sdks.expectations import (
    HERE,
    SDKS,
    CellId,
    Outcome,
    Sdk,
    expected,
    normalised,
    pins,
)

EVERY = {cell: outcome for sdk in SDKS for cell, outcome in expected(sdk).items()}
STREAMED = {
    cell: outcome
    for cell, outcome in EVERY.items()
    if "stream" in cell.surface or "helper" in cell.surface
}

each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)


def of_case(cells: dict[CellId, Outcome], name: str) -> list[Outcome]:
    return [outcome for cell, outcome in cells.items() if cell.case == name]


@each_sdk
def test_every_surface_expects_something_of_every_case(sdk: Sdk) -> None:
    cells = expected(sdk)
    surfaces = {cell.surface for cell in cells}

    assert set(cells) == {
        CellId(sdk=sdk.name, surface=surface, case=case.name)
        for surface in surfaces
        for case in CASES
        if case.suits(surface)
    }


@pytest.mark.parametrize("folder", ["expected", "requirements"])
def test_every_file_belongs_to_an_sdk(folder: str) -> None:
    names = {path.stem for path in (HERE / folder).iterdir()}

    assert names == {sdk.name for sdk in SDKS}


@each_sdk
def test_every_package_that_the_report_names_is_pinned(sdk: Sdk) -> None:
    assert {sdk.package, *sdk.carried_by} <= set(pins(sdk))


def test_both_major_versions_of_openai_are_there() -> None:
    versions = [pins(sdk)["openai"] for sdk in SDKS if sdk.package == "openai"]

    assert sorted(version.split(".")[0] for version in versions) == ["2", "3"]


@pytest.mark.parametrize(
    "spelling", ["typing_extensions", "typing-extensions", "Typing.Extensions"]
)
def test_names_of_packages_are_compared_as_the_index_does(spelling: str) -> None:
    assert normalised(spelling) == "typing-extensions"


def test_every_client_reads_the_whole_text() -> None:
    for outcome in of_case(EVERY, "text"):
        assert r'"Hello, 世界 \u2028 and \"all\"\n"' in outcome.seen
        assert outcome.journal == "200 completed, 4 tokens"


def test_a_cut_stream_has_delivered_its_two_tokens() -> None:
    for name in ("error", "drop-fin", "drop-rst", "truncate"):
        for outcome in of_case(STREAMED, name):
            assert outcome.journal.startswith("200 faulted")
            assert outcome.journal.endswith(", 2 tokens")


def test_a_client_that_gives_up_on_a_stream_is_seen_to_leave() -> None:
    for outcome in of_case(STREAMED, "stall"):
        assert outcome.journal == "200 cancelled_midstream (fin), 2 tokens"


def test_no_client_leaves_a_model_at_work() -> None:
    for outcome in EVERY.values():
        assert "after it had left" not in outcome.journal
        assert "still running" not in outcome.journal


def test_a_prompt_carries_its_key_once() -> None:
    prompt = prompt_of(BY_NAME["stall"], "k")

    assert prompt == ('[[fake:say call=k text="one two three"]] [[fake:stall after=2]]')


def test_the_committed_report_is_what_is_expected() -> None:
    sections = [
        report.Section(sdk=sdk, versions=pins(sdk), outcomes=expected(sdk))
        for sdk in SDKS
    ]

    assert report.PATH.read_text("utf-8") == report.render(sections)
