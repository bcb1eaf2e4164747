"""The exit code is the worst that happened, and green only for something judged."""

import pytest

from streamproof.conformance.model import Judgement, Verdict
from streamproof.conformance.runner.result import ExitCode, RunResult

from .sample import requirement

PASSED, FAILED, WARNED, INAPPLICABLE, UNTESTABLE, ERRORED = Verdict


def result(*verdicts: Verdict) -> RunResult:
    return RunResult(
        profile="sample",
        target="http://127.0.0.1:1",
        seed=0,
        settings=(),
        started="2026-01-02T03:04:05+00:00",
        seconds=1.0,
        probe_seconds={},
        judgements=tuple(
            Judgement(requirement=requirement(f"a.b{n}"), verdict=verdict)
            for n, verdict in enumerate(verdicts)
        ),
        evidence={},
    )


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ((PASSED, INAPPLICABLE), ExitCode.CONFORMANT),
        ((WARNED,), ExitCode.CONFORMANT),
        ((PASSED, FAILED), ExitCode.NOT_CONFORMANT),
        ((FAILED, ERRORED, UNTESTABLE), ExitCode.NOT_CONFORMANT),
        ((PASSED, ERRORED, UNTESTABLE), ExitCode.HARNESS_ERROR),
        ((PASSED, UNTESTABLE), ExitCode.INCOMPLETE),
        ((UNTESTABLE,), ExitCode.INCOMPLETE),
        ((INAPPLICABLE,), ExitCode.INCOMPLETE),
        ((), ExitCode.INCOMPLETE),
    ],
)
def test_the_worst_verdict_decides_the_exit_code(
    verdicts: tuple[Verdict, ...], code: ExitCode
) -> None:
    assert result(*verdicts).exit_code is code


def test_verdicts_are_counted() -> None:
    assert result(PASSED, PASSED, FAILED).totals == {PASSED: 2, FAILED: 1}


def test_judged_is_what_has_a_verdict_on_the_target() -> None:
    assert result(PASSED, FAILED, WARNED, INAPPLICABLE, UNTESTABLE, ERRORED).judged == 3


def test_the_numbers_of_the_exit_codes_never_change() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4]
