"""Standard streams that may go away: what cannot be written must not change a verdict.

A log collector that dies, a full disk or `| head` would otherwise end a run with the
exit code of an unhandled error, which says "not conformant". What is lost is kept in
mind, so that it can be told at the end.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress
from typing import Any, TextIO, cast


class Lasting:
    """A text stream whose writes never raise; after the first failure it is silent.

    Attributes:
        problem: why it fell silent; None while it has not.
    """

    def __init__(self, stream: TextIO) -> None:
        self.problem: OSError | None = None
        self._stream = stream

    def write(self, text: str) -> int:
        """Write, or drop what can no longer be written."""
        try:
            return self._stream.write(text)
        except OSError as problem:
            self._give_up(problem)
            return len(text)

    def flush(self) -> None:
        """Flush, or drop what can no longer be written."""
        try:
            self._stream.flush()
        except OSError as problem:
            self._give_up(problem)

    def _give_up(self, problem: OSError) -> None:
        self.problem = self.problem or problem
        # What is still buffered goes nowhere, now and when the interpreter ends.
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 -- whatever the stream has
        return getattr(self._stream, name)


def make_lasting() -> None:
    """Put `Lasting` in the place of stdout and stderr; a closed one becomes silent."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 -- kept open
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows ASCII only must not end a run.
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, cast("TextIO", Lasting(stream)))


def why_not_written(stream: TextIO) -> OSError | None:
    """Flush a stream of `make_lasting`; return why something is lost, if it is."""
    stream.flush()
    return stream.problem if isinstance(stream, Lasting) else None
