"""What is watched over ends with the suite, and only then."""

import signal
import subprocess
import sys

from streamproof.conformance.watcher import Watcher

STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print(flush=True); signal.pause()"
)
IDLE = "import signal; print(flush=True); signal.pause()"


def start(code: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def lose(watcher: Watcher) -> None:
    """Close the suite's end of the pipe, as the system does when the suite dies."""
    pipe = watcher._process.stdin
    assert pipe is not None
    pipe.close()


def test_every_group_is_stopped_when_the_suite_is_gone() -> None:
    with start(IDLE) as one, start(IDLE) as other, Watcher(stop_s=20) as watcher:
        watcher.watch(one.pid)
        watcher.watch(other.pid)
        lose(watcher)

        assert one.wait(20) == other.wait(20) == -signal.SIGTERM


def test_a_group_that_does_not_stop_in_time_is_killed() -> None:
    with start(STUBBORN) as one, Watcher(stop_s=0.1) as watcher:
        watcher.watch(one.pid)
        lose(watcher)

        assert one.wait(20) == -signal.SIGKILL


def test_a_suite_that_ends_by_itself_leaves_its_groups_alone() -> None:
    with start(IDLE) as one:
        with Watcher(stop_s=0) as watcher:
            watcher.watch(one.pid)

        assert watcher._process.returncode == -signal.SIGKILL
        assert one.poll() is None
        one.kill()
