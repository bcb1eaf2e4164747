"""No check and no probe names a dialect (design.md, invariant 8)."""

import re
from pathlib import Path

import pytest

from streamproof.conformance import profiles

CONFORMANCE = Path(__file__).parents[2] / "conformance"
GENERIC = sorted(
    path
    for folder in ("probes", "checks", "runner", "report", "catalogue")
    for path in (CONFORMANCE / folder).rglob("*")
    if path.suffix in {".py", ".toml"}
)


@pytest.mark.parametrize(
    "path", GENERIC, ids=lambda path: str(path.relative_to(CONFORMANCE))
)
def test_generic_code_knows_no_dialect(path: Path) -> None:
    code = "\n".join(
        line
        for line in path.read_text("utf-8").splitlines()
        if not line.startswith("source =")
    )

    named = [
        name for name in profiles.built_in_names() if re.search(rf"\b{name}\b", code)
    ]

    assert named == []
