"""The bounded log of anomalies."""

from __future__ import annotations

from streamproof.conformance.wire.anomalies import Anomaly, AnomalyKind, AnomalyLog


def test_the_log_keeps_its_limit_and_counts_the_rest() -> None:
    log = AnomalyLog(limit=2)
    for at in range(5):
        log.add(AnomalyKind.BAD_RETRY, at, at + 1, "x")

    assert log.found == [
        Anomaly(kind=AnomalyKind.BAD_RETRY, start=0, end=1, detail="x"),
        Anomaly(kind=AnomalyKind.BAD_RETRY, start=1, end=2, detail="x"),
    ]
    assert log.omitted == 3
