"""What clients that come and go leave behind in the server: sockets, files, memory.

- *leaving*: `--starts` streams are started, 63 at a time, and left in nine ways, each
  wave at one moment: by FIN and RST before the head, after it and between tokens, by a
  half-close, by an explicit cancel, and by reading to the end. The grace is 0, so that
  each leave is a cancel.
- *resuming*: streams are cut `--drops` times in all, at a random event, and resumed;
  the pieces are compared with a replay of the whole, byte by byte.

Afterwards, and once the server has had time to close what it keeps alive: its open
descriptors, its sockets to the model, and by how much an ended run has grown it, beside
the bytes that the logs of these runs have (their blocks, and 41 bytes of Python for
each) and what the server itself counts for them. The first waves are not counted: they
fill caches.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import math
import random
import re
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import jwt

from .contest import cores, started
from .contestants import Contestant, Script
from .procfs import count_connections, count_descriptors, resident_mib
from .server_contestants import BIN, model
from .stream_client import PATH, Stream, ask, last_id

DEADLINE_S: Final = 900
SEED: Final = 20_261
SIDE_BY_SIDE: Final = 63
WARM_UP_STARTS: Final = 9 * SIDE_BY_SIDE
DROPS_PER_STREAM: Final = 6
MOST_EVENTS_BETWEEN_DROPS: Final = 20
# The pool gives idle connections up after 2 s; descriptors follow.
CLOSING_S: Final = 10.0
CLOSING_POLL_S: Final = 0.2
OVERHEAD_BYTES: Final = 41
NO_SCRIPT: Final = Script(tokens=0)

STALLED: Final = "[[fake:say tokens=9]] [[fake:stall after=3]]"
MUTE: Final = "[[fake:stall after=0]]"
SHORT: Final = "[[fake:say tokens=1]]"
LIVELY: Final = "[[fake:say tokens=6]] [[fake:delay each=3]]"
SAMPLE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a stream is left, and when.

    Args:
        events: read before; None when not even the head is.
        leave: what is done then; None to read on to the end.
    """

    name: str
    prompt: str
    events: int | None
    leave: Callable[[Stream], None] | None


WAYS: Final = (
    Way(name="rst before head", prompt=MUTE, events=None, leave=Stream.reset),
    Way(name="fin before head", prompt=MUTE, events=None, leave=Stream.close),
    Way(name="rst after head", prompt=MUTE, events=0, leave=Stream.reset),
    Way(name="fin after head", prompt=MUTE, events=0, leave=Stream.close),
    Way(name="rst midstream", prompt=STALLED, events=4, leave=Stream.reset),
    Way(name="fin midstream", prompt=STALLED, events=4, leave=Stream.close),
    Way(name="half-close midstream", prompt=STALLED, events=4, leave=Stream.half_close),
    Way(name="cancel midstream", prompt=STALLED, events=4, leave=None),
    Way(name="read to the end", prompt=SHORT, events=0, leave=None),
)


@dataclass(slots=True)
class Server:
    """A running server, and who asks it."""

    port: int
    pid: int
    model_port: int
    secret: str
    observe_token: str
    _users: Iterator[int] = field(default_factory=itertools.count)

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return "127.0.0.1", self.port

    def new_user(self) -> dict[str, str]:
        """Return headers of a user that has no stream yet."""
        return self.user(f"user-{next(self._users)}")

    def user(self, name: str) -> dict[str, str]:
        """Return headers of a user."""
        claims = {"sub": name, "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, self.secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}

    async def streams(self) -> list[dict[str, object]]:
        """Return what the server shows of running and ended streams."""
        headers = {"Authorization": f"Bearer {self.observe_token}"}
        _, body = await ask(self.address, "/observe", headers)
        document: dict[str, list[dict[str, object]]] = json.loads(body)
        return document["streams"]

    async def counted_bytes(self) -> float:
        """Return what the server counts for ended runs."""
        _, page = await ask(self.address, "/metrics", {})
        found = re.search(rb"^streamproof_retained_bytes (\S+)", page, re.MULTILINE)
        return float(found[1]) if found else math.nan

    async def wait_quiet(self) -> None:
        """Wait until nothing runs and nothing idle is kept alive, or it is too late."""
        deadline = time.monotonic() + CLOSING_S
        while time.monotonic() < deadline:
            running = any(s["state"] == "running" for s in await self.streams())
            if not running and not count_connections(self.pid, self.model_port):
                return
            await asyncio.sleep(CLOSING_POLL_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a server holds at one moment."""

    descriptors: int
    model_sockets: int
    mib: float
    counted_bytes: float
    runs: int

    @classmethod
    async def of(cls, server: Server) -> Footprint:
        """Measure it, once it is quiet."""
        await server.wait_quiet()
        return cls(
            descriptors=count_descriptors(server.pid),
            model_sockets=count_connections(server.pid, server.model_port),
            mib=resident_mib(server.pid),
            counted_bytes=await server.counted_bytes(),
            runs=len(await server.streams()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a part has left behind, and whether what it read was right."""

    name: str
    before: Footprint
    after: Footprint
    seconds: float
    log_bytes: float
    wrong: Sequence[str]

    @property
    def bytes_per_run(self) -> float:
        """By how much an ended run has grown the server."""
        runs = self.after.runs - self.before.runs
        return (self.after.mib - self.before.mib) * 1024 * 1024 / runs

    def lines(self) -> Iterator[str]:
        """Yield the report."""
        runs = self.after.runs - self.before.runs
        yield f"{self.name}: {runs} ended runs in {self.seconds:.0f} s"
        yield (
            f"  sockets to the model   {self.after.model_sockets:6}"
            f"  (before {self.before.model_sockets})"
        )
        yield (
            f"  descriptors            {self.after.descriptors:6}"
            f"  (before {self.before.descriptors})"
        )
        yield (
            f"  memory, MiB            {self.after.mib:6.0f}"
            f"  (before {self.before.mib:.0f})"
        )
        counted = (self.after.counted_bytes - self.before.counted_bytes) / runs
        yield f"  bytes an ended run     {self.bytes_per_run:6.0f}"
        for what, size in (("log", self.log_bytes), ("count", counted)):
            ratio = self.bytes_per_run / size
            yield f"    its {what:18} {size:6.0f}  ({ratio:.2f} times that)"
        yield f"  wrong                  {len(self.wrong):6}"
        yield from (f"    {each}" for each in self.wrong[:5])


async def leave(server: Server, way: Way, together: asyncio.Barrier) -> str | None:
    """Start a stream and leave it when the others of its wave do; return what failed.

    A wave is complete when all have come as far as their way wants.
    """
    user = server.new_user()
    stream = await Stream.start(server.address, user, way.prompt)
    try:
        if way.events is not None:
            await stream.read_head()
            await stream.read_events(way.events)
    finally:
        await together.wait()
    if way.leave is not None:
        way.leave(stream)
    elif way.name.startswith("cancel"):
        await ask(server.address, f"{PATH}/{stream.id}", user, "DELETE")
    is_left = way.leave is not None
    if not is_left:
        await stream.read_all()
    stream.close()
    if not is_left and not stream.is_complete:
        return f"{way.name}: stream {stream.id} has no end"
    return None


async def churn(server: Server, starts: int) -> Report:
    """Start and leave so many streams."""
    await _leave_all(server, WARM_UP_STARTS)
    before = await Footprint.of(server)
    began = time.monotonic()
    wrong = await _leave_all(server, starts)
    seconds = time.monotonic() - began
    return Report(
        name="leaving",
        before=before,
        after=await Footprint.of(server),
        seconds=seconds,
        log_bytes=await _mean_log_bytes(server, before.runs),
        wrong=wrong,
    )


async def _leave_all(server: Server, starts: int) -> list[str]:
    wrong: list[str | None] = []
    ways = itertools.cycle(WAYS)
    for first in range(0, starts, SIDE_BY_SIDE):
        size = min(SIDE_BY_SIDE, starts - first)
        together = asyncio.Barrier(size)
        wave = [leave(server, next(ways), together) for _ in range(size)]
        wrong += await asyncio.gather(*wave)
    return [each for each in wrong if each is not None]


async def cut_and_resume(server: Server, drops: int, seed: int) -> str | None:
    """Cut one stream again and again; return what was not byte for byte the same."""
    dice = random.Random(seed)
    user = server.new_user()
    stream = await Stream.start(server.address, user, LIVELY)
    await stream.read_head()
    identity = stream.id
    pieces: list[bytes] = []
    for _ in range(drops):
        wanted = dice.randint(1, MOST_EVENTS_BETWEEN_DROPS)
        pieces += await stream.read_events(wanted)
        dice.choice([Stream.reset, Stream.close])(stream)
        stream = await _resume(server, user, last_id(pieces))
        if stream.status != 200:  # noqa: PLR2004 -- 204 behind the terminal event
            break
    else:
        pieces += await stream.read_all()
    stream.close()
    whole = pieces[:1]
    replay = await _resume(server, user, f"{identity}-1")
    whole += await replay.read_all()
    replay.close()
    if pieces == whole:
        return None
    return f"stream {identity}: {len(pieces)} events in pieces, {len(whole)} in all"


async def _resume(server: Server, user: dict[str, str], after: str) -> Stream:
    stream = await Stream.connect(server.address)
    stream.ask({**user, "Last-Event-ID": after})
    return await stream.read_head()


async def resume(server: Server, drops: int) -> Report:
    """Cut streams so often in all."""
    await _cut_all(server, 2 * SIDE_BY_SIDE * DROPS_PER_STREAM)
    before = await Footprint.of(server)
    began = time.monotonic()
    wrong = await _cut_all(server, drops)
    seconds = time.monotonic() - began
    return Report(
        name="resuming",
        before=before,
        after=await Footprint.of(server),
        seconds=seconds,
        log_bytes=await _mean_log_bytes(server, before.runs),
        wrong=wrong,
    )


async def _cut_all(server: Server, drops: int) -> list[str]:
    wrong: list[str | None] = []
    streams = range(0, drops, DROPS_PER_STREAM)
    for first in range(0, len(streams), SIDE_BY_SIDE):
        wave = [
            cut_and_resume(server, DROPS_PER_STREAM, SEED + number)
            for number in streams[first : first + SIDE_BY_SIDE]
        ]
        wrong += await asyncio.gather(*wave)
    return [each for each in wrong if each is not None]


async def _mean_log_bytes(server: Server, skip: int) -> float:
    """Return the size of a log, the mean of some that ended since."""
    ended = (await server.streams())[skip:]
    sample = random.Random(SEED).sample(ended, min(SAMPLE, len(ended)))
    return statistics.fmean([await _log_bytes(server, shown) for shown in sample])


async def _log_bytes(server: Server, shown: dict[str, object]) -> float:
    """Read a log but for its first event, which is taken to be as long as the rest."""
    replay = await _resume(server, server.user(str(shown["user"])), f"{shown['id']}-1")
    blocks = await replay.read_all()
    replay.close()
    mean = statistics.fmean(len(b"%b\n\n" % block) for block in blocks)
    return (mean + OVERHEAD_BYTES) * (len(blocks) + 1)


def serving(
    model_port: int, secret: str, observe_token: str, grace_s: float
) -> Contestant:
    """Return our server, which keeps all ended runs while it is measured."""

    def command(port: int, _script: Script, folder: Path) -> list[str]:
        file = folder / "secret"
        file.write_text(secret)
        return [
            str(BIN / "streamproof-server"),
            *("--port", str(port), "--jwt-secret-file", str(file)),
            *("--upstream-url", f"http://127.0.0.1:{model_port}/v1"),
            *(
                "--database-url",
                "sqlite://",
                "--upstream-key",
                "any",
                "--observe-token",
                observe_token,
            ),
            *("--resume-grace-s", str(grace_s), "--retention-s", str(2 * DEADLINE_S)),
        ]

    return Contestant(name="streamproof", version="", command=command)


@contextlib.contextmanager
def running(grace_s: float) -> Iterator[Server]:
    """Start model and server.

    Raises:
        ContestError: one of them does not start.
    """
    server_core, other_core = cores()
    secret, observe_token = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
    with (
        tempfile.TemporaryDirectory() as folder,
        started(model(), NO_SCRIPT, Path(folder), other_core) as (model_port, _),
        started(
            serving(model_port, secret, observe_token, grace_s),
            NO_SCRIPT,
            Path(folder),
            server_core,
        ) as (port, pid),
    ):
        yield Server(
            port=port,
            pid=pid,
            model_port=model_port,
            secret=secret,
            observe_token=observe_token,
        )


def main() -> None:
    """Run the benchmark; exit 1 if something that was read was wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--starts", type=int, default=10_000)
    parser.add_argument("--drops", type=int, default=3000)
    options = parser.parse_args()
    # Whatever ends this run unwinds it, so that no server stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"not done in {DEADLINE_S} s"))
    signal.alarm(DEADLINE_S)
    with running(grace_s=0.0) as server:
        left = asyncio.run(churn(server, options.starts))
    print("\n".join(left.lines()), flush=True)
    with running(grace_s=30.0) as server:
        resumed = asyncio.run(resume(server, options.drops))
    print("\n".join(resumed.lines()))
    raise SystemExit(1 if left.wrong or resumed.wrong else 0)


if __name__ == "__main__":
    main()
