"""Starts the target and the fake provider for one run, and stops them with it.

Must not know what they are: a command with `{port}` in it is all there is to see. Each
is a process group of its own, so that a Ctrl-C meant for the suite leaves the order of
stopping to the suite, and so that what the command started in turn is stopped too.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import anyio
from anyio.abc import Process

from .errors import UsageError
from .report.escaping import printable
from .watcher import Watcher

HOST = "127.0.0.1"

READY_S = 30.0
"""A server that imports a model framework takes up to ten seconds on a busy machine."""

STOP_S = 10.0
"""After SIGTERM: twice the five seconds that our own server drains for."""

_POLL_S = 0.02
_OUTPUT_READ_BYTES = 8192
_OUTPUT_SHOWN_LINES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command to start.

    Attributes:
        option: the command-line option that it came from, for messages.
        words: program and arguments, their placeholders filled in.
        port: where it has to listen.
    """

    option: str
    words: tuple[str, ...]
    port: int

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://{HOST}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A started command and the file that holds what it wrote to stdout and stderr.

    A file and no pipe: the command goes on though no process reads it, and a child
    that outlives the command cannot keep anyone waiting for its end.
    """

    command: Command
    process: Process
    output: BinaryIO

    def last_lines(self) -> str:
        """Return the last lines it wrote, indented; says so if there are none."""
        # pread: the command writes at the offset that a seek of ours would move.
        file = self.output.fileno()
        start = max(0, os.fstat(file).st_size - _OUTPUT_READ_BYTES)
        written = os.pread(file, _OUTPUT_READ_BYTES, start)
        lines = written.decode("utf-8", "replace").splitlines()
        kept = lines[-_OUTPUT_SHOWN_LINES:] or ["(it wrote nothing)"]
        return "\n".join(f"  {printable(line)}" for line in kept)

    def early_end(self) -> str:
        """Say how the command ended; an empty string while it runs."""
        code = self.process.returncode
        if code is None:
            return ""
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        return f"the command of {self.command.option} ended {how}"


def plan_commands(
    start: str | None,
    start_upstream: str | None,
    control: str | None,
    *,
    pick_port: Callable[[], int],
) -> dict[str, Command]:
    """Fill in the placeholders of both commands; keys are `target` and `upstream`.

    `{port}` is a free port, `{upstream}` the fake provider's base URL: the one that is
    started, or else `control`. Raises `UsageError` for a placeholder that is missing or
    that nothing can be put in for, or a command that cannot be split into words.
    """
    commands: dict[str, Command] = {}
    if start_upstream is not None:
        commands["upstream"] = _command("--start-upstream", start_upstream, pick_port())
        control = commands["upstream"].url
    if start is not None:
        if "{upstream}" in start:
            if control is None:
                raise UsageError(
                    "expected --start-upstream or --control for the {upstream} in "
                    "--start, got neither"
                )
            start = start.replace("{upstream}", control.rstrip("/"))
        commands["target"] = _command("--start", start, pick_port())
    return commands


def _command(option: str, template: str, port: int) -> Command:
    if "{port}" not in template:
        raise UsageError(
            f"expected {{port}} in the command of {option}, got {template!r}; "
            "the suite picks a free port"
        )
    # No shell: one that stays between us and the server dies of the SIGTERM alone, and
    # the server would have no time to end its streams.
    try:
        words = shlex.split(template.replace("\\\n", " "))
    except ValueError as problem:
        raise UsageError(f"cannot read the command of {option}: {problem}") from problem
    # Not str.format: a command may hold braces of its own, such as JSON.
    filled = (word.replace("{port}", str(port)) for word in words)
    return Command(option=option, words=tuple(filled), port=port)


def pick_free_port() -> int:
    """Return a port of this host that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def launched(
    *commands: Command, ready_s: float = READY_S, stop_s: float = STOP_S
) -> AsyncIterator[list[Launched]]:
    """Run `commands` side by side from the moment all accept connections.

    Whatever ends the block, every process of theirs is gone afterwards, also where the
    suite itself is killed. Raises
    `UsageError` if a port is taken, or a command ends or does not listen in time; the
    message has the last lines that it wrote.
    """
    for command in commands:
        await _expect_free(command)
    running: list[Launched] = []
    with ExitStack() as stack:
        watcher = stack.enter_context(Watcher(stop_s)) if commands else None
        try:
            for command in commands:
                output = stack.enter_context(tempfile.TemporaryFile())
                running.append(await _start(command, output))
                if watcher is not None:
                    watcher.watch(running[-1].process.pid)
            await _wait_until_listening(running, ready_s)
            yield running
        finally:
            with anyio.CancelScope(shield=True):
                await _stop(running, stop_s)


async def _expect_free(command: Command) -> None:
    """Without this, someone else's listener would pass for the command's own."""
    if await _accepts(command.port):
        raise UsageError(
            f"expected port {command.port} to be free for {command.option}, "
            "but something answers there already"
        )


async def _start(command: Command, output: BinaryIO) -> Launched:
    try:
        process = await anyio.open_process(
            command.words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as problem:
        raise UsageError(
            f"cannot start the command of {command.option}: {problem.strerror}: "
            f"{command.words[0]}"
        ) from problem
    return Launched(command=command, process=process, output=output)


async def _wait_until_listening(running: list[Launched], ready_s: float) -> None:
    waiting = list(running)
    with anyio.move_on_after(ready_s):
        while True:
            waiting = [each for each in waiting if not await _is_listening(each)]
            if not waiting:
                return
            await anyio.sleep(_POLL_S)
    first = waiting[0]
    raise _not_started(
        first,
        f"expected the command of {first.command.option} to listen on port "
        f"{first.command.port} within {ready_s:g} s, but nothing does",
    )


async def _is_listening(launched: Launched) -> bool:
    # In this order: what accepts after the command ended is not the command.
    accepts = await _accepts(launched.command.port)
    if end := launched.early_end():
        raise _not_started(launched, end)
    return accepts


def _not_started(launched: Launched, what: str) -> UsageError:
    return UsageError(
        f"{what}: {shlex.join(launched.command.words)}\n"
        f"the last lines that it wrote:\n{launched.last_lines()}"
    )


async def _accepts(port: int) -> bool:
    try:
        async with await anyio.connect_tcp(HOST, port):
            return True
    except OSError:
        return False


async def _stop(running: list[Launched], stop_s: float) -> None:
    for each in running:
        _signal_group(each, signal.SIGTERM)
    with anyio.move_on_after(stop_s):
        for each in running:
            await each.process.wait()
    for each in running:
        # Also when the leader is gone: it may have left children behind.
        _signal_group(each, signal.SIGKILL)
        await each.process.aclose()


def _signal_group(launched: Launched, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(launched.process.pid, number)
