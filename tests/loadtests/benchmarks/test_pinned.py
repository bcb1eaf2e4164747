"""A pinned command runs on its core, with files enough for a thousand streams."""

import os
import resource
import subprocess
import sys

from streamproof.loadtests.benchmarks.pinned import pinned


def test_a_command_runs_on_its_core_as_the_process_that_was_started() -> None:
    core = max(os.sched_getaffinity(0))
    ask = "import os; print(os.getpid(), *os.sched_getaffinity(0))"

    with subprocess.Popen(
        pinned(core, [sys.executable, "-c", ask]), stdout=subprocess.PIPE, text=True
    ) as process:
        said, _ = process.communicate(timeout=10)

    assert said.split() == [str(process.pid), str(core)]


def test_a_command_may_open_as_many_files_as_this_user_may() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    ask = "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"

    done = subprocess.run(
        pinned(min(os.sched_getaffinity(0)), [sys.executable, "-c", ask]),
        capture_output=True,
        text=True,
        timeout=10,
        check=True,
    )

    assert int(done.stdout) == most
