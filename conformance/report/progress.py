"""Says how far a run is while it runs: one line that changes, or a few plain ones.

Must not say what failed and why; that is the report's business at the end. Goes to
stderr, so that the report alone can be redirected.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TextIO, assert_never

from ..model import Verdict
from ..runner.events import (
    Judged,
    ProbeFinished,
    RunEvent,
    RunFinished,
    RunStarted,
    TimePassed,
)
from .escaping import printable

MAX_NAMED = 2
"""So few probes still running are named: then a reader wonders what he waits for."""

SILENCE_S = 30.0
"""After so long a log gets a line also when nothing has happened: two for a minute, and
no page of them for a run of several."""

_ERASE_LINE = "\r\x1b[2K"


class Reporter(Protocol):
    """Is told what happens during a run."""

    def tell(self, event: RunEvent) -> None:
        """Take note of one event."""

    def warn(self, line: str) -> None:
        """Show a line that must not be missed."""

    def close(self) -> None:
        """Leave the terminal as it was found, also in the middle of a run."""


@dataclass(slots=True)
class Tally:
    """How many probes came back and what was judged so far."""

    target: str = ""
    profile: str = ""
    running: dict[str, None] = field(default_factory=dict)
    probes: int = 0
    requirements: int = 0
    judged: int = 0
    failed: int = 0
    seconds: float = 0.0

    def add(self, event: RunEvent) -> None:
        """Count one event."""
        match event:
            case RunStarted(plan=plan, target=target):
                self.target, self.profile = target, plan.profile.name
                self.running = dict.fromkeys(plan.probes)
                self.probes = len(plan.probes)
                self.requirements = len(plan.selected) - len(plan.undeclared)
            case ProbeFinished(name=name):
                self.running.pop(name, None)
            case Judged(judgement=judgement):
                self.judged += judgement.verdict is not Verdict.INAPPLICABLE
                self.failed += judgement.verdict is Verdict.FAILED
            case TimePassed(seconds=seconds):
                self.seconds = seconds
            case RunFinished():
                pass
            case _:
                assert_never(event)

    @property
    def done(self) -> int:
        """How many probes came back."""
        return self.probes - len(self.running)

    def line(self) -> str:
        """Return the state in one line of ASCII."""
        text = (
            f"{self.done}/{_count(self.probes, 'probe')}, "
            f"{self.judged}/{self.requirements} judged, {self.failed} failed"
        )
        if self.seconds >= 1:
            text += f", {int(self.seconds)} s"
        if 0 < len(self.running) <= MAX_NAMED:
            text += f", waiting for {', '.join(self.running)}"
        return text

    def opening(self) -> str:
        """Return what the run is about, in one line."""
        return (
            f"checking {printable(self.target)} against {self.profile}: "
            f"{_count(self.requirements, 'requirement')}, "
            f"{_count(self.probes, 'probe')}"
            + (" side by side" if self.probes > 1 else "")
        )


class ChangingLine:
    """One line on a terminal of `columns` that is written over again and again."""

    def __init__(self, stream: TextIO, columns: int) -> None:
        self._stream = stream
        self._columns = columns
        self._tally = Tally()

    def tell(self, event: RunEvent) -> None:
        """Show the new state."""
        self._tally.add(event)
        if isinstance(event, RunStarted):
            self._stream.write(f"{self._tally.opening()}\n")
        # One column stays free: a terminal wraps when the last one is written.
        line = self._tally.line()[: self._columns - 1]
        self._stream.write(_ERASE_LINE + line)
        self._stream.flush()

    def warn(self, line: str) -> None:
        """Write above the changing line."""
        self._stream.write(f"{_ERASE_LINE}{_warning(line)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Take the line away."""
        self._stream.write(_ERASE_LINE)
        self._stream.flush()


class PlainLines:
    """A line at the start, for each quarter of the probes and in a long silence."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._tally = Tally()
        self._quarters = 0
        self._said_at_s = 0.0

    def tell(self, event: RunEvent) -> None:
        """Write a line if there is something new to say."""
        self._tally.add(event)
        if isinstance(event, RunStarted):
            self._write(self._tally.opening())
        elif isinstance(event, ProbeFinished):
            quarters = 4 * self._tally.done // self._tally.probes
            # The last quarter has its line when what it brought is judged, too.
            if self._quarters < quarters < 4:  # noqa: PLR2004 -- quarters
                self._quarters = quarters
                self._write(self._tally.line())
        elif isinstance(event, TimePassed):
            if event.seconds - self._said_at_s >= SILENCE_S:
                self._write(self._tally.line())
        elif isinstance(event, RunFinished):
            self._write(self._tally.line())

    def warn(self, line: str) -> None:
        """Write the line among the others."""
        self._write(_warning(line))

    def close(self) -> None:
        """Do nothing: each line stands for itself."""

    def _write(self, line: str) -> None:
        self._said_at_s = self._tally.seconds
        self._stream.write(f"{line}\n")
        self._stream.flush()


class WarningsOnly:
    """Says nothing but what must not be missed."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def tell(self, event: RunEvent) -> None:
        """Do nothing."""

    def warn(self, line: str) -> None:
        """Write the line."""
        self._stream.write(f"{_warning(line)}\n")
        self._stream.flush()

    def close(self) -> None:
        """Do nothing."""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _warning(line: str) -> str:
    return f"warning: {line}"
