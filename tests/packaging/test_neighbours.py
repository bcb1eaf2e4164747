"""The wheel beside a project that has packages of the names of our folders."""

from __future__ import annotations

import tomllib

import pytest
from tests.packaging.published import ROOT, Environment, build

WHOSE = "WHOSE = 'theirs'\n"
THEIRS = {
    "conformance/__init__.py": WHOSE,
    "fakes/__init__.py": WHOSE,
    "loadtests/__init__.py": WHOSE,
    "reference_server/__init__.py": WHOSE,
    "tests/fakes.py": "WHOSE = 'their tests'\n",
    "tests/test_theirs.py": """
import conformance
import fakes
import httpx
from streamproof.fakes import Client


def test_each_name_leads_to_its_own():
    assert conformance.WHOSE == "theirs"
    assert fakes.WHOSE == "their tests"


def test_the_fixture_of_the_plugin_works(fake_llm):
    assert isinstance(fake_llm, Client)
    answer = httpx.get(f"{fake_llm.url}/_fakes/health")
    assert answer.json()["status"] == "ok"
""",
}
PARTS = ("conformance", "fakes", "loadtests", "reference_server")
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "scripts"
]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("neighbours")
    [wheel] = build(ROOT, folder, "wheel").glob("*.whl")
    made = Environment.create(folder, str(wheel))
    made.write(THEIRS)
    return made


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ("streamproof", "--version"),
        ("python", "-m", "streamproof", "--version"),
        *((name, "--help") for name in SCRIPTS),
    ],
    ids=" ".join,
)
def test_a_command_starts(installed: Environment, command: tuple[str, ...]) -> None:
    done = installed.run(*command, PYTHONPATH=".")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_every_part_is_imported_from_the_wheel_and_theirs_from_the_project(
    installed: Environment,
) -> None:
    names = [f"streamproof.{part}" for part in PARTS] + list(PARTS)
    source = f"import {', '.join(names)}, sys\n" + "".join(
        f"print(sys.modules[{name!r}].__file__)\n" for name in names
    )

    done = installed.run("python", "-c", source, PYTHONPATH=".")

    ours = [f"{installed.purelib}/streamproof/{part}/__init__.py" for part in PARTS]
    theirs = [f"{installed.project}/{part}/__init__.py" for part in PARTS]
    assert done.stdout.splitlines() == ours + theirs


@pytest.mark.slow
def test_their_tests_use_their_own_fakes_and_ours(installed: Environment) -> None:
    done = installed.run("python", "-m", "pytest", "-q", PYTHONPATH=".")

    assert "2 passed" in done.stdout, done.stdout
