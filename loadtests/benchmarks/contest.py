"""One contestant in one case: started on its own core, tried, loaded, stopped.

A fresh process each time, so that peak memory belongs to the case. Must not judge,
and leaves no process behind.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from .contestants import OTHER_FRAMES, WORD, Contestant, Script
from .pinned import pinned
from .procfs import resident_mib
from .streams import Order, request_to

__all__ = ["Case", "ContestError", "cores", "free_port", "loaded", "run", "started"]

READY_S: Final = 20.0
READY_POLL_S: Final = 0.05
# Below net.ipv4.ip_local_port_range as Linux has it by default.
PORTS: Final = range(20_000, 32_000)
# Of what a server that failed has said: its last lines.
MAX_SAID: Final = 300
# The client stops by itself; this is for one that hangs.
CLIENT_SPARE_S: Final = 20.0


class ContestError(Exception):
    """A contestant cannot do a case; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """So many streams of one script, measured for a while."""

    name: str
    script: Script
    streams: int
    spread_s: float
    settle_s: float
    window_s: float


def run(contestant: Contestant, case: Case) -> dict[str, float]:
    """Return the figures of one run, units in their names.

    Raises:
        ContestError: the server does not start, or does not say what it was told.
    """
    server_core, client_core = cores()
    with (
        tempfile.TemporaryDirectory() as folder,
        started(contestant, case.script, Path(folder), server_core) as (port, pid),
    ):
        _try_out(port)
        idle = resident_mib(pid)
        order = Order(
            port=port,
            pid=pid,
            streams=case.streams,
            frames=case.script.tokens + OTHER_FRAMES,
            first_ms=case.script.first_ms if case.script.is_paced else None,
            spread_s=case.spread_s,
            settle_s=case.settle_s,
            window_s=case.window_s,
        )
        figures = loaded(order, client_core)
    return {**figures, "server_idle_mib": idle, "load_1min": os.getloadavg()[0]}


def cores() -> tuple[int, int]:
    """Return a core for the server and one for the client; the same if there is one."""
    cores = sorted(os.sched_getaffinity(0))
    return cores[0], cores[-1]


@contextlib.contextmanager
def started(
    contestant: Contestant, script: Script, folder: Path, core: int
) -> Iterator[tuple[int, int]]:
    """Run a server; yield port and process id, and stop it whatever happens.

    Raises:
        ContestError: it does not start, or what was done meanwhile went wrong.
    """
    port = free_port()
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 -- our own servers and the peers
            pinned(core, contestant.command(port, script, folder)),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        _wait_ready(process, port)
        contestant.configure(port, script)
        yield port, process.pid
    except (ContestError, RuntimeError, OSError, http.client.HTTPException) as error:
        said = log.read_text(errors="replace").strip()[-MAX_SAID:]
        words = f"; the server said: {said}" if said else ""
        raise ContestError(f"{error}{words}") from error
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """Find a port that is free now; the peers cannot choose one and tell.

    None of those that the kernel gives to clients: a client that looks whether the
    server is there yet could get that very port, and connect to itself.
    """
    for port in random.sample(PORTS, 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise ContestError(f"expected a free port in {PORTS}, got none")


def _wait_ready(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ContestError(f"expected a server, got exit {process.returncode}")
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(READY_POLL_S)
    raise ContestError(f"expected a server within {READY_S:g} s, got none")


def _try_out(port: int) -> None:
    """Read the first frames of one answer: a role without content, then one word."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(request_to(port))
        with http.client.HTTPResponse(connection) as answer:
            answer.begin()
            lines = [answer.readline() for _ in range(3)]
    contents = [_content_of(lines[0]), _content_of(lines[2])]
    if answer.status != http.client.OK or contents != ["", WORD]:
        raise ContestError(
            f"expected a role frame and {WORD!r}, got {answer.status} and {lines}"
        )


def _content_of(line: bytes) -> object:
    try:
        delta = json.loads(line.removeprefix(b"data: "))["choices"][0]["delta"]
    except (ValueError, LookupError):
        return None
    return delta.get("content")


def loaded(order: Order, core: int) -> dict[str, float]:
    """Run the client to its end on a core, and return its figures.

    Raises:
        ContestError: it gave up, or is not done in time.
    """
    seconds = order.spread_s + order.settle_s + order.window_s + CLIENT_SPARE_S
    try:
        done = subprocess.run(  # noqa: S603 -- our own client
            pinned(
                core, [sys.executable, "-m", "streamproof.loadtests.benchmarks.streams"]
            ),
            input=json.dumps(asdict(order)),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=True,
        )
    except subprocess.TimeoutExpired as error:
        raise ContestError(f"expected figures within {seconds:g} s") from error
    except subprocess.CalledProcessError as error:
        said = str(error.stderr).strip().splitlines() or ["nothing"]
        raise ContestError(f"the client gave up: {said[-1]}") from error
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
