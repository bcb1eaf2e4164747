"""The report for people: failures first, safe to print, readable in 80 columns."""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from streamproof.conformance.model import Verdict
from streamproof.conformance.report.terminal import print_report
from streamproof.conformance.runner.result import RunResult

from .sample import TOKEN, judged, mixed_run, run_of

GOLDEN = Path(__file__).with_name("golden")


def printed(result: RunResult, *, is_quiet: bool = False, width: int = 80) -> str:
    console = Console(
        file=io.StringIO(), width=width, markup=False, highlight=False, emoji=False
    )
    print_report(result, console, is_quiet=is_quiet)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("is_quiet", [False, True])
def test_the_report_is_the_golden_file(*, is_quiet: bool) -> None:
    name = "quiet.txt" if is_quiet else "report.txt"

    assert printed(mixed_run(), is_quiet=is_quiet) == (GOLDEN / name).read_text("utf-8")


def test_failures_come_first_and_the_verdict_last() -> None:
    lines = printed(mixed_run()).splitlines()

    assert lines[0] == "FAILED heartbeat.while-silent (MUST)"
    assert lines[-1] == ("not conformant: 2 of 4 requirements failed (exit code 1)")


def test_nothing_hostile_reaches_the_terminal() -> None:
    text = printed(mixed_run())

    assert re.sub(r"\n", "", text).isprintable()
    assert TOKEN not in text
    assert "[red][redacted][/red]" in text


def test_without_colour_there_is_no_escape_sequence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    file = io.StringIO()
    console = Console(file=file, width=80, force_terminal=True)

    print_report(run_of(judged("a.b", Verdict.PASSED)), console, is_quiet=True)

    assert "\x1b[3" not in file.getvalue()


def test_with_colour_the_verdict_is_coloured() -> None:
    file = io.StringIO()
    console = Console(
        file=file,
        width=80,
        force_terminal=True,
        no_color=False,
        color_system="standard",
    )

    print_report(run_of(judged("a.b", Verdict.FAILED)), console, is_quiet=True)

    assert "\x1b[1;31mFAILED\x1b[0m a.b (MUST)" in file.getvalue()


def test_wrapped_lines_fit_into_80_columns_except_what_is_for_copying() -> None:
    lines = printed(mixed_run()).splitlines()

    too_long = [line for line in lines if len(line) > 80]
    assert all("--data-raw" in line or "\\" in line for line in too_long)


def test_a_green_run_still_shows_its_topics() -> None:
    assert "topic" in printed(run_of(judged("a.b", Verdict.PASSED)))


def test_a_run_that_judged_nothing_shows_no_table() -> None:
    nobody = run_of(judged("a.b", Verdict.UNTESTABLE, reason="no answer"))

    assert "topic" not in printed(nobody)


def test_a_narrow_terminal_is_survived() -> None:
    assert "not conformant" in printed(mixed_run(), width=10)


def test_a_narrow_terminal_gets_the_columns_that_say_something() -> None:
    result = run_of(judged("heartbeat.x", Verdict.PASSED))

    wide, narrow = printed(result), printed(result, width=60)

    assert "topic      failed  errored  untestable  warned  passed  inap" in wide
    assert "topic      passed\nheartbeat       1\nall             1\n" in narrow


def test_the_table_of_topics_is_never_cut() -> None:
    text = printed(mixed_run(), width=10)

    assert "topic      failed  errored  untestable  warned  passed  inapplic" in text
    assert "heartbeat       1        .           .       .       1          " in text
    assert "\u2026" not in text


def test_one_reason_for_everything_is_said_once_without_all_the_ids() -> None:
    result = run_of(
        *(judged(f"a.b{n}", Verdict.UNTESTABLE, reason="no answer") for n in range(9))
    )

    text = printed(result, is_quiet=True)

    assert text.count("no answer") == 1
    assert "a.b3" not in text


def test_a_run_of_the_profiles_own_figures_says_so() -> None:
    assert "profile: as written" in printed(run_of())


def test_a_run_without_a_probe_has_no_longest_one() -> None:
    result = run_of()
    object.__setattr__(result, "probe_seconds", {})

    assert "longest" not in printed(result)
