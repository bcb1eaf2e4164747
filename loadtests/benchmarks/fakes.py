"""Our fakes beside their peers, on one machine in one run: speed, pacing, cost.

Must not judge: it prints and stores figures, and no test depends on them.

Every server gets a core of its own, the client another; every run starts a fresh
server, and the servers take turns in each round, so that a slow moment of the
machine hits all of them. A figure is the median of the rounds. The same request goes
to all, and each is scripted to answer it with the same words (`contestants`).

- `flood`: 8 connections ask for 2000 unpaced words again and again. Frames per
  second, while the server's core is fully used.
- `200` and `1000` streams of 50 words a second: the gap between the frames of a
  stream (20 ms is right), how late the first content is (due 200 ms after the
  request), and what that costs. Streams start at random moments, 250 a second.

`canned` answers ready-made bytes: as far as others stay below it, neither client nor
kernel is what limits them. A run is marked when the client was late itself.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from .contest import Case, ContestError, run
from .contestants import Contestant, Script, aimock, baseline, llmock, ours
from .peers import PeerError, install_aimock, install_llmock

STARTS_PER_S: Final = 250
WORDS_PER_S: Final = 50
# A client that is later than this at every hundredth look blurs what it measures.
LATE_CLIENT_MS: Final = 5.0
FULL_CLIENT_PERCENT: Final = 90.0
# The whole run; installing the peers, once, comes on top.
DEADLINE_S: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A figure of the table: its name, its heading, and what is wanted of ours."""

    figure: str
    heading: str
    digits: int = 0
    wanted: str = ""


FLOOD: Final = Case(
    name="flood",
    script=Script(tokens=2000),
    streams=8,
    spread_s=0.0,
    settle_s=0.5,
    window_s=1.5,
)
COST: Final = (
    Column(figure="server_cpu", heading="CPU %"),
    Column(figure="server_idle_mib", heading="idle MiB"),
    Column(figure="server_peak_mib", heading="peak MiB"),
)
FLOOD_COLUMNS: Final = (
    Column(figure="frames_per_s", heading="frames/s", wanted=">= 100,000"),
    Column(figure="mb_per_s", heading="MB/s"),
    *COST,
)
PACED_COLUMNS: Final = (
    Column(figure="gap_p50_ms", heading="gap p50 ms", digits=1),
    Column(figure="gap_p99_ms", heading="gap p99 ms", digits=1, wanted="<= 30 at 1000"),
    Column(figure="first_late_p50_ms", heading="first late p50 ms", digits=1),
    Column(figure="first_late_p99_ms", heading="first late p99 ms", digits=1),
    Column(figure="frames_per_s_and_stream", heading="frames/s each", digits=1),
    *COST,
)
HEALTH: Final = (
    Column(figure="client_cpu", heading="client CPU %"),
    Column(figure="client_lag_p99_ms", heading="client lag p99 ms", digits=1),
    Column(figure="foreign_cpu", heading="foreign CPU %"),
    Column(figure="load_1min", heading="load 1 min", digits=1),
)


def paced(streams: int) -> Case:
    """Return so many streams of 50 words a second, none of which ends by itself."""
    spread_s, settle_s, window_s = streams / STARTS_PER_S, 0.5, 2.5
    outlasting = round(WORDS_PER_S * (spread_s + settle_s + window_s)) + WORDS_PER_S
    return Case(
        name=f"{streams} streams",
        script=Script(tokens=outlasting, first_ms=200, each_ms=1000 / WORDS_PER_S),
        streams=streams,
        spread_s=spread_s,
        settle_s=settle_s,
        window_s=window_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One contestant in one case: the figures of each round, or why there are none."""

    case: str
    contestant: str
    rounds: Sequence[dict[str, float]]
    failure: str | None = None

    def median(self, figure: str) -> float:
        """Return the median of the rounds."""
        return statistics.median(each[figure] for each in self.rounds)

    @property
    def is_blurred(self) -> bool:
        """True when the client was not up to it in most rounds."""
        return (
            self.median("client_lag_p99_ms") > LATE_CLIENT_MS
            or self.median("client_cpu") > FULL_CLIENT_PERCENT
        )


def gather(folder: Path) -> tuple[list[Contestant], dict[str, str]]:
    """Install the peers; return who can be measured, and why others cannot."""
    constraints = Path("constraints.txt")
    installers: dict[str, Callable[[], Contestant]] = {
        "aimock": lambda: aimock(install_aimock(folder)),
        "llmock": lambda: llmock(
            install_llmock(folder, constraints if constraints.exists() else None)
        ),
    }
    found, missing = [baseline(), ours()], {}
    for name, install in installers.items():
        try:
            found.append(install())
        except PeerError as error:
            missing[name] = str(error)
    return found, missing


def measure(
    contestants: Sequence[Contestant],
    case: Case,
    rounds: int,
    say: Callable[[str], None],
) -> list[Series]:
    """Run every contestant in each round; one that fails is left out from then on."""
    figures: dict[str, list[dict[str, float]]] = {c.name: [] for c in contestants}
    failures: dict[str, str] = {}
    for number in range(rounds):
        for contestant in contestants:
            if contestant.name in failures:
                continue
            say(f"{case.name}, round {number + 1} of {rounds}: {contestant.name}")
            try:
                figures[contestant.name].append(run(contestant, case))
            except ContestError as error:
                failures[contestant.name] = str(error)
    return [
        Series(case=case.name, contestant=name, rounds=each, failure=failures.get(name))
        for name, each in figures.items()
    ]


def table(found: Sequence[Series], columns: Sequence[Column]) -> Table:
    """Lay out one case: a row per contestant, medians, and the spread of the first."""
    shown = Table(title=found[0].case, title_justify="left")
    shown.add_column("server")
    for column in (*columns, *HEALTH):
        shown.add_column(column.heading, justify="right")
    for series in found:
        if not series.rounds:
            shown.add_row(series.contestant, "failed")
            continue
        mark = " *" if series.is_blurred else ""
        cells = [_cell(series, column) for column in (*columns, *HEALTH)]
        shown.add_row(series.contestant + mark, *cells)
    wanted = [column.wanted for column in columns]
    if any(wanted):
        shown.add_section()
        shown.add_row("wanted", *wanted)
    return shown


def _cell(series: Series, column: Column) -> str:
    return f"{series.median(column.figure):,.{column.digits}f}"


def remarks(found: Iterable[Series], missing: dict[str, str]) -> Iterator[str]:
    """Yield what the tables alone would hide."""
    for name, reason in missing.items():
        yield f"{name} was not measured: {reason}"
    for series in found:
        if series.failure is not None:
            yield (
                f"{series.contestant} failed at {series.case} after "
                f"{len(series.rounds)} rounds: {series.failure}"
            )
        elif series.rounds and series.rounds[0].get("streams_silent"):
            silent = series.median("streams_silent")
            yield (
                f"{series.contestant} at {series.case}: {silent:.0f} streams had said "
                "nothing when the window closed; they count as late as that"
            )
        if series.rounds and series.is_blurred:
            yield (
                f"* {series.contestant} at {series.case}: the client was late itself "
                "or used its whole core; read these figures as upper bounds"
            )


def main() -> None:
    """Run the benchmark, print its tables, and store every round if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--flood-rounds", type=int, default=5)
    parser.add_argument("--paced-rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="a server; may be repeated")
    parser.add_argument("--json", type=Path, help="also write every round here")
    options = parser.parse_args()
    # Whatever ends this run unwinds it, so that no server stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    contestants, missing = gather(Path(sys.prefix) / "bench")
    if options.only:
        contestants = [c for c in contestants if c.name in options.only]
    signal.signal(signal.SIGALRM, lambda *_: sys.exit("expected to be done by now"))
    signal.alarm(DEADLINE_S)
    out, err = Console(width=160), Console(stderr=True)
    out.print("\n".join(f"{c.name}: {c.version}" for c in contestants))
    cases = (
        (FLOOD, FLOOD_COLUMNS, options.flood_rounds),
        (paced(200), PACED_COLUMNS, options.paced_rounds),
        (paced(1000), PACED_COLUMNS, options.paced_rounds),
    )
    everything: list[Series] = []
    with err.status("") as status:
        for case, columns, rounds in cases:
            found = measure(contestants, case, rounds, status.update)
            out.print(table(found, columns))
            everything += found
    for remark in remarks(everything, missing):
        out.print(remark)
    if options.json is not None:
        options.json.write_text(json.dumps(document(contestants, everything), indent=2))


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


if __name__ == "__main__":
    main()
