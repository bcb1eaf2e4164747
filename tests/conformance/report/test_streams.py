"""A standard stream that goes away does not change the exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

STREAMPROOF = Path(sys.executable).parent / "streamproof"
# Nobody listens on port 1: incomplete, exit code 3.
UNREACHABLE = f"{STREAMPROOF} run http://127.0.0.1:1 --profile pipeline"


def exit_code_of(command: str) -> int:
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
    )
    return done.returncode


@pytest.mark.slow
@pytest.mark.parametrize("trouble", ["2>/dev/full", "2>&-", ">/dev/full", ">&-"])
def test_a_lost_stream_keeps_the_verdict(trouble: str) -> None:
    assert exit_code_of(f"{UNREACHABLE} {trouble}") == 3


@pytest.mark.slow
def test_a_reader_that_leaves_keeps_the_verdict() -> None:
    assert exit_code_of(f"set -o pipefail; {UNREACHABLE} 2>&1 | head -c 1") == 3


@pytest.mark.slow
def test_a_list_whose_reader_leaves_ends_as_a_shell_expects() -> None:
    # A reader that is gone before the first byte: behind a pipe to `head` the whole
    # list may be in the pipe before `head` leaves.
    reading, writing = os.pipe()
    os.close(reading)

    done = subprocess.run([STREAMPROOF, "list"], check=False, stdout=writing)

    os.close(writing)
    assert done.returncode == 141


@pytest.mark.slow
def test_the_report_file_is_written_when_stdout_is_lost(tmp_path: Path) -> None:
    report = tmp_path / "report.json"

    assert exit_code_of(f"{UNREACHABLE} --json {report} >/dev/full") == 3
    assert report.exists()
