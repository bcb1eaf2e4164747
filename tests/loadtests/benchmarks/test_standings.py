"""What the rounds come to, and what is said beside it."""

from collections.abc import Mapping

import pytest
from rich.console import Console

from streamproof.loadtests.benchmarks.contest import Case
from streamproof.loadtests.benchmarks.contestants import Contestant, Script
from streamproof.loadtests.benchmarks.standings import (
    Part,
    Row,
    Series,
    document,
    remarks,
    table,
)

CASE = Case(
    name="few streams",
    script=Script(tokens=1),
    streams=1,
    spread_s=0,
    settle_s=0,
    window_s=1,
)
PART = Part(
    case=CASE,
    rounds=3,
    rows=(Row(figure="gap_ms", heading="gap, ms", digits=1),),
    wanted={"gap_ms": "<= 30"},
)
QUIET = {
    "client_lag_p99_ms": 1.0,
    "client_cpu": 50.0,
    "foreign_cpu": 3.0,
    "load_1min": 1,
}


def series(
    name: str,
    *gaps: float,
    failure: str | None = None,
    other: Mapping[str, float] | None = None,
) -> Series:
    rounds = [{**QUIET, **(other or {}), "gap_ms": gap} for gap in gaps]
    return Series(case=CASE.name, contestant=name, rounds=rounds, failure=failure)


def shown(*found: Series) -> str:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table(PART, found))
    return capture.get()


def test_the_table_shows_medians_and_what_is_wanted() -> None:
    text = shown(series("ours", 20, 1000, 30), series("theirs", 7))

    assert "few streams (3 rounds, load average 1.0 to 1.0)" in " ".join(text.split())
    assert [line.split() for line in text.splitlines() if "gap" in line] == [
        ["gap,", "ms", "(<=", "30)", "30.0", "7.0"]
    ]


@pytest.mark.parametrize(
    ("figures", "marks"),
    [
        ({}, ""),
        ({"client_lag_p99_ms": 6}, "*"),
        ({"client_cpu": 91}, "*"),
        ({"foreign_cpu": 21}, "!"),
        ({"foreign_cpu": 21, "client_cpu": 91}, "*!"),
    ],
)
def test_figures_that_are_not_the_servers_alone_are_marked(
    figures: dict[str, float], marks: str
) -> None:
    head, _, _ = shown(series("ours", 1, other=figures)).partition("───")

    assert head.split()[-1] == (marks or "ours")


def test_a_contestant_without_rounds_has_failed_in_the_table_too() -> None:
    assert "failed" in shown(series("theirs", failure="no"))


def test_who_is_missing_or_failed_is_said_with_the_reason() -> None:
    found = [series("ours", 1), series("theirs", 1, failure="gave up")]

    assert list(remarks(found, {"other": "no node"})) == [
        "other was not measured: no node",
        "theirs at few streams failed after 1 rounds: gave up",
    ]


def test_marks_are_explained_where_there_are_any() -> None:
    late = series("ours", 1, other={"client_lag_p99_ms": 6})
    disturbed = series("theirs", 1, other={"foreign_cpu": 21})

    assert [remark[0] for remark in remarks([late, disturbed], {})] == ["*", "!"]
    assert not list(remarks([series("ours", 1)], {}))


def test_streams_that_said_nothing_are_told() -> None:
    found = [
        series("ours", 1, other={"streams_silent": 0}),
        series("theirs", 1, other={"streams_silent": 9}),
    ]

    (remark,) = remarks(found, {})

    assert remark.startswith("theirs at few streams: 9 streams had said nothing")


def test_the_document_holds_every_round_and_version() -> None:
    contestant = Contestant(name="ours", version="1.2", command=lambda *_: [])

    found = document([contestant], [series("ours", 1, 2)])

    assert found["versions"] == {"ours": "1.2"}
    assert found["series"] == [
        {
            "case": "few streams",
            "server": "ours",
            "rounds": [{**QUIET, "gap_ms": 1}, {**QUIET, "gap_ms": 2}],
            "failure": None,
        }
    ]
