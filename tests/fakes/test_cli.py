"""`streamproof-fakes` as a process: ready line, signals, mistakes, same bytes.

Its commands: to serve (with and without saying so), to record, to replay.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest
from tests.fakes.raw_client import chat_body, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamproof.fakes", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments: str) -> tuple[int, str]:
    """Run to the end; return exit code and complaint."""
    process = start(*arguments)
    output, errors = process.communicate(timeout=20)
    assert output == ""
    return process.returncode, errors


@contextmanager
def running(
    *arguments: str, command: tuple[str, ...] = ()
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = start(*command, "--port", "0", *arguments)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        yield process, line.removeprefix("listening on ").strip()
    finally:
        process.kill()
        process.communicate()


def connect(url: str) -> socket.socket:
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=10)


def transcript(url: str, *, stream: bool) -> bytes:
    """Ask on a connection of its own and return every byte of the answer."""
    body = chat_body("[[fake:say tokens=50]]", stream=stream)
    with connect(url) as peer:
        peer.sendall(post("/v1/chat/completions", body, "connection: close"))
        parts = list(iter(lambda: peer.recv(65536), b""))
    return b"".join(parts)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_in_time_even_with_calls_running(
    number: signal.Signals,
) -> None:
    with running() as (process, url), connect(url) as peer:
        body = chat_body("[[fake:stall after=1]]")
        peer.sendall(post("/v1/chat/completions", body))
        assert peer.recv(1)
        asked = time.monotonic()
        process.send_signal(number)

        assert process.wait(timeout=10) == 0
        assert time.monotonic() - asked < 2


def test_two_processes_give_the_same_bytes() -> None:
    hashes = set()
    for _ in range(2):
        with running("--seed", "7") as (_, url):
            for _ in range(5):
                answers = [transcript(url, stream=stream) for stream in (True, False)]
                hashes.add(sha256(b"".join(answers)).hexdigest())

    assert len(hashes) == 1


def test_a_named_script_is_loaded_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text('[scripts.default]\nsay = [{ text = "from the file" }]\n')
    with running("--scripts", str(path)) as (_, url):
        request = urllib.request.Request(  # noqa: S310 -- our own server
            f"{url}/v1/chat/completions",
            data=chat_body("hi", stream=False),
            headers={"authorization": "Bearer any"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            assert b"from the file" in answer.read()


def test_a_port_in_use_is_one_line_and_exit_2() -> None:
    with running() as (_, url):
        port = url.rpartition(":")[2]
        code, errors = run("--port", port)

    assert code == 2
    assert errors == (
        f"streamproof-fakes: cannot listen on 127.0.0.1:{port}: address already in "
        "use; choose another port, or 0 for a free one\n"
    )


def test_a_bad_scripts_file_is_one_line_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "scripts.toml"
    path.write_text("[scripts.slow]\nstal = []\n")
    code, errors = run("--port", "0", "--scripts", str(path))

    assert code == 2
    assert errors == (
        f"streamproof-fakes: {path}:2: scripts.slow.stal: unknown key, "
        "did you mean 'stall'\n"
    )


@pytest.mark.parametrize("command", [(), ("serve",)])
def test_to_serve_needs_no_command(command: tuple[str, ...]) -> None:
    with running(command=command) as (_, url):
        assert b"chat.completion" in transcript(url, stream=False)

    code, errors = run(*command)
    assert code == 2
    assert "Missing option '--port'" in errors


def test_it_says_which_it_is() -> None:
    process = start("--version")
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert output == f"streamproof-fakes {version('streamproof')}\n"


def test_the_help_shows_what_may_be_given_without_a_command() -> None:
    process = start("--help")
    output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    for told in ("record", "replay", "--version", "--port", "--seed", "--scripts"):
        assert told in output


def test_without_file_descriptors_clients_wait_and_one_line_says_so() -> None:
    command = f"ulimit -n 24; exec {sys.executable} -m streamproof.fakes --port 0"
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process, ExitStack() as stack:
        stack.callback(process.kill)
        assert process.stdout is not None
        assert process.stderr is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        for _ in range(40):
            stack.enter_context(connect(url))
        complaint = process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=20)

        assert process.returncode == 0
    assert complaint == (
        "streamproof-fakes: out of file descriptors at 24: further connections wait "
        "until others end; raise the limit with ulimit -n\n"
    )
    assert rest == ""


def test_what_was_recorded_is_replayed(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    with (
        running() as (_, service),
        running(
            *("--upstream", service, "--cassette", str(path)), command=("record",)
        ) as (process, url),
    ):
        said = [transcript(service, stream=stream) for stream in (True, False)]
        passed_on = [transcript(url, stream=stream) for stream in (True, False)]
        process.send_signal(signal.SIGTERM)
        _, reports = process.communicate(timeout=10)

        assert process.returncode == 0
    with running(str(path), "--speed", "0", command=("replay",)) as (process, url):
        replayed = [transcript(url, stream=stream) for stream in (True, False)]
        with urllib.request.urlopen(f"{url}/_fakes/calls", timeout=10) as answer:  # noqa: S310 -- our own server
            calls = json.load(answer)["calls"]
        process.send_signal(signal.SIGINT)

        assert process.wait(timeout=10) == 0

    assert said == passed_on == replayed
    assert [
        line.partition(": recorded, 200, ")[0] for line in reports.splitlines()
    ] == [
        f"streamproof-fakes: call {number}: POST /v1/chat/completions"
        for number in (1, 2)
    ]
    assert [call["outcome"] for call in calls] == ["completed", "completed"]
    assert "Bearer any" not in path.read_text("utf-8")


def test_a_recorder_that_stops_in_the_middle_ends_with_0_in_time(
    tmp_path: Path,
) -> None:
    path = tmp_path / "c.jsonl"
    with (
        running() as (_, service),
        running(
            *("--upstream", service, "--cassette", str(path)), command=("record",)
        ) as (process, url),
        connect(url) as peer,
    ):
        body = chat_body("[[fake:stall after=1]]")
        peer.sendall(post("/v1/chat/completions", body))
        assert peer.recv(1)
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, reports = process.communicate(timeout=10)

        assert process.returncode == 0
        assert time.monotonic() - asked < 2
    assert reports == (
        "streamproof-fakes: call 1: POST /v1/chat/completions: not recorded, the "
        "recorder was stopped\n"
    )


def test_a_cassette_that_is_there_is_one_line_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text("precious")
    code, errors = run(
        *("record", "--port", "0"),
        *("--upstream", "http://localhost:1", "--cassette", str(path)),
    )

    assert code == 2
    assert errors == (
        f"streamproof-fakes: {path}: expected a new file, got one that exists; name "
        "another, or add to it with --append\n"
    )
    assert path.read_text() == "precious"


def test_a_bad_cassette_is_one_line_and_exit_2(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"cassette": 1, "upstream": "http://x", "upsteam": 2}\n')
    code, errors = run("replay", "--port", "0", str(path))

    assert code == 2
    assert errors == (
        f"streamproof-fakes: {path}:1: upsteam: unknown key, did you mean 'upstream'\n"
    )


def test_a_call_that_was_cut_off_is_told_before_the_ready_line(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"cassette": 1, "upstream": "http://x"}\n{"call": 1, "me')
    with running(str(path), command=("replay",)) as (process, _):
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=10)

    assert errors == (
        f"streamproof-fakes: {path}: the last call is cut off, it is left out\n"
    )


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--port", "x"), "Invalid value for '--port': expected a whole number"),
        (("replay", "--port", "0"), "expected a cassette to replay, got none"),
        (("replay", "--cassette", "no", "--port", "0"), "no: cannot be read"),
        (
            ("--port", "0", "--scripts", "/dev/zero"),
            "/dev/zero: expected at most 16777216 characters, got more",
        ),
        (
            (
                *("record", "--port", "0", "--upstream", "http://127.0.0.1:1"),
                *("--cassette", "/nowhere/c", "--redact", "a b"),
            ),
            "expected the name of a header field to redact, got 'a b'",
        ),
    ],
)
def test_wrong_input_ends_with_2_and_plain_words(
    words: tuple[str, ...], complaint: str
) -> None:
    code, errors = run(*words)

    assert code == 2
    assert complaint in errors
    assert "Traceback" not in errors


def test_an_address_that_cannot_be_told_ends_it_with_one_line() -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:  # noqa: PTH123 -- a device
        done = subprocess.run(
            [sys.executable, "-m", "streamproof.fakes", "--port", "0"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=20,
            check=False,
        )

    assert done.returncode == 2
    assert done.stderr == (
        "streamproof-fakes: cannot write the address to stdout: "
        "no space left on device\n"
    )
