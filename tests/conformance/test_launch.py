"""Commands are started on free ports and never outlive the block that started them."""

import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from streamproof.conformance.errors import UsageError
from streamproof.conformance.launch import (
    HOST,
    Command,
    Launched,
    launched,
    pick_free_port,
    plan_commands,
)

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', {port}));"
PAUSE = "import signal; signal.pause()"


def command(code: str, port: int | None = None) -> Command:
    port = port or pick_free_port()
    words = (sys.executable, "-c", code.replace("{port}", str(port)))
    return Command(option="--start", words=words, port=port)


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    with anyio.fail_after(seconds):
        yield


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie is no longer alive: nobody of ours has to reap a grandchild.
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2][1] != "Z"


async def wait_until_gone(pid: int) -> None:
    with anyio.fail_after(10):
        while is_alive(pid):
            await anyio.lowlevel.checkpoint()


def test_placeholders_become_the_port_and_the_url_of_the_started_fake() -> None:
    commands = plan_commands(
        "server --port {port} --up {upstream}/v1",
        "fakes --port {port}",
        None,
        pick_port=iter([9000, 8000]).__next__,
    )

    assert commands["upstream"].words == ("fakes", "--port", "9000")
    assert commands["target"].words[1:] == (
        *("--port", "8000"),
        *("--up", "http://127.0.0.1:9000/v1"),
    )
    assert commands["target"].url == "http://127.0.0.1:8000"


def test_the_upstream_of_a_started_target_may_be_a_fake_that_runs_already() -> None:
    commands = plan_commands(
        "server {port} {upstream}",
        None,
        "http://fakes:9/",
        pick_port=iter([8000]).__next__,
    )

    assert commands["target"].words == ("server", "8000", "http://fakes:9")


def test_other_braces_of_a_command_stay_as_they_are() -> None:
    commands = plan_commands(
        "server {port} '{\"a\": {b}}'", None, None, pick_port=lambda: 1
    )

    assert commands["target"].words == ("server", "1", '{"a": {b}}')


def test_a_command_may_be_continued_on_the_next_line() -> None:
    commands = plan_commands(
        "server \\\n --port {port}", None, None, pick_port=lambda: 1
    )

    assert commands["target"].words == ("server", "--port", "1")


def test_a_quote_that_is_never_closed_is_told() -> None:
    with pytest.raises(UsageError, match="cannot read the command of --start: No clos"):
        plan_commands("server '{port}", None, None, pick_port=lambda: 1)


def test_without_a_place_for_the_port_nothing_is_started() -> None:
    with pytest.raises(
        UsageError, match=r"expected \{port\} in the command of --start"
    ):
        plan_commands("server --port 8000", None, None, pick_port=lambda: 1)


def test_without_a_fake_there_is_no_url_to_put_in_for_upstream() -> None:
    with pytest.raises(UsageError, match="expected --start-upstream or --control"):
        plan_commands("server {port} {upstream}", None, None, pick_port=lambda: 1)


def test_nothing_to_start_is_no_command() -> None:
    assert plan_commands(None, None, None, pick_port=lambda: 1) == {}


async def test_the_block_runs_when_all_commands_listen_and_ends_them() -> None:
    first = command(LISTEN + PAUSE)
    second = command(LISTEN + PAUSE)

    async with within(30), launched(first, second) as running:
        pids = [each.process.pid for each in running]
        for each in (first, second):
            async with await anyio.connect_tcp(HOST, each.port):
                pass

    assert not any(map(is_alive, pids))


async def test_what_a_failing_block_raises_comes_through_after_clean_up() -> None:
    running: list[Launched] = []

    async def fail() -> None:
        async with within(30), launched(command(LISTEN + PAUSE)) as started:
            running.extend(started)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert not is_alive(running[0].process.pid)


async def test_a_cancelled_block_ends_its_command() -> None:
    running: list[Launched] = []
    with anyio.CancelScope() as scope:
        async with launched(command(LISTEN + PAUSE)) as started:
            running += started
            scope.cancel()
            await anyio.lowlevel.checkpoint()

    assert scope.cancelled_caught
    assert not is_alive(running[0].process.pid)


async def test_a_command_that_ignores_sigterm_is_killed_after_the_bound() -> None:
    deaf = command(
        "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        + LISTEN
        + "signal.pause()"
    )

    async with within(30), launched(deaf, stop_s=0.05) as [running]:
        pass

    assert running.process.returncode == -signal.SIGKILL


async def test_what_the_command_started_in_turn_is_stopped_too(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = command(
        "import subprocess; child = subprocess.Popen(['sleep', '600']);"
        f"open('{pid_file}', 'w').write(str(child.pid));" + LISTEN + PAUSE
    )

    async with within(30), launched(parent):
        pid = int(pid_file.read_text("utf-8"))
        assert is_alive(pid)

    await wait_until_gone(pid)


async def test_a_command_that_dies_is_told_with_its_last_lines() -> None:
    broken = command("import sys; sys.exit('no such setting: \\\\x1b[31mport')")

    with pytest.raises(UsageError) as problem:
        async with within(30), launched(broken):
            pass

    message = str(problem.value)
    assert message.startswith("the command of --start ended with exit code 1: ")
    assert message.endswith(
        "the last lines that it wrote:\n  no such setting: \\x1b[31mport"
    )


async def test_a_command_that_is_not_installed_is_told() -> None:
    missing = Command(option="--start", words=("no-such-server-4711",), port=1)

    with pytest.raises(UsageError, match=r"--start: No such file .*: no-such-server"):
        async with within(30), launched(missing):
            pass


async def test_a_command_killed_by_a_signal_is_told_so() -> None:
    killed = command("import os; os.kill(os.getpid(), 9)")

    with pytest.raises(UsageError, match="by signal 9"):
        async with within(30), launched(killed):
            pass


async def test_a_command_that_never_listens_is_given_up_and_ended() -> None:
    idle = command(PAUSE)

    with pytest.raises(
        UsageError, match=r"to listen on port \d+ within 0.05 s"
    ) as told:
        async with within(30), launched(idle, ready_s=0.05):
            pass

    assert "(it wrote nothing)" in str(told.value)


async def test_the_second_command_failing_ends_the_first(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    fine = command(
        f"import os; print(os.getpid(), file=open('{pid_file}.new', 'w'), flush=True);"
        f"os.rename('{pid_file}.new', '{pid_file}');" + LISTEN + PAUSE
    )
    broken = command(
        f"import os; [0 for _ in iter(lambda: os.path.exists('{pid_file}'), True)];"
        "raise SystemExit(3)"
    )

    with pytest.raises(UsageError, match="exit code 3"):
        async with within(30), launched(fine, broken):
            pass

    await wait_until_gone(int(pid_file.read_text("utf-8")))


async def test_a_port_where_something_answers_already_is_refused() -> None:
    with closing(socket.create_server((HOST, 0))) as other:
        port = other.getsockname()[1]
        taken = command(LISTEN, port)

        with pytest.raises(UsageError, match=f"expected port {port} to be free"):
            async with within(30), launched(taken):
                pass


async def test_only_the_last_lines_of_a_long_output_are_shown() -> None:
    chatty = command("[print('line', n) for n in range(5000)]; raise SystemExit(1)")

    with pytest.raises(UsageError) as problem:
        async with within(30), launched(chatty):
            pass

    lines = str(problem.value).partition("it wrote:\n")[2].splitlines()
    assert lines == [f"  line {n}" for n in range(4988, 5000)]


async def test_how_a_command_ended_during_the_run_can_be_asked() -> None:
    brief = command(LISTEN + "s.accept(); s.accept(); raise SystemExit(7)")

    async with within(30), launched(brief) as [running]:
        async with await anyio.connect_tcp(HOST, brief.port):
            pass
        await running.process.wait()

        assert running.early_end() == "the command of --start ended with exit code 7"
