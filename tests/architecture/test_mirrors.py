"""Each module has a test file of its name, or is named here with where it is tested.

`fakes/net/door.py` is tested by `tests/fakes/net/test_door.py`; a package's front,
`__init__.py`, by `test_` and the name of its folder. A module without a function only
declares, and there is nothing in it to test.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from tests.architecture.modules import ROOT, module_paths, parse

# By pattern: where it is tested, and why there.
ELSEWHERE = {
    # the suite
    "conformance/checks/invariants/*": (
        "tests/conformance/checks/invariants",
        "each kind of invariant is tested with its neighbours of one subject",
    ),
    "conformance/evidence/*": (
        "tests/conformance/checks",
        "evidence is made for the checks that read it, and read with them",
    ),
    "conformance/model.py": (
        "tests/conformance/runner/test_judge.py",
        "values without a rule of their own but the order of levels and verdicts",
    ),
    "conformance/probes/*": (
        "tests/mutants/test_every_check_can_fail.py",
        "a probe is right when the checks that it feeds pass and fail as they should",
    ),
    "conformance/profiles/__init__.py": (
        "tests/conformance/profiles/test_loading.py",
        "named for what it does",
    ),
    "conformance/profiles/type_names.py": (
        "tests/conformance/profiles/test_rules.py",
        "its answers are problems that the rules name",
    ),
    "conformance/profiles/values.py": (
        "tests/conformance/profiles/test_rules.py",
        "its answers are problems that the rules name",
    ),
    "conformance/profiles/wording.py": (
        "tests/conformance/profiles/test_loading.py",
        "its words are those of a profile that cannot be loaded",
    ),
    "conformance/runner/run.py": (
        "tests/conformance/test_cli.py",
        "it puts a whole run together, and the command line is what asks for one",
    ),
    # the fakes
    "fakes/control/*": (
        "tests/fakes/control",
        "both ends of the control API are tested against each other",
    ),
    "fakes/errors.py": (
        "tests/fakes/providers/test_routes.py",
        "what an error holds is what a refusal shows",
    ),
    "fakes/inprocess/*": (
        "tests/fakes/inprocess",
        "the ways in are tested, each with all that is below it",
    ),
    "fakes/net/link.py": (
        "tests/fakes/net/test_connection.py",
        "the seam of a connection; the connection has it",
    ),
    "fakes/providers/__init__.py": (
        "tests/fakes/providers/test_routes.py",
        "named for what it does",
    ),
    "fakes/providers/*": (
        "tests/fakes/providers",
        "services are tested side by side, and against their SDKs",
    ),
    "fakes/recording/*": (
        "tests/fakes/recording",
        "recording and replay are tested in round trips",
    ),
    "fakes/script/*": (
        "tests/fakes/test_script.py",
        "scripts are tested as they are written, whatever module has the word",
    ),
    # the server
    "reference_server/__init__.py": (
        "tests/typing/api.py",
        "it puts off an import; every test of the application goes through it",
    ),
    "reference_server/metrics.py": (
        "tests/reference_server/web/test_operations.py",
        "its figures are those of the endpoint",
    ),
    "reference_server/streams/*": (
        "tests/reference_server/streams/test_runs.py",
        "a run, its readers and its response are tested together in virtual time",
    ),
    "reference_server/web/*": (
        "tests/reference_server/web",
        "an endpoint is tested by its answers",
    ),
}


def mirror_of(path: Path) -> Path:
    name = path.parent.name if path.stem == "__init__" else path.stem.strip("_")
    return Path("tests", path.parent, f"test_{name}.py")


def has_a_mirror(path: Path) -> bool:
    return (ROOT / mirror_of(path)).is_file()


def only_declares(path: Path) -> bool:
    return not any(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(parse(path))
    )


def patterns_for(path: Path) -> list[str]:
    return [pattern for pattern in ELSEWHERE if fnmatchcase(str(path), pattern)]


@pytest.mark.parametrize(
    ("module", "mirror"),
    [
        ("fakes/net/door.py", "tests/fakes/net/test_door.py"),
        ("fakes/recording/__init__.py", "tests/fakes/recording/test_recording.py"),
        ("conformance/__main__.py", "tests/conformance/test_main.py"),
    ],
)
def test_the_mirror_of_a_module(module: str, mirror: str) -> None:
    assert mirror_of(Path(module)) == Path(mirror)


def test_a_module_is_tested_under_its_name_or_where_the_list_says() -> None:
    missing = [
        str(path)
        for path in module_paths()
        if not (has_a_mirror(path) or only_declares(path) or patterns_for(path))
    ]

    assert missing == []


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_the_list_names_what_is_there_and_needed(pattern: str) -> None:
    where, _ = ELSEWHERE[pattern]
    named = [path for path in module_paths() if fnmatchcase(str(path), pattern)]
    needed = [path for path in named if not (has_a_mirror(path) or only_declares(path))]

    assert needed, f"{pattern} can be taken off the list"
    assert (ROOT / where).exists(), f"{where} is not there"
