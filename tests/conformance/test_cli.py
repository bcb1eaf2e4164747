"""The command as a user meets it: what it prints, and the code that it ends with."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest

from streamproof.conformance import cli
from streamproof.conformance.catalogue import requirements
from streamproof.conformance.errors import CatalogueError
from streamproof.conformance.options import find_ends

from .sse_site import PROFILE, serving

LISTEN_AND_HOLD = (
    "import pathlib, os, signal, socket, sys;"
    "s = socket.create_server(('127.0.0.1', int(sys.argv[1])));"
    "pathlib.Path(sys.argv[2]).write_text(str(os.getpid()));"
    "signal.pause()"
)


class Said(NamedTuple):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Streamproof = Callable[..., Said]


@pytest.fixture
def streamproof(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Streamproof:
    def call(*words: str | Path) -> Said:
        monkeypatch.setattr("sys.argv", ["streamproof", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        code = ended.value.code
        return Said(code if isinstance(code, int) else 0, printed.out, printed.err)

    return call


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.toml"
    file.write_text(PROFILE, "utf-8")
    return file


def unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port: int = server.getsockname()[1]
        return port


# What a run comes to


def test_a_target_that_keeps_its_promises_ends_with_0(
    streamproof: Streamproof, tiny: Path
) -> None:
    with serving() as url:
        said = streamproof("run", url, "--profile", tiny, "--topic", "framing")

    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("conformant: ")
    assert "against tiny: " in said.err


def test_a_server_that_sends_no_event_stream_ends_with_1_and_is_told_what_it_sent(
    streamproof: Streamproof, tiny: Path
) -> None:
    with serving("text/html") as url:
        said = streamproof("run", url, "-p", tiny, "-q", "--topic", "headers")

    assert said.code == 1
    assert said.out.startswith("FAILED headers.content-type-event-stream (MUST)")
    assert "got       Content-Type: text/html" in said.out
    assert f"again     curl -sSiN {url}/stream" in said.out
    assert "no response was an event stream" in said.out
    assert said.err == ""


def test_an_unreachable_target_ends_with_3_and_one_clear_line(
    streamproof: Streamproof,
) -> None:
    url = f"http://127.0.0.1:{unused_port()}"

    said = streamproof("run", url, "--profile", "pipeline")

    assert said.code == 3
    line = f"cannot connect to the target at {url}: connection refused"
    assert f"warning: {line}; start it, or correct the URL\n" in said.err
    assert " ".join(said.out.split()).count(line) == 1
    assert said.out.endswith("could not be tested (exit code 3)\n")


def test_fakes_that_do_not_run_are_named_and_end_with_3(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hush")
    control = f"http://127.0.0.1:{unused_port()}"

    with serving() as url:
        said = streamproof(
            *("run", url, "--profile", "pipeline", "--control", control),
            *("--token-secret-env", "SECRET", "--only", "delivery.tokens-as-produced"),
        )

    assert said.code == 3
    assert f"no fake provider answers at {control}: connection refused" in said.out
    assert "start streamproof-fakes, make it the target's model" in said.err


def test_steering_without_a_control_url_says_which_option_is_missing(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hush")

    with serving() as url:
        said = streamproof(
            *("run", url, "--profile", "pipeline", "--token-secret-env", "SECRET"),
            *("--only", "delivery.tokens-as-produced"),
        )

    assert said.code == 3
    assert "no fake provider was named" in said.out
    assert "with --control" in said.err


def test_a_missing_credential_is_named_with_its_options_and_ends_with_3(
    streamproof: Streamproof,
) -> None:
    with serving() as url:
        said = streamproof("run", url, "-p", "pipeline", "--only", "framing.no-bom")

    assert said.code == 3
    assert "asks for a credential and none can be made; give --token-sec" in said.err


# Reports


def test_all_reports_are_written(
    streamproof: Streamproof, tiny: Path, tmp_path: Path
) -> None:
    with serving("text/html") as url:
        said = streamproof(
            *("run", url, "-p", tiny, "--topic", "headers", "--seed", "7"),
            *("--json", tmp_path / "a" / "r.json", "--junit", tmp_path / "r.xml"),
            *("--report-dir", tmp_path / "dir", "--set", "heartbeat.form=none"),
        )

    report = json.loads((tmp_path / "a" / "r.json").read_text("utf-8"))
    assert report["run"]["seed"] == 7
    assert report["run"]["settings"] == ["heartbeat.form=none"]
    assert (tmp_path / "r.xml").read_text("utf-8").startswith("<?xml")
    assert sorted(p.name for p in (tmp_path / "dir").iterdir()) == [
        "tiny-transcripts",
        "tiny.json",
        "tiny.xml",
    ]
    assert "transcripts of what failed in" in said.err


def test_a_place_that_cannot_be_written_is_told_before_the_run(
    streamproof: Streamproof, tiny: Path
) -> None:
    said = streamproof("run", "http://127.0.0.1:1", "-p", tiny, "--json", tiny / "x")

    assert said.code == 2
    assert "cannot write the report to" in said.err
    assert said.out == ""


def test_a_report_to_stdout_is_all_that_stands_there(
    streamproof: Streamproof, tiny: Path
) -> None:
    with serving() as url:
        said = streamproof("run", url, "-p", tiny, "--topic", "framing", "--json", "-")

    assert said.code == 0
    assert json.loads(said.out)["run"]["exit_code"] == 0
    assert "\nconformant: " in said.err
    assert not Path("-").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--json", "r", "--junit", "./r"), "for --junit, got that of --json: r"),
        (("--json", "-", "--junit", "-"), "for --junit, got that of --json: -"),
        (
            ("--json", "d/tiny.json", "--report-dir", "d"),
            "for the json file of --report-dir, got that of --json: d/tiny.json",
        ),
        (("--json", "tiny.toml"), "for --json, got that of the profile: tiny.toml"),
        (
            ("--token-file", "token", "--json", "token"),
            "for --json, got that of --token-file: token",
        ),
    ],
)
def test_two_things_on_one_path_are_refused(
    streamproof: Streamproof,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tiny.parent)
    Path("token").write_text("abc", "utf-8")

    said = streamproof("run", "http://127.0.0.1:1", "-p", "tiny.toml", *words)

    assert said.code == 2
    assert f"expected a path of its own {message}\n" in said.err
    assert tiny.read_text("utf-8") == PROFILE


def test_a_report_that_cannot_be_written_after_all_leaves_the_one_for_people(
    streamproof: Streamproof, tiny: Path
) -> None:
    with serving() as url:
        said = streamproof(
            *("run", url, "-p", tiny, "--topic", "framing", "--json", "/dev/full")
        )

    assert said.code == 4
    assert "cannot write the report to /dev/full: no space left on device" in said.err
    assert "\nconformant: " in said.out


def test_no_color_leaves_no_style_at_all(
    streamproof: Streamproof, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    words = ("run", "http://127.0.0.1:1", "-p", tiny, "--topic", "framing")

    assert "\x1b[" in streamproof(*words).out
    assert "\x1b" not in streamproof(*words, "--no-color").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in streamproof(*words).out


def test_part_of_the_suite_is_called_partial(
    streamproof: Streamproof, tiny: Path
) -> None:
    only = ("--only", "framing.no-bom")
    with serving() as url:
        said = streamproof("run", url, "-p", tiny, *only)

    assert "1 requirement, 1 probe\n" in said.err
    assert "conformant: 1 requirement judged, none failed (partial: " in said.out


# Wrong input


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "http://x"], "Missing option '--profile'"),
        (["run", "http://x", "-p", "pipelin"], "did you mean 'pipeline'?"),
        (["run", "-p", "pipeline"], "or --start, got neither"),
        (["run", "x:80", "-p", "pipeline"], "did you mean 'http://x:80'?"),
        (
            ["run", "http://x", "-p", "pipeline", "--only", "resume.malformed-refusd"],
            "did you mean 'resume.malformed-refused'?",
        ),
        (
            ["run", "http://x", "-p", "pipeline", "--set", "heartbeat.intervall_s=1"],
            "did you mean 'interval_s'?",
        ),
        (
            ["run", "http://x", "-p", "pipeline", "--token-secret-env", "NO_SUCH_VAR"],
            "expected a value for --token-secret-env in NO_SUCH_VAR, got nothing",
        ),
        (
            ["run", "-p", "pipeline", "--start", "no-such-server {port}"],
            "No such file or directory: no-such-server",
        ),
        (["run", "http://a b", "-p", "pipeline"], "base URL without white space, got"),
        (["run", "", "-p", "pipeline"], "http://127.0.0.1:8000, got ''\n"),
        (["run", "http://x", "-p", "/"], "cannot read profile /: is a directory"),
        (
            ["run", "http://x", "-p", "pipeline", "--seed", "x"],
            "Invalid value for '--seed': expected a whole number\n",
        ),
        (
            ["run", "http://x", "-p", "pipeline", "--level", "may"],
            "Invalid value for '--level': 'may' is not one of",
        ),
        (
            ["run", "http://x", "-p", "pipeline", "--token-env", "A=B"],
            "expected the name of a variable for --token-env, got 'A=B'",
        ),
        (
            ["run", "http://x", "-p", "pipeline", "--token-file", "/dev/zero"],
            "expected at most 65536 bytes in the file of --token-file, got more",
        ),
        (["explain", "resume"], "it is a topic, see `streamproof list --topic resume`"),
        (["explain", "FRAMING.NO-BOM"], "did you mean framing.no-bom"),
        (["profiles", "show", "Pipeline"], "got 'Pipeline'; did you mean 'pipeline'?"),
        (["explain"], "Usage: streamproof explain [OPTIONS] ID\n"),
        (["explain", "auth.no-credental"], "did you mean auth.no-credential"),
        (["explain", "?"], "unknown requirement '?'; see `streamproof list`"),
        (["list", "--topic", "frame"], "did you mean 'framing'?"),
        (
            ["profiles", "show", "nothing"],
            "expected one of chat, draft, exercise, pipeline, story, got 'nothing'",
        ),
        (["profiles", "check", "no.toml"], "or a TOML file, got 'no.toml'"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_would_be_right(
    streamproof: Streamproof, words: list[str], message: str
) -> None:
    said = streamproof(*words)

    assert said.code == 2
    assert message in said.err
    assert "Traceback" not in said.err


def test_a_profile_with_a_mistake_is_told_with_line_and_key(
    streamproof: Streamproof, tiny: Path
) -> None:
    tiny.write_text(PROFILE + "[heartbeat]\nform = 'coment'\n", "utf-8")

    said = streamproof("run", "http://x", "-p", tiny)

    assert said.code == 2
    assert f"{tiny}:9: heartbeat.form: " in said.err


@pytest.mark.parametrize("side", ["setup", "follow_up"])
def test_a_profile_that_cannot_be_run_yet_is_told_before_anything_is_started(
    streamproof: Streamproof, tiny: Path, side: str
) -> None:
    setting = f"endpoint.{side}=[{{path='/t'}}]"

    said = streamproof(
        *("run", "--profile", tiny, "--set", setting, "--start", "nothing {port}")
    )

    assert said.code == 2
    assert "expected a profile whose stream takes one request, got" in said.err
    assert "starting" not in said.err


def test_a_port_in_use_is_told_before_anything_is_started(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        port = other.getsockname()[1]
        taken = partial(find_ends, pick_port=lambda: port)
        monkeypatch.setattr("streamproof.conformance.checkup.find_ends", taken)
        said = streamproof("run", "-p", "pipeline", "--start", "server {port}")

    assert said.code == 2
    assert f"expected port {port} to be free for --start" in said.err


def test_a_started_command_that_fails_is_shown_with_its_own_words(
    streamproof: Streamproof,
) -> None:
    failing = f"{sys.executable} -c \"raise SystemExit('no secret')\" {{port}}"

    said = streamproof("run", "-p", "pipeline", "--start", failing)

    assert said.code == 2
    assert "the command of --start ended with exit code 1" in said.err
    assert "  no secret" in said.err


# Defects of the suite


def test_a_catalogue_that_does_not_fit_ends_with_4(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise CatalogueError("no check for a.b")

    monkeypatch.setattr(cli, "plan_checkup", broken)

    said = streamproof("run", "http://x", "-p", "pipeline")

    assert said.code == 4
    assert said.err == "streamproof: no check for a.b; --debug shows where\n"


def test_a_defect_ends_with_4_and_one_line(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise ExceptionGroup("tasks", [LookupError("oops")])

    monkeypatch.setattr(cli, "plan_checkup", broken)

    said = streamproof("run", "http://x", "-p", "pipeline")

    assert said.code == 4
    assert said.err == (
        "streamproof: the suite itself broke: LookupError('oops'); "
        "--debug shows where\n"
    )


def test_debug_shows_the_place_of_a_defect(
    streamproof: Streamproof, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise LookupError("oops")

    monkeypatch.setattr(cli, "plan_checkup", broken)

    said = streamproof("run", "http://x", "-p", "pipeline", "--debug")

    assert said.code == 4
    assert "Traceback" in said.err
    assert "in broken" in said.err


@pytest.mark.parametrize(
    "words",
    [["list", "--topic", "x"], ["explain", "x"], ["profiles", "show", "x"]],
    ids=" ".join,
)
def test_every_command_takes_debug_wherever_it_stands(
    streamproof: Streamproof, words: list[str]
) -> None:
    for place in (0, len(words)):
        said = streamproof(*words[:place], "--debug", *words[place:])

        assert said.code == 2
        assert "Traceback" in said.err


# What the suite knows


def test_the_version_is_that_of_the_package(streamproof: Streamproof) -> None:
    said = streamproof("--version")

    assert said == (0, f"streamproof {version('streamproof')}\n", "")


@pytest.mark.parametrize("command", ["run", "list", "explain", "profiles"])
def test_the_help_has_words_for_users_and_no_types_of_python(
    streamproof: Streamproof, command: str
) -> None:
    said = streamproof(command, "--help")

    assert said.code == 0
    assert "list[" not in said.out


def test_the_list_has_a_line_for_every_requirement(streamproof: Streamproof) -> None:
    said = streamproof("list")

    listed = [line.split()[0] for line in said.out.splitlines()]
    assert listed == [each.id for each in requirements() if not each.excluded]


def test_the_list_marks_what_a_profile_rules_out(
    streamproof: Streamproof, tiny: Path
) -> None:
    said = streamproof("list", "--topic", "heartbeat", "--profile", tiny)

    assert all("[inapplicable: " in line for line in said.out.splitlines())


@pytest.mark.parametrize("id_", [each.id for each in requirements()])
def test_every_requirement_can_be_explained(streamproof: Streamproof, id_: str) -> None:
    said = streamproof("explain", id_)

    assert said.code == 0
    assert said.out.startswith(f"{id_} (")
    assert "partial(" not in said.out


def test_profiles_are_listed_with_and_without_the_word(
    streamproof: Streamproof,
) -> None:
    assert streamproof("profiles") == streamproof("profiles", "list")
    listed = [line.split()[0] for line in streamproof("profiles").out.splitlines()]
    assert listed == ["chat", "draft", "exercise", "pipeline", "story"]


def test_a_shown_profile_can_be_checked(
    streamproof: Streamproof, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.toml"
    copy.write_text(streamproof("profiles", "show", "pipeline").out, "utf-8")

    said = streamproof("profiles", "check", copy)

    assert said.code == 0
    assert f"{copy}: profile 'pipeline' is well-formed; " in said.out


def test_the_schema_is_json(streamproof: Streamproof) -> None:
    assert json.loads(streamproof("profiles", "schema").out)["title"] == "Profile"


# As a process


def start(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "streamproof.conformance", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "ascii"},
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_an_interrupted_run_stops_what_it_started(
    tiny: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    pid_file = tmp_path / "pid"
    command = f'{sys.executable} -c "{LISTEN_AND_HOLD}" {{port}} {pid_file}'
    running = start("run", "--profile", tiny, "--start", command)
    assert running.stderr is not None
    assert running.stderr.readline() == "starting the command of --start\n"
    # Said when the target listens: from here on the probes wait for its answer.
    assert "checking http://127.0.0.1:" in running.stderr.readline()

    running.send_signal(number)
    _, err = running.communicate(timeout=20)

    assert running.returncode == code
    assert f"interrupted by {number.name}" in err
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text("utf-8")), 0)


def is_gone(pid_file: Path) -> bool:
    """Wait for the end of a process that is no child of ours."""
    try:
        process = os.pidfd_open(int(pid_file.read_text("utf-8")))
    except ProcessLookupError:
        return True
    ended, _, _ = select.select([process], [], [], 30)
    os.close(process)
    return bool(ended)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGQUIT])
def test_what_a_killed_run_had_started_is_stopped(
    tiny: Path, tmp_path: Path, number: signal.Signals
) -> None:
    pid_file = tmp_path / "pid"
    # Behind a shell that does not hand signals on: it is the group that is stopped.
    python = f'{sys.executable} -c \\"{LISTEN_AND_HOLD}\\" {{port}} {pid_file}'
    running = start("run", "-p", tiny, "--start", f'sh -c "{python}; true"')
    assert running.stderr is not None
    running.stderr.readline()
    assert "checking http://127.0.0.1:" in running.stderr.readline()

    running.send_signal(number)
    running.communicate(timeout=20)

    assert running.returncode == -number
    assert is_gone(pid_file)


@pytest.mark.slow
def test_an_interrupted_run_reports_what_it_came_to(tiny: Path, tmp_path: Path) -> None:
    command = f'{sys.executable} -c "{LISTEN_AND_HOLD}" {{port}} {tmp_path}/pid'
    words = ("run", "-p", tiny, "--start", command, "--json", tmp_path / "r.json")
    running = start(*words)
    assert running.stderr is not None
    running.stderr.readline()
    assert "checking http://127.0.0.1:" in running.stderr.readline()

    running.send_signal(signal.SIGINT)
    out, _ = running.communicate(timeout=20)

    report = json.loads((tmp_path / "r.json").read_text("utf-8"))
    assert running.returncode == 130
    assert report["run"]["is_interrupted"]
    assert report["run"]["verdict"].startswith("interrupted: 0 requirements judged")
    assert "the run was interrupted" in {
        each["reason"] for each in report["judgements"]
    }
    assert out.endswith("failed; the others were not tested\n")


@pytest.mark.slow
@pytest.mark.parametrize("words", [("list",), ("--help",), ("profiles", "schema")])
def test_what_cannot_be_written_is_said(words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "streamproof.conformance", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
            check=False,
        )

    assert done.returncode == 4
    assert done.stderr == (
        "streamproof: cannot write to stdout: no space left on device\n"
    )


@pytest.mark.slow
def test_a_list_whose_reader_goes_away_ends_in_silence() -> None:
    running = start("list")
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    _, err = running.communicate(timeout=20)

    assert (running.returncode, err) == (141, "")


@pytest.mark.slow
def test_a_reader_that_goes_away_does_not_change_the_exit_code(tiny: Path) -> None:
    with serving() as url:
        running = start("run", url, "--profile", tiny, "--topic", "framing")
        assert running.stdout is not None
        running.stdout.close()
        running.stdout = None
        _, err = running.communicate(timeout=20)

    assert running.returncode == 0
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.slow
def test_a_terminal_that_knows_ascii_only_is_told_everything() -> None:
    running = start("explain", "auth.no-credential")
    out, _ = running.communicate(timeout=20)

    assert running.returncode == 0
    assert "\\u2192" in out
