"""An editable install, which points into a checkout, as a user's tools see it."""

from __future__ import annotations

import sys

import pytest
from tests.packaging.published import ROOT, Environment

# The part that needs the standard library alone, so that mypy reads little. The other
# parts are links beside it, and `tests/typing` has mypy read them all.
USER = """\
import streamproof.loadtests
from streamproof.conformance.wire import Decoder

decoded: str = Decoder().feed(b"data: hi")
"""
SAID = (
    "user.py:4: error: Incompatible types in assignment (expression has type "
    '"list[Event | Comment | Block]", variable has type "str")  [assignment]'
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("editable")
    return Environment.create(folder, "--editable", str(ROOT))


@pytest.mark.slow
def test_imports_lead_into_the_checkout(installed: Environment) -> None:
    source = "import streamproof.fakes.dice as it; print(it.__file__)"

    done = installed.run("python", "-c", source)

    assert done.stdout == f"{ROOT}/.package/streamproof/fakes/dice.py\n"


@pytest.mark.slow
def test_benchmarks_are_run_from_the_checkout(installed: Environment) -> None:
    benchmark = "streamproof.loadtests.benchmarks.wire"

    done = installed.run("python", "-c", f"import {benchmark}")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_mypy_reads_the_types_of_the_checkout(installed: Environment) -> None:
    installed.write({"user.py": USER})
    python = ("--python-executable", str(installed.bin / "python"))

    done = installed.run(sys.executable, "-m", "mypy", *python, "user.py")

    assert done.stdout.splitlines()[:1] == [SAID], done.stdout + done.stderr
