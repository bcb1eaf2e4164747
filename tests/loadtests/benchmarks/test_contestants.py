"""Every contestant is told the same: words, first word, pace."""

import json
import tomllib
from pathlib import Path

from streamproof.loadtests.benchmarks.contestants import (
    Script,
    aimock,
    baseline,
    llmock,
    ours,
)
from streamproof.loadtests.benchmarks.peers import Peer

PACED = Script(tokens=3, first_ms=200, each_ms=20)
AT_ONCE = Script(tokens=2)


def peer(*command: str) -> Peer:
    return Peer(command=command, version="1")


def test_ours_gets_the_words_and_the_pace_in_a_file_of_scripts(tmp_path: Path) -> None:
    command = ours().command(80, PACED, tmp_path)

    assert Path(command[0]).name == "streamproof-fakes"
    assert command[1:3] == ["--port", "80"]
    assert tomllib.loads(Path(command[4]).read_text()) == {
        "scripts": {
            "default": {
                "say": [{"text": "tick tick tick "}],
                "delay": {"first_ms": 200, "each_ms": 20},
            }
        }
    }


def test_aimock_says_its_role_one_word_before_the_first_word(tmp_path: Path) -> None:
    command = aimock(peer("node", "cli.js")).command(80, PACED, tmp_path)

    options = dict(zip(command[2::2], command[3::2], strict=True))
    assert command[:2] == ["node", "cli.js"]
    assert options["--port"] == "80"
    assert options["--chunk-size"] == "5"
    assert json.loads(Path(options["--fixtures"]).read_text()) == {
        "fixtures": [
            {
                "match": {},
                "response": {"content": "tick tick tick "},
                "streamingProfile": {"ttft": 180, "tps": 50},
            }
        ]
    }


def test_aimock_is_not_paced_when_everything_leaves_at_once(tmp_path: Path) -> None:
    command = aimock(peer("node", "cli.js")).command(80, AT_ONCE, tmp_path)

    fixtures = json.loads((tmp_path / "fixtures.json").read_text())
    assert str(tmp_path / "fixtures.json") in command
    assert fixtures == {
        "fixtures": [{"match": {}, "response": {"content": "tick " * 2}}]
    }


def test_llmock_waits_between_words_as_its_command_line_says(tmp_path: Path) -> None:
    command = llmock(peer("llmock")).command(80, PACED, tmp_path)

    assert command[:4] == ["llmock", "serve", "--port", "80"]
    assert command[-2:] == ["--stream-chunk-delay-ms", "20"]


def test_the_baseline_gets_all_on_its_command_line(tmp_path: Path) -> None:
    command = baseline().command(80, PACED, tmp_path)

    assert command[1:] == [
        *("-m", "streamproof.loadtests.benchmarks.canned", "80", "3", "200", "20")
    ]
