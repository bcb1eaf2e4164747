"""A PostgreSQL of our own: started on a free port, gone with its folder.

The programs come from Debian's package `postgresql`, which `make` installs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROGRAMS = Path("/usr/lib/postgresql")
_USER = "streamproof"
_PATIENCE_S = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgreSQL:
    """One running cluster."""

    folder: Path
    port: int

    def url(self, name: str = "postgres") -> str:
        """Return the URL of one of its databases."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/{name}"

    def create(self, name: str) -> str:
        """Make an empty database; return its URL."""
        self._run("psql", "--quiet", "--command", f'CREATE DATABASE "{name}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database and cut whatever is connected to it."""
        self._run("psql", "--quiet", "--command", f'DROP DATABASE "{name}" (FORCE)')

    def stop(self) -> None:
        """Stop the cluster as a crash of it would: connections are cut."""
        _call("pg_ctl", "--pgdata", self.folder, "--mode=immediate", "stop")

    def start(self) -> None:
        """Start it, again too."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c fsync=off "
            f"-c unix_socket_directories={self.folder} -c max_connections=50"
        )
        _call(
            "pg_ctl",
            "--pgdata",
            self.folder,
            "--wait",
            f"--options={options}",
            f"--log={self.folder / 'server.log'}",
            "start",
        )

    def _run(self, program: str, *arguments: str) -> None:
        host, port = f"--host={self.folder}", f"--port={self.port}"
        _call(program, host, port, f"--username={_USER}", *arguments, "postgres")


@contextlib.contextmanager
def running_postgresql() -> Iterator[PostgreSQL]:
    """Start a cluster; stop it and remove it at exit."""
    # Below /tmp, for a socket's path has 107 characters at most.
    folder = Path(tempfile.mkdtemp(prefix="sp-pg-", dir="/tmp"))
    try:
        owner = _owner()
        if owner:
            shutil.chown(folder, owner["user"])
        data = folder / "data"
        _call("initdb", "--no-sync", "--auth=trust", f"--username={_USER}", data)
        cluster = PostgreSQL(folder=data, port=_free_port())
        cluster.start()
        try:
            yield cluster
        finally:
            with contextlib.suppress(subprocess.CalledProcessError):
                cluster.stop()
    finally:
        shutil.rmtree(folder)


def _call(program: str, *arguments: str | Path) -> None:
    done = subprocess.run(
        [_find(program), *map(str, arguments)],
        check=False,
        # Not a pipe: the server would inherit it, and it is read until it closes.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_PATIENCE_S,
        # Its working folder may be closed to the other user.
        cwd="/",
        # A signal to the tests must not end the cluster before they do.
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        **_owner(),
    )
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, done.args)


def _find(program: str) -> str:
    found = sorted(_PROGRAMS.glob(f"*/bin/{program}"))
    if not found:
        raise RuntimeError(
            f"expected {program} below {_PROGRAMS}, got none; install Debian's package "
            "postgresql, which `make test` does for root"
        )
    return str(found[-1])


def _owner() -> Mapping[str, Any]:
    """Return as whom the programs run: not as root, which they refuse."""
    return {"user": "postgres"} if os.geteuid() == 0 else {}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
