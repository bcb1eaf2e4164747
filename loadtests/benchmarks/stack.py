"""The real server in front of the real fakes, as two processes, for a benchmark.

Started through their console scripts: a benchmark shares no code with what it
measures.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import jwt

READY = "listening on "
OBSERVE_TOKEN = "benchmark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Base URLs of a running server and its fake provider, and the server's pid."""

    server: str
    fakes: str
    secret: str
    server_pid: int

    def bearer(self, user: str) -> dict[str, str]:
        """Return the headers of a request by `user`, valid for an hour."""
        claims = {"sub": user, "exp": int(time.time()) + 3600}
        token = jwt.encode(claims, self.secret, algorithm="HS256")
        return {"Authorization": f"Bearer {token}"}

    @property
    def observer(self) -> dict[str, str]:
        """Return the headers of a request to the server's observation endpoint."""
        return {"Authorization": f"Bearer {OBSERVE_TOKEN}"}


@contextlib.contextmanager
def running() -> Iterator[Stack]:
    """Start fakes and server on free ports; stop both at the end, whatever happens."""
    secret = secrets.token_urlsafe(48)
    with contextlib.ExitStack() as stop:
        fakes, _ = stop.enter_context(process(["streamproof-fakes", "--port", "0"]))
        server, pid = stop.enter_context(
            process(
                [
                    "streamproof-server",
                    *("--port", "0", "--database-url", "sqlite://"),
                    *("--upstream-url", f"{fakes}/v1"),
                ],
                {
                    "STREAMPROOF_SERVER_JWT_SECRET": secret,
                    "STREAMPROOF_SERVER_OBSERVE_TOKEN": OBSERVE_TOKEN,
                    "STREAMPROOF_SERVER_UPSTREAM_KEY": "any",
                },
            )
        )
        yield Stack(server=server, fakes=fakes, secret=secret, server_pid=pid)


@contextlib.contextmanager
def process(
    command: Sequence[str], extra: Mapping[str, str] = MappingProxyType({})
) -> Iterator[tuple[str, int]]:
    """Run a console script of this environment; yield where it listens, and its pid."""
    script = Path(sys.executable).parent / command[0]
    with (
        subprocess.Popen(  # noqa: S603 -- our own console scripts
            [str(script), *command[1:]],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **extra},
        ) as started
    ):
        try:
            yield _url_said_by(started), started.pid
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()


def _url_said_by(started: subprocess.Popen[str]) -> str:
    """Read until the process says where it listens."""
    assert started.stdout is not None  # noqa: S101 -- PIPE was asked for
    for line in started.stdout:
        if READY in line:
            return line.partition(READY)[2].strip()
    raise RuntimeError(
        f"expected {started.args!r} to say {READY!r}, but it ended with "
        f"{started.wait()}"
    )
