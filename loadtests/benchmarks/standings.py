"""What the rounds of `fakes` come to: medians, tables, remarks, one JSON document.

Pure but for the facts about this machine in the document. Must not run anything.
"""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rich import box
from rich.table import Table

from .contest import Case
from .contestants import Contestant

__all__ = ["Part", "Row", "Series", "document", "remarks", "table"]

# A client that is later than this at every hundredth look blurs what it measures.
LATE_CLIENT_MS: Final = 5.0
FULL_CLIENT_PERCENT: Final = 90.0
# More than a bystander, less than what moves a median of quiet rounds (% of a core).
FOREIGN_PERCENT: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure of the table: its name, what it is called, digits behind the point."""

    figure: str
    heading: str
    digits: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A case, how often it is run, what is shown of it, and what is wanted of ours."""

    case: Case
    rounds: int
    rows: Sequence[Row]
    wanted: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One contestant in one case: the figures of each round, or why there are none."""

    case: str
    contestant: str
    rounds: Sequence[Mapping[str, float]]
    failure: str | None = None

    def median(self, figure: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(each[figure] for each in self.rounds)

    @property
    def is_client_bound(self) -> bool:
        """True when the client was not up to it in most rounds."""
        return (
            self.median("client_lag_p99_ms") > LATE_CLIENT_MS
            or self.median("client_cpu") > FULL_CLIENT_PERCENT
        )

    @property
    def is_disturbed(self) -> bool:
        """True when others used the machine in most rounds."""
        return self.median("foreign_cpu") > FOREIGN_PERCENT


def table(part: Part, found: Sequence[Series]) -> Table:
    """Lay out one case: a column per contestant, in it the medians of its rounds."""
    loads = [each["load_1min"] for series in found for each in series.rounds]
    load = f"{min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
    title = f"{part.case.name} ({part.rounds} rounds, load average {load})"
    shown = Table(title=title, title_justify="left", box=box.SIMPLE, pad_edge=False)
    shown.add_column("(wanted)" if part.wanted else "", no_wrap=True)
    for series in found:
        shown.add_column(_heading(series), justify="right", no_wrap=True)
    for row in part.rows:
        wanted = part.wanted.get(row.figure)
        label = f"{row.heading} ({wanted})" if wanted else row.heading
        shown.add_row(label, *(_cell(series, row) for series in found))
    return shown


def _heading(series: Series) -> str:
    if not series.rounds:
        return series.contestant
    marks = "*" * series.is_client_bound + "!" * series.is_disturbed
    return f"{series.contestant}\n{marks}".rstrip()


def _cell(series: Series, row: Row) -> str:
    if not series.rounds:
        return "failed"
    return f"{series.median(row.figure):,.{row.digits}f}"


def remarks(found: Sequence[Series], missing: Mapping[str, str]) -> Iterator[str]:
    """Yield what the tables alone would hide."""
    measured = [series for series in found if series.rounds]
    if any(series.is_client_bound for series in measured):
        yield "* the client was at its limit or late itself: not the server's figures"
    if any(series.is_disturbed for series in measured):
        yield "! other processes used the machine meanwhile: better run it again"
    for name, reason in missing.items():
        yield f"{name} was not measured: {reason}"
    for series in found:
        where = f"{series.contestant} at {series.case}"
        if series.failure is not None:
            done = len(series.rounds)
            yield f"{where} failed after {done} rounds: {series.failure}"
        if series.rounds and series.rounds[0].get("streams_silent") is not None:
            silent = series.median("streams_silent")
            if silent:
                yield (
                    f"{where}: {silent:.0f} streams had said nothing when the window "
                    "closed; they count as late as that"
                )


def document(
    contestants: Sequence[Contestant], found: Iterable[Series]
) -> dict[str, object]:
    """Return everything measured, as JSON."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "versions": {c.name: c.version for c in contestants},
        "series": [
            {
                "case": each.case,
                "server": each.contestant,
                "rounds": each.rounds,
                "failure": each.failure,
            }
            for each in found
        ],
    }
