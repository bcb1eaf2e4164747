"""Our server beside an sse-starlette relay of the same model: rate, gaps, first event.

Must not judge: it prints and stores figures, and no test depends on them.

The server has a core of its own; model and client share another. Every run starts
fresh processes, and the servers take turns in each round. A figure is the median of
the rounds.

- *50, 100, 200, 400 streams* of 20 tokens a second, 40 tokens a model call, call after
  call: frames per second and stream (21 is the whole rate), the gap between the frames
  of a stream (50 ms is right), what that costs. Streams start over 2 s.
- *50, 200, 500 starts* at one moment, on connections that are open already: how long
  the first event takes. The model's first token comes after a second.

What the relay leaves out is said in `server_relay`. Marks behind a name: `*` the client
was at its limit or late itself, `!` other processes used the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from .contest import Case, cores, loaded, started
from .contestants import Contestant, Script
from .procfs import resident_mib
from .server_contestants import (
    FRAMES_BESIDE_TOKENS,
    STEPS,
    Credentials,
    model,
    ours,
    relay,
)
from .standings import Part, Row, Series, document, remarks, table
from .streams import Order
from .turns import measure

PACED_STREAMS: Final = (50, 100, 200, 400)
STARTS: Final = (50, 200, 500)
# A model call of 2 s: 42 frames in 40 times 50 ms.
PACED: Final = Script(tokens=40, first_ms=50, each_ms=50)
THOUGHTFUL: Final = Script(tokens=40, first_ms=1000, each_ms=50)
DEADLINE_S: Final = 900
WARM_UP_S: Final = 20.0

COST: Final = (
    Row(figure="server_us_per_frame", heading="server CPU a frame, µs"),
    Row(figure="server_cpu", heading="server CPU, % of core"),
    Row(figure="server_idle_mib", heading="server idle, MiB"),
    Row(figure="server_peak_mib", heading="server peak, MiB"),
    Row(figure="bystander_cpu", heading="model CPU, % of core"),
    Row(figure="client_cpu", heading="client CPU, % of core"),
    Row(figure="client_lag_p99_ms", heading="client late p99, ms", digits=1),
    Row(figure="foreign_cpu", heading="others' CPU, % of core"),
)
PACED_ROWS: Final = (
    Row(figure="frames_per_s_and_stream", heading="frames/s per stream", digits=1),
    Row(figure="gap_p50_ms", heading="gap p50, ms", digits=1),
    Row(figure="gap_p99_ms", heading="gap p99, ms", digits=1),
    Row(figure="gap_max_ms", heading="gap max, ms", digits=1),
    *COST,
)
START_ROWS: Final = (
    Row(figure="first_late_p50_ms", heading="first event p50, ms"),
    Row(figure="first_late_p99_ms", heading="first event p99, ms"),
    *COST,
)


def paced(streams: int) -> Case:
    """Return so many streams, none of which ends by itself."""
    return Case(
        name=f"{streams} streams",
        script=PACED,
        streams=streams,
        spread_s=2.0,
        settle_s=2.0,
        window_s=8.0,
    )


def starts(streams: int) -> Case:
    """Return so many streams that all start at one moment."""
    return Case(
        name=f"{streams} starts",
        script=THOUGHTFUL,
        streams=streams,
        spread_s=0.0,
        settle_s=0.0,
        window_s=4.0,
    )


def parts(paced_rounds: int, start_rounds: int) -> list[Part]:
    """Return what is measured, in its order."""
    full = {"frames_per_s_and_stream": "21.0"}
    return [
        *(
            Part(case=paced(n), rounds=paced_rounds, rows=PACED_ROWS, wanted=full)
            for n in PACED_STREAMS
        ),
        *(
            Part(case=starts(n), rounds=start_rounds, rows=START_ROWS, wanted={})
            for n in STARTS
        ),
    ]


def run(contestant: Contestant, case: Case) -> dict[str, float]:
    """Return the figures of one run of ours or of the relay, units in their names.

    Raises:
        ContestError: a process does not start, or an answer is not as it should be.
    """
    server_core, other_core = cores()
    credentials = Credentials(secret=secrets.token_urlsafe(48))
    with (
        tempfile.TemporaryDirectory() as folder,
        started(model(), case.script, Path(folder), other_core) as (model_port, helper),
        started(
            _wired(contestant, model_port, credentials),
            case.script,
            Path(folder),
            server_core,
        ) as (port, pid),
    ):
        requests = list(credentials.requests(port, case.script, case.streams + 1))
        _warm_up(port, requests.pop())
        idle = resident_mib(pid)
        order = Order(
            port=port,
            pid=pid,
            streams=case.streams,
            frames=STEPS * (case.script.tokens + FRAMES_BESIDE_TOKENS),
            first_ms=0.0,
            first_frame=1,
            requests=requests,
            bystanders=(helper,),
            spread_s=case.spread_s,
            settle_s=case.settle_s,
            window_s=case.window_s,
        )
        figures = loaded(order, other_core)
    # Percent of a second are 10,000 µs; the one figure that a busy machine leaves.
    per_frame = figures["server_cpu"] * 10_000 / figures["frames_per_s"]
    return {
        **figures,
        "server_us_per_frame": per_frame,
        "server_idle_mib": idle,
        "load_1min": os.getloadavg()[0],
    }


def contestants() -> list[Contestant]:
    """Return who is measured; the model that each calls is wired for a run."""
    nowhere = Credentials(secret="")
    return [ours(0, nowhere), relay(0)]


def _wired(who: Contestant, model_port: int, credentials: Credentials) -> Contestant:
    wired = ours(model_port, credentials), relay(model_port)
    return next(each for each in wired if each.name == who.name)


def _warm_up(port: int, request: str) -> None:
    """Read one answer until a few tokens have come, and leave."""
    with socket.create_connection(("127.0.0.1", port), WARM_UP_S) as connection:
        connection.sendall(request.encode())
        received = b""
        while received.count(b"token-stream") < 3:  # noqa: PLR2004 -- a few
            piece = connection.recv(65_536)
            if not piece:
                raise RuntimeError(f"expected tokens, got {received[-200:]!r}")
            received += piece


def main() -> None:
    """Run the benchmark, print its tables, and store every round if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--paced-rounds", type=int, default=1)
    parser.add_argument("--start-rounds", type=int, default=3)
    parser.add_argument("--only", action="append", help="a server; may be repeated")
    parser.add_argument("--case", action="append", help="a case; may be repeated")
    parser.add_argument("--json", type=Path, help="also write every round here")
    options = parser.parse_args()
    # Whatever ends this run unwinds it, so that no server stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done in {DEADLINE_S} s"))
    signal.alarm(DEADLINE_S)
    chosen = parts(options.paced_rounds, options.start_rounds)
    if options.case:
        chosen = [part for part in chosen if part.case.name in options.case]
    who = [c for c in contestants() if not options.only or c.name in options.only]
    found = _run_parts(who, chosen)
    for remark in remarks(found, {}):
        print(remark)
    if options.json is not None:
        options.json.write_text(json.dumps(document(who, found), indent=2))


def _run_parts(who: Sequence[Contestant], chosen: Sequence[Part]) -> list[Series]:
    """Run all cases; show each as soon as it is done."""
    out, progress = Console(), Console(stderr=True)
    for contestant in who:
        print(f"{contestant.name}: {contestant.version}")
    everything: list[Series] = []
    with progress.status("") as status:
        for part in chosen:
            found = measure(who, part.case, part.rounds, run=run, say=status.update)
            out.print(table(part, found))
            everything += found
    return everything


if __name__ == "__main__":
    main()
