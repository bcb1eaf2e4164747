"""`python -m … .pinned CORE COMMAND…`: a command on one core.

Sets what must hold before the command's first thread starts, then becomes it: the
core it may use, enough open files, and that it dies with its parent, whatever
happens to that one. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["main", "pinned"]

PR_SET_PDEATHSIG: Final = 1  # prctl(2)


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """Return the command line that runs a command on a core."""
    return [sys.executable, "-m", __name__, str(core), *command]


def main(arguments: Sequence[str]) -> None:
    """Become the command."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit(1)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    core, *command = arguments
    os.sched_setaffinity(0, {int(core)})
    os.execvp(command[0], command)  # noqa: S606 -- ours or a peer's console script


if __name__ == "__main__":
    main(sys.argv[1:])
