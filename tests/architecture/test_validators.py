"""The judges of the fakes' frames share no code with what encodes them."""

import ast
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "fakes" / "validators"
JUDGES = sorted(set(FOLDER.glob("*.py")) - set(FOLDER.glob("test_*.py")))


@pytest.mark.parametrize("path", JUDGES, ids=lambda path: path.stem)
def test_a_validator_imports_nothing_of_the_fakes(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = [
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    ]

    assert [name for name in names if name.split(".")[0] == "fakes"] == []
