"""Peers are found where they were installed, or it is said why they are not there."""

import json
from pathlib import Path

import pytest

from streamproof.loadtests.benchmarks.peers import (
    PeerError,
    install_aimock,
    install_llmock,
)


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the whole search path."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_without_node_aimock_is_missing_and_the_reason_is_told(
    programs: Path, tmp_path: Path
) -> None:
    with pytest.raises(PeerError, match=r"expected node and npm .* install Node\.js"):
        install_aimock(tmp_path / "bench")


def test_aimock_that_is_there_is_not_installed_again(
    programs: Path, tmp_path: Path
) -> None:
    node = executable(programs / "node", "echo v20.1.0")
    executable(programs / "npm", "exit 1")
    home = tmp_path / "bench/aimock/node_modules/@copilotkit/aimock"
    home.mkdir(parents=True)
    (home / "package.json").write_text(json.dumps({"version": "1.43.0"}))

    peer = install_aimock(tmp_path / "bench")

    assert peer.command == (str(node), str(home / "dist/cli.js"))
    assert peer.version == "1.43.0 (node v20.1.0)"


def test_what_npm_says_last_is_the_reason(programs: Path, tmp_path: Path) -> None:
    executable(programs / "node", "echo v20.1.0")
    executable(programs / "npm", "echo first >&2; echo no such package >&2; exit 7")

    with pytest.raises(PeerError, match="npm to succeed, got exit 7: no such package"):
        install_aimock(tmp_path / "bench")


def test_llmock_that_is_there_is_not_installed_again(tmp_path: Path) -> None:
    executable(tmp_path / "llmock/bin/python", 'shift 2; echo "$1 0.2.2"')

    peer = install_llmock(tmp_path, None)

    assert peer.command == (str(tmp_path / "llmock/bin/llmock"),)
    assert peer.version == "0.2.2 (uvicorn 0.2.2)"
