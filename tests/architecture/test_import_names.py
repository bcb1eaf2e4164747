"""What is installed has one import name, and everything spells it the same way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from tests.architecture.modules import (
    PACKAGES,
    ROOT,
    absolute_imports,
    benchmark_paths,
    module_paths,
    parse,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP_LEVEL = re.compile(
    rf"^[\s>`]*(?:from|import)\s+(?:{'|'.join(PACKAGES)})\b"
    rf"|(?<![-\w])-m[\s\"',]+(?:{'|'.join(PACKAGES)})\b",
    re.MULTILINE,
)
"""An import of a folder as if it were installed by itself, or its run with `-m`; also
inside of strings and pages, where tests and users write programs."""

ITS_OWN = {
    "tests/packaging/test_neighbours.py",  # writes a project that has these packages
    "tests/fakes/test_pytest_plugin.py",  # writes one, too
    "tests/architecture/test_import_names.py",
}
TOPS = (*PACKAGES, ".github", ".package", "tests", "reports")
READ = {".py", ".md", ".toml", ".txt", ".yml", ""}


def texts() -> Iterator[tuple[str, str]]:
    """Yield the name and the content of what people read and programs run."""
    paths = list(ROOT.iterdir())
    for top in TOPS:
        paths += (ROOT / top).rglob("*")
    for path in paths:
        if path.is_file() and path.suffix in READ:
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "import fakes",
        "x = 1\nfrom conformance.wire import Decoder\n",
        "    from loadtests import x",
        "python -m reference_server",
        '[python, "-m", "fakes"]',
    ],
)
def test_a_folder_imported_by_itself_is_found(text: str) -> None:
    assert TOP_LEVEL.search(text)


@pytest.mark.parametrize(
    "text",
    [
        "from . import fakes",
        "import streamproof.fakes",
        "from streamproof import fakes",
        "python -m streamproof.fakes",
        "import fakes_of_ours",
    ],
)
def test_the_one_name_is_not_taken_for_it(text: str) -> None:
    assert TOP_LEVEL.search(text) is None


def test_nothing_imports_a_folder_as_if_it_were_installed_by_itself() -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0].strip()}"
        for name, text in texts()
        if name not in ITS_OWN
        for match in TOP_LEVEL.finditer(text)
    ]

    assert found == []


def test_modules_import_what_is_ours_relatively() -> None:
    absolute = [
        f"{path}: {name}"
        for path in [*module_paths(), *benchmark_paths()]
        for name in absolute_imports(parse(path))
        if name.partition(".")[0] == "streamproof"
    ]

    assert absolute == []
