"""Both contestants do what is asked of them; how fast they are is not tested."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamproof.loadtests.benchmarks import server
from streamproof.loadtests.benchmarks.contest import Case
from streamproof.loadtests.benchmarks.contestants import Script
from streamproof.loadtests.benchmarks.server_contestants import STEPS

BRIEF = replace(
    server.paced(3),
    script=Script(tokens=40, first_ms=20, each_ms=20),
    spread_s=0.0,
    settle_s=0.5,
    window_s=1.0,
)


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_contestant_relays_what_the_model_says(number: int) -> None:
    contestant = server.contestants()[number]

    figures = server.run(contestant, BRIEF)

    # 50 tokens a second; a machine that is busy may take some of them.
    assert 10 < figures["frames_per_s_and_stream"] < 60
    assert figures["streams_silent"] == 0
    assert figures["first_late_p99_ms"] >= figures["first_late_p50_ms"] > 0
    assert figures["server_us_per_frame"] > 0


@pytest.mark.parametrize("case", [part.case for part in server.parts(1, 1)])
def test_no_stream_ends_inside_the_window(case: Case) -> None:
    call_s = (case.script.first_ms + case.script.tokens * case.script.each_ms) / 1000

    assert STEPS * call_s > case.spread_s + case.settle_s + case.window_s
