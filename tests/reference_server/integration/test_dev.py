"""A server that is tried out: what it prints works, and nothing stays behind."""

from __future__ import annotations

import os
import select
import shlex
import signal
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from tests.reference_server.integration.processes import Program, command, running

from streamproof.reference_server.dialects import DIALECTS

PATIENCE_S = 30


@pytest.fixture
def tried_out() -> Iterator[Program]:
    with running(command("reference_server", "--dev", "--port", "0")) as program:
        yield program


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return [
        each for child in map(int, children) for each in (child, *descendants(child))
    ]


def wait_gone(pids: list[int], handles: list[int]) -> None:
    for pid, handle in zip(pids, handles, strict=True):
        assert select.select([handle], [], [], PATIENCE_S)[0], f"{pid} goes on"
        os.close(handle)


async def test_every_line_that_is_printed_gives_a_stream_that_ends_well(
    tried_out: Program,
) -> None:
    assert tried_out.process.stdout is not None
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        for _ in DIALECTS:
            blank, name, line = (tried_out.process.stdout.readline() for _ in range(3))
            assert (blank, name[:2]) == ("\n", "# ")
            _, _, *words = shlex.split(line)
            options = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
            headers = dict(w.split(": ", 1) for f, w in pairwise(words) if f == "-H")

            body = options.get("-d")
            answer = await http.request(
                "GET" if body is None else "POST",
                words[-1],
                headers=headers,
                content=body and body.encode(),
            )

            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert '"retryable"' not in answer.text, answer.text


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_its_model_goes_with_it_however_it_goes(
    tried_out: Program, number: signal.Signals
) -> None:
    left = descendants(tried_out.process.pid)
    handles = [os.pidfd_open(pid) for pid in left]
    assert len(left) == 2

    tried_out.process.send_signal(number)

    wait_gone(left, handles)
    tried_out.process.wait(PATIENCE_S)
