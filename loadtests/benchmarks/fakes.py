"""Our fakes beside their peers, on one machine in one run: speed, pacing, cost.

Must not judge: it prints and stores figures, and no test depends on them.

Every server gets a core of its own, the client another; every run starts a fresh
server, and the servers take turns in each round, so that a slow moment of the
machine hits all of them. A figure is the median of the rounds. The same request goes
to all, and each is scripted to answer it with the same words (`contestants`).

- *flood*: 8 connections ask for 2000 unpaced words again and again. Frames per
  second, while the server's core is fully used.
- *200 and 1000 streams* of 50 words a second: the gap between the frames of a
  stream (20 ms is right), how late the first content is (due 200 ms after the
  request), and what that costs. Streams start at random moments, 250 a second.

`canned` answers ready-made bytes: as far as others stay below it, neither client nor
kernel is what limits them. Marks behind a name: `*` the client was at its limit or
late itself, `!` other processes used the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from .contest import Case, run
from .contestants import Contestant, Script, aimock, baseline, llmock, ours
from .peers import PeerError, install_aimock, install_llmock
from .standings import Part, Row, Series, document, remarks, table
from .turns import measure

STARTS_PER_S: Final = 250
WORDS_PER_S: Final = 50
# The whole run; installing the peers, once, comes on top.
DEADLINE_S: Final = 300


FLOOD: Final = Case(
    name="flood",
    script=Script(tokens=2000),
    streams=8,
    spread_s=0.0,
    settle_s=0.5,
    window_s=1.5,
)
COST: Final = (
    Row(figure="server_cpu", heading="server CPU, % of core"),
    Row(figure="server_idle_mib", heading="server idle, MiB"),
    Row(figure="server_peak_mib", heading="server peak, MiB"),
    Row(figure="client_cpu", heading="client CPU, % of core"),
    Row(figure="client_lag_p99_ms", heading="client late p99, ms", digits=1),
    Row(figure="foreign_cpu", heading="others' CPU, % of core"),
)
FLOOD_ROWS: Final = (
    Row(figure="frames_per_s", heading="frames/s"),
    Row(figure="mb_per_s", heading="MB/s"),
    *COST,
)
PACED_ROWS: Final = (
    Row(figure="gap_p50_ms", heading="gap p50, ms", digits=1),
    Row(figure="gap_p99_ms", heading="gap p99, ms", digits=1),
    Row(figure="gap_max_ms", heading="gap max, ms", digits=1),
    Row(figure="first_late_p50_ms", heading="first late p50, ms", digits=1),
    Row(figure="first_late_p99_ms", heading="first late p99, ms", digits=1),
    Row(figure="frames_per_s_and_stream", heading="frames/s per stream", digits=1),
    *COST,
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
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done in {DEADLINE_S} s"))
    signal.alarm(DEADLINE_S)
    found = _run_parts(contestants, _parts(options.flood_rounds, options.paced_rounds))
    for remark in remarks(found, missing):
        print(remark)
    if options.json is not None:
        options.json.write_text(json.dumps(document(contestants, found), indent=2))


def _parts(flood_rounds: int, paced_rounds: int) -> Iterator[Part]:
    yield Part(
        case=FLOOD,
        rounds=flood_rounds,
        rows=FLOOD_ROWS,
        wanted={"frames_per_s": ">= 100,000"},
    )
    for streams, wanted in ((200, {}), (1000, {"gap_p99_ms": "<= 30"})):
        yield Part(
            case=paced(streams),
            rounds=paced_rounds,
            rows=PACED_ROWS,
            wanted=wanted,
        )


def _run_parts(
    contestants: Sequence[Contestant], parts: Iterable[Part]
) -> list[Series]:
    """Run all cases; show each as soon as it is done."""
    out, progress = Console(), Console(stderr=True)
    for contestant in contestants:
        print(f"{contestant.name}: {contestant.version}")
    everything: list[Series] = []
    with progress.status("") as status:
        for part in parts:
            found = measure(
                contestants, part.case, part.rounds, run=run, say=status.update
            )
            out.print(table(part, found))
            everything += found
    return everything


if __name__ == "__main__":
    main()
