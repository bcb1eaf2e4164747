"""The wheel holds what a user needs and nothing else; the sdist makes the same one."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.packaging.published import ROOT, build

FOLDERS = ("conformance", "fakes", "loadtests", "reference_server")
LINKS = ROOT / ".package" / "streamproof"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"), "wheel", "sdist")


def only(folder: Path, pattern: str) -> Path:
    [found] = folder.glob(pattern)
    return found


def files_of_the_packages() -> set[str]:
    inside = {path.name for path in LINKS.iterdir() if path.is_file()}
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__", "benchmarks"} & set(path.parts):
                inside.add(str(path.relative_to(ROOT)))
    return {f"streamproof/{name}" for name in inside}


def test_every_folder_that_is_installed_is_linked() -> None:
    links = {path.name: path.resolve() for path in LINKS.iterdir() if path.is_dir()}
    links.pop("__pycache__", None)

    assert links == {folder: ROOT / folder for folder in FOLDERS}


def test_the_wheel_holds_the_packages_once_without_tests_and_benchmarks(
    built: Path,
) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        names = wheel.namelist()

    inside = [name for name in names if ".dist-info/" not in name]
    assert sorted(inside) == sorted(files_of_the_packages())


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "conformance/profiles/pipeline.toml",
        "conformance/catalogue/framing.toml",
        "fakes/pytest_plugin.py",
    ],
)
def test_the_wheel_holds_data_and_the_marker_of_types(built: Path, name: str) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        assert f"streamproof/{name}" in wheel.namelist()


def test_the_wheel_holds_the_license(built: Path) -> None:
    with zipfile.ZipFile(only(built, "*.whl")) as wheel:
        [name] = [each for each in wheel.namelist() if each.endswith("LICENSE")]
        assert wheel.read(name) == (ROOT / "LICENSE").read_bytes()


def test_the_sdist_makes_the_same_wheel_byte_for_byte(
    built: Path, tmp_path: Path
) -> None:
    with tarfile.open(only(built, "*.tar.gz")) as sdist:
        sdist.extractall(tmp_path, filter="data")

    again = build(only(tmp_path, "streamproof-*"), tmp_path / "again", "wheel")

    assert only(again, "*.whl").read_bytes() == only(built, "*.whl").read_bytes()
