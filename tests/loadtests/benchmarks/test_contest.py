"""A run: a server on its core, a client on another, and nothing left behind."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from streamproof.loadtests.benchmarks.contest import Case, ContestError, run
from streamproof.loadtests.benchmarks.contestants import Contestant, Script, baseline

FLOOD = Case(
    name="flood",
    script=Script(tokens=10),
    streams=2,
    spread_s=0.0,
    settle_s=0.0,
    window_s=0.1,
)
PACED = replace(
    FLOOD,
    name="paced",
    script=Script(tokens=500, first_ms=10, each_ms=5),
    settle_s=0.1,
    window_s=0.4,
)


def serving(*command: str) -> Contestant:
    return Contestant(
        name="other", version="1", command=lambda *_: [sys.executable, *command]
    )


@pytest.mark.slow
def test_a_flood_counts_the_frames_of_whole_answers() -> None:
    figures = run(baseline(), FLOOD)

    assert figures["frames_per_s"] > 0
    assert figures["server_peak_mib"] > 0
    assert figures["server_idle_mib"] > 0
    assert "gap_p99_ms" not in figures


@pytest.mark.slow
def test_paced_streams_have_gaps_and_first_contents() -> None:
    figures = run(baseline(), PACED)

    assert figures["gap_max_ms"] >= figures["gap_p99_ms"] >= figures["gap_p50_ms"] >= 0
    assert figures["first_late_p99_ms"] >= figures["first_late_p50_ms"] >= -1
    assert figures["streams_silent"] == 0


@pytest.mark.slow
def test_a_server_that_does_not_start_is_told_with_its_words() -> None:
    contestant = serving("-c", "raise SystemExit('no licence')")

    with pytest.raises(ContestError, match="got exit 1; the server said: no licence"):
        run(contestant, FLOOD)


@pytest.mark.slow
def test_a_server_that_says_something_else_is_not_measured() -> None:
    source = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    peer, _ = listener.accept()
    if peer.recv(9999):
        peer.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 3\\r\\n\\r\\nno\\n")
"""
    contestant = Contestant(
        name="other",
        version="1",
        command=lambda port, *_: [sys.executable, "-c", source, str(port)],
    )

    with pytest.raises(ContestError, match="expected a role frame and 'tick '"):
        run(contestant, FLOOD)


@pytest.mark.slow
def test_a_server_that_hangs_up_is_told_with_its_words() -> None:
    source = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("out of tokens", flush=True)
while True:
    listener.accept()[0].close()
"""
    contestant = Contestant(
        name="other",
        version="1",
        command=lambda port, *_: [sys.executable, "-c", source, str(port)],
    )

    with pytest.raises(ContestError, match="; the server said: out of tokens"):
        run(contestant, FLOOD)


@pytest.mark.slow
def test_an_answer_of_the_wrong_length_is_no_figure() -> None:
    def command(port: int, _script: Script, folder: Path) -> list[str]:
        return baseline().command(port, Script(tokens=9), folder)

    contestant = replace(baseline(), command=command)

    with pytest.raises(ContestError, match="expected 13 frames in an answer, got 12"):
        run(contestant, FLOOD)
