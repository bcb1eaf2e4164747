"""The fakes' peers, installed apart from this project at the versions named here.

Each gets a folder of its own beside the environment's packages, so that neither
their dependencies nor ours decide about the other. A second call finds them there.
Must not write where they came from anywhere.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["Peer", "PeerError", "install_aimock", "install_llmock"]

AIMOCK: Final = ("@copilotkit/aimock", "1.43.0")
LLMOCK: Final = ("llmock", "0.2.2")
# What llmock serves with decides its speed, and is told beside its version.
LLMOCK_PARTS: Final = ("uvicorn", "starlette", "uvloop", "httptools")
INSTALL_S: Final = 180


class PeerError(Exception):
    """A peer cannot be had here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A peer that is installed: the command that starts it, and what it is."""

    command: tuple[str, ...]
    version: str


def install_aimock(folder: Path) -> Peer:
    """Install aimock with npm, unless it is there.

    Raises:
        PeerError: there is no Node, or no package.
    """
    name, wanted = AIMOCK
    home = folder / "aimock" / "node_modules" / name
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise PeerError("expected node and npm on the path; install Node.js")
    if _version_of(home) != wanted:
        prefix = folder / "aimock"
        prefix.mkdir(parents=True, exist_ok=True)
        options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund"]
        _call([npm, "install", *options, "--prefix", str(prefix), f"{name}@{wanted}"])
    node_version = _call([node, "--version"])
    return Peer(
        command=(node, str(home / "dist" / "cli.js")),
        version=f"{_version_of(home)} (node {node_version})",
    )


def _version_of(home: Path) -> str | None:
    try:
        version = json.loads((home / "package.json").read_text())["version"]
    except FileNotFoundError:
        return None
    return str(version)


def install_llmock(folder: Path, constraints: Path | None) -> Peer:
    """Install llmock into a virtual environment, unless it is there.

    Raises:
        PeerError: there is no package.
    """
    name, wanted = LLMOCK
    home = folder / "llmock"
    python = str(home / "bin" / "python")
    try:
        found = _versions(python, (name,))
    except PeerError:
        found = ""
    if found != f"{name} {wanted}":
        _call([sys.executable, "-m", "venv", "--clear", str(home)])
        pinned = [] if constraints is None else ["--constraint", str(constraints)]
        _call([python, "-m", "pip", "install", *pinned, f"{name}=={wanted}"])
    parts = _versions(python, LLMOCK_PARTS)
    return Peer(command=(str(home / "bin" / name),), version=f"{wanted} ({parts})")


def _versions(python: str, names: Sequence[str]) -> str:
    """List the versions of packages in an environment."""
    ask = (
        "import sys; from importlib.metadata import version; "
        "print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
    )
    return _call([python, "-c", ask, *names])


def _call(command: Sequence[str]) -> str:
    """Run a command to its end, and return what it said."""
    try:
        done = subprocess.run(  # noqa: S603 -- npm, pip and interpreters
            command, capture_output=True, text=True, timeout=INSTALL_S, check=True
        )
    except FileNotFoundError as error:
        raise PeerError(f"expected {command[0]}, got none") from error
    except subprocess.TimeoutExpired as error:
        raise PeerError(
            f"expected {command[0]} to be done within {INSTALL_S} s"
        ) from error
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip().splitlines() or ["nothing"]
        raise PeerError(
            f"expected {command[0]} to succeed, got exit {error.returncode}: {said[-1]}"
        ) from error
    return done.stdout.strip()
