"""Server and fakes as processes, talked to over real sockets."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

READY = "listening on "
_STOP_S = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running program and where it listens."""

    process: subprocess.Popen[str]
    url: str
    _log: IO[str]

    @property
    def address(self) -> tuple[str, int]:
        host, _, port = self.url.removeprefix("http://").rpartition(":")
        return host, int(port)

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        self._log.seek(0)
        return self._log.read()


def command(package: str, *options: str) -> list[str]:
    return [sys.executable, "-m", f"streamproof.{package}", *options]


@contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Start a program, wait until it listens, and stop it at the end."""
    # A file, because nothing here reads a pipe that may fill up.
    log = tempfile.TemporaryFile("w+")  # noqa: SIM115 -- closed below
    process = subprocess.Popen(
        arguments,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        url = line.removeprefix(READY).strip()
        program = Program(process=process, url=url, _log=log)
        assert line.startswith(READY), program.log
        yield program
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
            log.close()
