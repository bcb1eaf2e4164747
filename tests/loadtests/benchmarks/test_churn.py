"""The churn leaves as it says, and its comparison sees a byte that differs."""

from __future__ import annotations

import pytest

from streamproof.loadtests.benchmarks.churn import (
    SIDE_BY_SIDE,
    WAYS,
    Footprint,
    Report,
    churn,
    cut_and_resume,
    running,
)


def footprint(**changes: float) -> Footprint:
    figures = {"descriptors": 20, "model_sockets": 1, "mib": 100.0, "runs": 10}
    figures["counted_bytes"] = 0.0
    return Footprint(**{**figures, **changes})  # type: ignore[arg-type]  # by name


def test_a_report_tells_what_a_run_has_grown_the_server_by() -> None:
    report = Report(
        name="leaving",
        before=footprint(),
        after=footprint(
            mib=101.0, runs=1034, descriptors=23, counted_bytes=1024 * 800.0
        ),
        seconds=2.0,
        log_bytes=512.0,
        wrong=["stream a: no end"],
    )

    assert report.bytes_per_run == 1024
    assert [" ".join(line.split()) for line in report.lines()] == [
        "leaving: 1024 ended runs in 2 s",
        "sockets to the model 1 (before 1)",
        "descriptors 23 (before 20)",
        "memory, MiB 101 (before 100)",
        "bytes an ended run 1024",
        "its log 512 (2.00 times that)",
        "its count 800 (1.28 times that)",
        "wrong 1",
        "stream a: no end",
    ]


@pytest.mark.slow
async def test_every_way_is_left_and_every_start_is_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamproof.loadtests.benchmarks.churn.WARM_UP_STARTS", 9)
    with running(grace_s=0.0) as server:
        report = await churn(server, SIDE_BY_SIDE)
        states = [shown["state"] for shown in await server.streams()]

    assert len(WAYS) == 9
    assert report.wrong == []
    # Of a client that is gone before the head, the request may be as well.
    assert SIDE_BY_SIDE - 14 <= report.after.runs - report.before.runs <= SIDE_BY_SIDE
    assert states.count("completed") == 1 + SIDE_BY_SIDE // 9
    assert set(states) == {"completed", "cancelled"}


@pytest.mark.slow
async def test_pieces_of_a_stream_are_compared_with_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running(grace_s=30.0) as server:
        right = await cut_and_resume(server, 3, seed=1)
        monkeypatch.setattr(
            "streamproof.loadtests.benchmarks.churn.last_id", _id_before_the_last
        )
        wrong = await cut_and_resume(server, 3, seed=1)

    assert right is None
    assert wrong is not None


def _id_before_the_last(events: list[bytes]) -> str:
    stream, _, number = events[-1].split(b"\n")[1][4:].decode().rpartition("-")
    return f"{stream}-{max(1, int(number) - 1)}"
