"""Runs the matrix: one server, and one driver per SDK in its own environment.

It gathers what was seen and what the journal says, and judges nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import httpx
from tests.sdks.cases import BY_NAME, CASES, prompt_of
from tests.sdks.expectations import CellId, Outcome, Sdk
from tests.sdks.wording import word_calls, word_seen

ROOT = Path(__file__).parents[2]

DRIVERS_AT_ONCE = 3
"""A driver mostly waits; with more of them than this on two cores they only import."""

DRIVER_DEADLINE_S = 120
"""About ten times what the slowest driver takes."""

LEAVING_DEADLINE_MS = 10_000
"""How long a client may take to let go of a call that is over for it."""

ENDING_DEADLINE_S = 10
"""How long the fakes may take to end; they promise 2 s."""

LINE_LIMIT = 1 << 20
"""Bytes of a driver's line; an answer has some hundred."""

Pipes = tuple[asyncio.StreamReader, asyncio.StreamWriter]
"""Where a driver's answers come from, and where questions to it go."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What the run of one SDK showed.

    Args:
        surfaces: The surfaces that the driver has.
        installed: The version of every package in the environment.
        outcomes: What each cell showed.
        stderr: What the driver wrote there.
    """

    surfaces: Sequence[str]
    installed: Mapping[str, str]
    outcomes: Mapping[CellId, Outcome]
    stderr: str


@contextlib.asynccontextmanager
async def fakes_server() -> AsyncIterator[str]:
    """Run `streamproof-fakes` as a process of its own and tell its URL."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "streamproof.fakes", "--port", "0",
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode().split()
        assert ready, "the fakes ended before they listened; see stderr"
        yield ready[-1]
    finally:
        process.terminate()
        async with asyncio.timeout(ENDING_DEADLINE_S):
            await process.wait()


def cells_of(sdk: Sdk, surfaces: Sequence[str]) -> list[CellId]:
    return [
        CellId(sdk=sdk.name, surface=surface, case=case.name)
        for surface in surfaces
        for case in CASES
        if case.suits(surface)
    ]


def waves_of(cells: Sequence[CellId]) -> list[list[CellId]]:
    """Part the cells so that a short timeout never runs while others keep us busy."""
    return [
        [cell for cell in cells if not BY_NAME[cell.case].is_short],
        [cell for cell in cells if BY_NAME[cell.case].is_short],
    ]


def question(cell: CellId) -> dict[str, Any]:
    case = BY_NAME[cell.case]
    return {
        "id": str(cell),
        "surface": cell.surface,
        "prompt": prompt_of(case, key_of(cell)),
        "timeout_s": case.timeout_s,
        "offers_tools": case.offers_tools,
    }


def key_of(cell: CellId) -> str:
    """Name the cell's calls in the journal."""
    return str(cell).replace(".", "_")


async def calls_of(cell: CellId, control: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Read the cell's calls from the journal, once all of them have ended."""
    path, key = "/_fakes/calls", key_of(cell)
    answer = await control.get(path, params={"key": key})
    for call in answer.raise_for_status().json()["calls"]:
        await control.get(
            f"{path}/{key}/{call['turn']}/wait",
            params={"state": "ended", "timeout_ms": LEAVING_DEADLINE_MS},
        )
    answer = await control.get(path, params={"key": key})
    calls: list[dict[str, Any]] = answer.raise_for_status().json()["calls"]
    return calls


def python_of(sdk: Sdk) -> Path:
    """Name the interpreter of an SDK's environment, which `make test-sdks` makes."""
    return ROOT / ".venv" / "sdks" / sdk.name / "bin" / "python"


@contextlib.asynccontextmanager
async def driver(sdk: Sdk, url: str, stderr: IO[bytes]) -> AsyncIterator[Pipes]:
    """Start an SDK's driver; of our environment nothing reaches it but the path."""
    process = await asyncio.create_subprocess_exec(
        python_of(sdk),
        "-m", f"tests.sdks.drivers.drive_{sdk.driver}", url,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        limit=LINE_LIMIT,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        yield process.stdout, process.stdin
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def question_all(
    cells: Sequence[CellId],
    pipes: Pipes,
    control: httpx.AsyncClient,
    outcomes: dict[CellId, Outcome],
) -> None:
    """Put the cells to a driver and add what each shows as soon as it is known."""
    answers, questions = pipes
    job = [[question(cell) for cell in wave] for wave in waves_of(cells)]
    questions.write(f"{json.dumps(job)}\n".encode())
    asked = {str(cell): cell for cell in cells}
    while asked and (line := await answers.readline()):
        answer = json.loads(line)
        cell = asked.pop(answer["id"])
        case = BY_NAME[cell.case]
        calls = await calls_of(cell, control)
        outcomes[cell] = Outcome(
            seen=word_seen(answer["seen"], case), journal=word_calls(calls, case)
        )


async def run_sdk(sdk: Sdk, url: str) -> Run:
    """Run all cells of an SDK; those that were not answered in time have no outcome."""
    hello: dict[str, Any] = {"surfaces": [], "installed": {}}
    cells: list[CellId] = []
    outcomes: dict[CellId, Outcome] = {}
    with tempfile.TemporaryFile() as stderr:
        with contextlib.suppress(TimeoutError):
            async with (
                asyncio.timeout(DRIVER_DEADLINE_S),
                httpx.AsyncClient(base_url=url, timeout=DRIVER_DEADLINE_S) as control,
                driver(sdk, url, stderr) as pipes,
            ):
                hello |= json.loads(await pipes[0].readline() or "{}")
                cells = cells_of(sdk, hello["surfaces"])
                await question_all(cells, pipes, control, outcomes)
        stderr.seek(0)
        return Run(
            surfaces=hello["surfaces"],
            installed=hello["installed"],
            outcomes={cell: outcomes[cell] for cell in cells if cell in outcomes},
            stderr=stderr.read().decode(),
        )


async def run_all(sdks: Sequence[Sdk]) -> dict[str, Run]:
    """Run the matrix and tell what each SDK showed."""
    room = asyncio.Semaphore(DRIVERS_AT_ONCE)

    async def run_one(sdk: Sdk, url: str) -> Run:
        async with room:
            return await run_sdk(sdk, url)

    async with fakes_server() as url, asyncio.TaskGroup() as group:
        tasks = {
            sdk.name: group.create_task(run_one(sdk, url), name=sdk.name)
            for sdk in sdks
        }
    return {name: task.result() for name, task in tasks.items()}
