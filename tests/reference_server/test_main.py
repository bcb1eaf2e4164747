"""The command where a package of its extra is not installed."""

import os
import subprocess
import sys

import pytest

# What the `server` extra brings and the bare install has not.
EXTRA = (
    "langgraph",
    "prometheus_client",
    "pydantic_settings",
    "starlette",
    "uvicorn",
)
START = """
import sys
sys.modules.update(dict.fromkeys(sys.argv.pop().split(",")))
from streamproof.reference_server.__main__ import main
main()
"""


def start_without(packages: tuple[str, ...], *words: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-c", START, *words, ",".join(packages)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=os.environ | {"STREAMPROOF_SERVER_JWT_SECRET": "s" * 48},
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("words", [("--help",), ("--port", "0")], ids=" ".join)
def test_the_bare_install_says_in_one_line_what_to_install(
    words: tuple[str, ...],
) -> None:
    code, out, err = start_without(EXTRA, *words)

    assert (code, out) == (2, "")
    assert err == (
        "streamproof-server: needs starlette, which is not installed; "
        "install streamproof[server]\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("package", EXTRA)
def test_each_package_of_the_extra_is_named_when_it_alone_is_missing(
    package: str,
) -> None:
    words = ("--port", "0", "--upstream-url", "http://127.0.0.1:1/v1")

    code, out, err = start_without((package,), *words)

    assert (code, out) == (2, "")
    assert err.endswith(
        f"streamproof-server: needs {package}, which is not installed; "
        "install streamproof[server]\n"
    )
    assert "Traceback" not in err
