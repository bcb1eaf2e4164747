"""Runs every SDK over every case and holds what was seen against what is expected.

`make test-sdks` runs it, and first makes the environments that it needs. Its name keeps
`make test` from collecting it. It also writes the report.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from tests.sdks import report
from tests.sdks.expectations import (
    SDKS,
    CellId,
    Outcome,
    Sdk,
    expected,
    normalised,
    pins,
)
from tests.sdks.running import Run, python_of, run_all

CELLS = [
    pytest.param(cell, outcome, id=str(cell))
    for sdk in SDKS
    for cell, outcome in expected(sdk).items()
]

each_sdk = pytest.mark.parametrize("sdk", SDKS, ids=lambda sdk: sdk.name)


def versions(run: Run) -> Mapping[str, str]:
    return {normalised(name): version for name, version in run.installed.items()}


@pytest.fixture(scope="session")
def runs() -> Mapping[str, Run]:
    missing = [sdk.name for sdk in SDKS if not python_of(sdk).exists()]
    if missing:
        pytest.fail(f"expected environments for {missing}; make test-sdks makes them")
    found = asyncio.run(run_all(SDKS))
    sections = [
        report.Section(
            sdk=sdk,
            versions=versions(found[sdk.name]),
            outcomes=found[sdk.name].outcomes,
        )
        for sdk in SDKS
    ]
    report.PATH.write_text(report.render(sections), "utf-8")
    return found


@each_sdk
def test_the_environment_holds_what_is_pinned_and_nothing_else(
    sdk: Sdk, runs: Mapping[str, Run]
) -> None:
    assert versions(runs[sdk.name]) == pins(sdk)


@each_sdk
def test_every_surface_of_a_driver_has_expectations(
    sdk: Sdk, runs: Mapping[str, Run]
) -> None:
    surfaces = {cell.surface for cell in expected(sdk)}

    assert set(runs[sdk.name].surfaces) == surfaces


@pytest.mark.parametrize(("cell", "outcome"), CELLS)
def test_a_cell_shows_what_is_expected(
    cell: CellId, outcome: Outcome, runs: Mapping[str, Run]
) -> None:
    run = runs[cell.sdk]

    assert cell in run.outcomes, f"no answer; stderr:\n{run.stderr}"
    assert run.outcomes[cell] == outcome
