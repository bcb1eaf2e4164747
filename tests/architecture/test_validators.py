"""The judges of the fakes' frames share no code with what encodes them."""

from pathlib import Path

import pytest
from tests.architecture.modules import ROOT, absolute_imports, parse

FOLDER = ROOT / "tests" / "fakes" / "validators"
JUDGES = sorted(
    path.relative_to(ROOT)
    for path in FOLDER.glob("*.py")
    if not path.name.startswith("test_")
)


def test_there_are_judges() -> None:
    assert JUDGES


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: path.stem)
def test_a_validator_imports_nothing_of_ours(path: Path) -> None:
    names = list(absolute_imports(parse(path)))

    assert [name for name in names if name.startswith("streamproof.")] == []
