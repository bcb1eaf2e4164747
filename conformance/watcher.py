"""Stops what a run has started when the suite is killed and cannot do it itself.

A process of its own holds the reading end of a pipe whose other end is the suite's
alone. However the suite ends, SIGKILL included, the system closes that end; then the
watcher stops every process group it was told of. (PR_SET_PDEATHSIG reaches the child
alone and not what that started, hangs on a thread, and is Linux's own.)
"""

from __future__ import annotations

import subprocess
import sys
from types import TracebackType
from typing import Self

# Kept free of imports that take time: it starts before the commands do.
_CODE = """
import os, signal, sys, time
def tell(groups, number):
    left = []
    for group in groups:
        try:
            os.killpg(group, number)
        except OSError:
            continue
        left.append(group)
    return left
groups = [int(line) for line in sys.stdin.buffer]
groups = tell(groups, signal.SIGTERM)
until = time.monotonic() + float(sys.argv[1])
while groups and time.monotonic() < until:
    time.sleep(0.05)
    groups = tell(groups, 0)
tell(groups, signal.SIGKILL)
"""


class Watcher:
    """Watches over process groups for as long as its block lasts.

    Args:
        stop_s: what they have for stopping, in seconds, after SIGTERM.
    """

    def __init__(self, stop_s: float) -> None:
        self._stop_s = stop_s

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # noqa: S603 -- our own code
            [sys.executable, "-I", "-S", "-c", _CODE, str(self._stop_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # What is sent to the suite's whole group must not reach it.
            start_new_session=True,
        )
        return self

    def watch(self, group: int) -> None:
        """Stop this process group too, if the suite does not live to do it."""
        pipe = self._process.stdin
        if pipe is not None:
            pipe.write(b"%d\n" % group)
            pipe.flush()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # Before the pipe is closed: the groups are gone, and their numbers may be new.
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
