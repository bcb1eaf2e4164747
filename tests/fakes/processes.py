"""`streamproof-fakes` as a process of its own, for as long as a block takes."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A running server.

    Args:
        pid: its process id.
        url: its base URL.
    """

    pid: int
    url: str


@contextmanager
def running(*arguments: str, module: str = "streamproof.fakes") -> Iterator[Process]:
    """Start the fakes, or another module with the same ready line; stop it after."""
    command = [sys.executable, "-m", module, "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline().strip()
            assert line.startswith("listening on "), f"expected a URL, got {line!r}"
            yield Process(pid=process.pid, url=line.removeprefix("listening on "))
        finally:
            process.terminate()
