"""Progress is one changing line on a terminal and a few plain ones in a log."""

import io

from streamproof.conformance import profiles
from streamproof.conformance.model import Verdict
from streamproof.conformance.report.progress import (
    ChangingLine,
    PlainLines,
    Reporter,
    WarningsOnly,
)
from streamproof.conformance.runner.events import (
    Judged,
    ProbeFinished,
    RunEvent,
    RunFinished,
    RunStarted,
    TimePassed,
)
from streamproof.conformance.runner.plan import Plan

from .sample import judged, requirement, run_of

NAMES = [f"probe-{n}" for n in range(8)]


def events() -> list[RunEvent]:
    plan = Plan(
        profile=profiles.load("pipeline"),
        selected=(requirement("a.b"), requirement("a.c")),
        undeclared={},
        probes=tuple(NAMES),
    )
    return [
        RunStarted(plan=plan, target="http://x\x1b[2J"),
        ProbeFinished(name="probe-0", seconds=1.0, attempts=1),
        Judged(judgement=judged("a.b", Verdict.FAILED)),
        *(ProbeFinished(name=name, seconds=1.0, attempts=1) for name in NAMES[1:]),
        Judged(judgement=judged("a.c", Verdict.PASSED)),
        RunFinished(result=run_of()),
    ]


def tell_all(reporter: Reporter) -> None:
    for event in events():
        reporter.tell(event)
    reporter.close()


def test_a_log_gets_a_line_at_the_start_and_one_for_each_quarter() -> None:
    log = io.StringIO()

    tell_all(PlainLines(log))

    opening, *lines = log.getvalue().splitlines()
    assert opening == (
        "checking http://x\\x1b[2J against pipeline: "
        "2 requirements, 8 probes side by side"
    )
    assert lines == [
        "2/8 probes, 1/2 judged, 1 failed",
        "4/8 probes, 1/2 judged, 1 failed",
        "6/8 probes, 1/2 judged, 1 failed, waiting for probe-6, probe-7",
        "8/8 probes, 2/2 judged, 1 failed",
    ]


def test_a_terminal_gets_one_line_again_and_again_and_is_left_clean() -> None:
    screen = io.StringIO()

    tell_all(ChangingLine(screen, columns=80))

    _, *lines = screen.getvalue().split("\r\x1b[2K")
    assert lines[0] == "0/8 probes, 0/2 judged, 0 failed"
    assert lines[-2] == "8/8 probes, 2/2 judged, 1 failed"
    assert lines[-1] == ""


def test_a_terminal_sees_the_time_pass_while_a_probe_is_silent() -> None:
    screen = io.StringIO()
    reporter = ChangingLine(screen, columns=80)
    reporter.tell(events()[0])

    for seconds in (1.02, 61.9):
        reporter.tell(TimePassed(seconds=seconds))

    *_, before, after = screen.getvalue().split("\r\x1b[2K")
    assert before == "0/8 probes, 0/2 judged, 0 failed, 1 s"
    assert after == "0/8 probes, 0/2 judged, 0 failed, 61 s"


def test_a_log_gets_a_line_after_half_a_minute_of_silence_and_no_sooner() -> None:
    log = io.StringIO()
    reporter = PlainLines(log)
    first, *others = events()
    reporter.tell(first)

    for second in range(1, 46):
        reporter.tell(TimePassed(seconds=second))
    for event in others[:3]:  # the first quarter is done
        reporter.tell(event)
    for second in range(46, 80):
        reporter.tell(TimePassed(seconds=second))

    assert log.getvalue().splitlines()[1:] == [
        "0/8 probes, 0/2 judged, 0 failed, 30 s",
        "2/8 probes, 1/2 judged, 1 failed, 45 s",
        "2/8 probes, 1/2 judged, 1 failed, 75 s",
    ]


def test_the_line_never_fills_the_last_column() -> None:
    screen = io.StringIO()

    tell_all(ChangingLine(screen, columns=20))

    _, *lines = screen.getvalue().split("\r\x1b[2K")
    assert max(map(len, lines)) == 19


def test_a_warning_stands_above_the_changing_line() -> None:
    screen = io.StringIO()
    reporter = ChangingLine(screen, columns=80)

    reporter.warn("no answer")

    assert screen.getvalue() == "\r\x1b[2Kwarning: no answer\n"


def test_a_log_shows_a_warning_as_a_line() -> None:
    log = io.StringIO()

    PlainLines(log).warn("no answer")

    assert log.getvalue() == "warning: no answer\n"


def test_a_quiet_run_says_nothing_but_warnings() -> None:
    log = io.StringIO()
    reporter = WarningsOnly(log)

    tell_all(reporter)
    reporter.warn("no answer")

    assert log.getvalue() == "warning: no answer\n"
