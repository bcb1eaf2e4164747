"""What is published, built from a checkout, and environments to install it in.

Nothing is fetched: hatchling is one of the test tools, and an environment borrows its
dependencies from the one that runs the tests, but not the editable install there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]


def build(project: Path, folder: Path, *kinds: str) -> Path:
    """Build these kinds of distribution, `wheel` or `sdist`; return the folder."""
    targets = [word for kind in kinds for word in ("--target", kind)]
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder)]
    done = subprocess.run(
        [*command, *targets], cwd=project, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment, and a user's project that is worked on with it."""

    folder: Path
    project: Path

    @classmethod
    def create(cls, folder: Path, *install: str) -> Environment:
        """Create one in a folder, with an empty project, and install into it."""
        made = cls(folder / "venv", folder / "project")
        made.project.mkdir()
        venv.create(made.folder, symlinks=True)
        borrowed = sysconfig.get_path("purelib")
        # Lines of a `.pth` file in a folder that a `.pth` file names are not followed,
        # and that is how the editable install of the other environment is reached.
        (made.purelib / "borrowed.pth").write_text(f"{borrowed}\n", "utf-8")
        pip = [sys.executable, "-m", "pip", "--python", str(made.bin / "python")]
        options = ["--no-index", "--no-deps", "--no-build-isolation", "--quiet"]
        done = made.run(*pip, "install", *options, *install)
        assert done.returncode == 0, done.stderr
        return made

    @property
    def bin(self) -> Path:
        """Where the commands are."""
        return self.folder / "bin"

    @property
    def purelib(self) -> Path:
        """Where packages are installed."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def write(self, files: Mapping[str, str]) -> None:
        """Write files of the project, by their paths."""
        for name, text in files.items():
            path = self.project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; those of the environment are found first."""
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run(
            command,
            cwd=self.project,
            check=False,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | {"PATH": path} | variables,
        )
