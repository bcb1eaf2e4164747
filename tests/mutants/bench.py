"""Starts a mutant on a real socket, in a thread with an event loop of its own.

Own thread, so that whatever a wrong server does to its loop is not the suite's own
lateness; same process, so that its inside can be patched.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import uvicorn
from starlette.types import ASGIApp
from tests.mutants.base import Base
from tests.mutants.mutant import Mutant
from tests.mutants.site import SECRET, Site

from streamproof.conformance.model import Judgement
from streamproof.conformance.probes import Minted, Surroundings, Target, rigged
from streamproof.conformance.probes.bench.surroundings import PATIENCE_S
from streamproof.conformance.profiles import load
from streamproof.conformance.runner.engine import Bench, Execution
from streamproof.conformance.runner.plan import Filters, make_plan
from streamproof.conformance.runner.suite import Suite, built_in_suite
from streamproof.reference_server.http1.protocol import Config
from streamproof.reference_server.server import bind

READY = "listening on "


def fakes() -> contextlib.AbstractContextManager[str]:
    """Run the fake provider in a process of its own; yields its base URL."""
    return _process("streamproof.fakes", {})


def right_server(base: Base, fakes_url: str) -> contextlib.AbstractContextManager[str]:
    """Run a right server in a process of its own; yields its base URL."""
    return _process(base.module, base.environment(base.settings(fakes_url)))


@contextlib.contextmanager
def _process(module: str, settings: Mapping[str, str]) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **settings},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if READY not in line:
            raise RuntimeError(f"expected {module} to say {READY!r}, got {line!r}")
        yield line.partition(READY)[2].strip()
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextlib.contextmanager
def serving(mutant: Mutant, fakes_url: str) -> Iterator[str]:
    """Serve a mutant on a free port; yield its base URL."""
    base = mutant.base
    site = Site(upstream=f"{fakes_url}/v1", base=base)
    app = base.create_app({**base.settings(fakes_url), **mutant.settings})
    server = _Server(mutant.wrap(app, site), mutant.http)
    with contextlib.closing(bind("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            server.is_ready.wait(timeout=10)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=20)


class _Server(uvicorn.Server):
    """The reference server's uvicorn without its signals; it ends at once."""

    def __init__(self, app: ASGIApp, http: type[asyncio.Protocol] | str) -> None:
        super().__init__(
            Config(
                app,
                request_timeout_s=30,
                http=http,
                loop="asyncio",  # uvloop complains of handles that a crash leaves open
                lifespan="on",
                server_header=False,
                timeout_graceful_shutdown=0,
                access_log=False,
                log_config=None,
            )
        )
        self.is_ready = threading.Event()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Leave nothing behind, whatever a wrong server has forgotten to end."""
        await super().shutdown(sockets)
        forgotten = asyncio.all_tasks() - {asyncio.current_task()}
        for task in forgotten:
            task.cancel()
        await asyncio.gather(*forgotten, return_exceptions=True)
        # A closed transport lets go of its socket one turn of the loop later.
        await asyncio.sleep(0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening and say so."""
        await super().startup(sockets)
        self.is_ready.set()


async def examine(
    base: Base,
    url: str,
    fakes_url: str,
    *,
    probes: Collection[str],
    seed: int,
    patience_s: float = PATIENCE_S,
) -> tuple[Judgement, ...]:
    """Run some probes against a server of a base; judge all that can be judged on them.

    A requirement with several probes is judged on those of them that were run. `seed`
    keeps apart what several runs leave in the provider's journal; each response that
    does not end by itself costs `patience_s`.
    """
    suite = _part_of(built_in_suite(), probes)
    surroundings = Surroundings(
        profile=load(base.profile, base.overrides),
        target=Target.parse(url),
        credentials=Minted(SECRET, wall_clock=time.time),
        clock=time.monotonic,
        wall_clock=time.time,
        patience_s=patience_s,
    )
    plan = make_plan(suite, surroundings.profile, Filters())
    async with rigged(
        surroundings, probes=suite.probes, control_url=fakes_url, seed=seed
    ) as rig:
        bench = Bench(
            probe=rig.run,
            deadline_s=rig.deadline_s,
            checks=suite.checks,
            clock=time.monotonic,
            emit=lambda _event: None,
            strict=True,
        )
        return await Execution(plan=plan, bench=bench).run()


def _part_of(suite: Suite, probes: Collection[str]) -> Suite:
    """Return what these probes alone can prove."""
    requirements = tuple(
        replace(each, probes=tuple(p for p in each.probes if p in probes))
        for each in suite.requirements
        if not each.excluded and not set(each.probes).isdisjoint(probes)
    )
    return Suite(
        requirements=requirements,
        checks={each.id: suite.checks[each.id] for each in requirements},
        probes={name: each for name, each in suite.probes.items() if name in probes},
    )
