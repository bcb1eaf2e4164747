"""The bare install is the suite alone, and scripts point at something."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PYPROJECT = tomllib.loads(
    (Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8")
)["project"]


def names(requirements: list[str]) -> set[str]:
    return {
        requirement.partition(">")[0].partition("[")[0] for requirement in requirements
    }


def test_the_bare_install_pulls_neither_the_server_nor_the_load_tools() -> None:
    heavy = {"langgraph", "locust", "starlette", "uvicorn", "gevent"}

    assert not names(PYPROJECT["dependencies"]) & heavy


def test_the_extra_all_is_every_other_extra() -> None:
    extras = set(PYPROJECT["optional-dependencies"]) - {"all"}

    [everything] = PYPROJECT["optional-dependencies"]["all"]

    assert set(everything.removeprefix("streamproof[").rstrip("]").split(",")) == extras


@pytest.mark.parametrize("name", sorted(PYPROJECT["scripts"]))
def test_a_console_script_can_be_loaded(name: str) -> None:
    [script] = entry_points(group="console_scripts", name=name)

    assert callable(script.load())
