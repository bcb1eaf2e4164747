"""One hand-made run with every verdict and with hostile bytes in it."""

from streamproof.conformance.model import (
    Evidence,
    Exchange,
    Finding,
    Judgement,
    Level,
    Request,
    Requirement,
    Verdict,
)
from streamproof.conformance.runner.result import RunResult
from streamproof.conformance.wire import Chunk, Ending, EndingKind, Transcript

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyLTEifQ.c2lnbmF0dXJl"

STREAM = Exchange(
    label="stream",
    user="user-1",
    request=Request(
        method="POST",
        path="/stream",
        headers=(
            ("Host", "127.0.0.1:8000"),
            ("Authorization", "Bearer $TOKEN"),
            ("Content-Type", "application/json"),
        ),
        body=b'{"prompt": "[[fake:stall after=2 ms=1050 call=K-1]] it\'s"}',
    ),
    transcript=Transcript(
        started_at=100.0,
        status=200,
        headers=(("Set-Cookie", "session=4711"),),
        chunks=(
            Chunk(at=100.1, data=f"data: {TOKEN}\n\n".encode()),
            Chunk(at=100.2, data=b"data: \x1b[2J\xff\n\n"),
        ),
        ending=Ending(kind=EndingKind.CLEAN, at=101.0),
    ),
)
RESUMED = Exchange(
    label="resumed/../x",
    user="user-1",
    request=Request(method="GET", path="/stream?after=3"),
    transcript=Transcript(
        started_at=101.0,
        ending=Ending(kind=EndingKind.NOT_CONNECTED, at=101.0),
    ),
)


def requirement(
    id_: str, level: Level = Level.MUST, probe: str = "silent"
) -> Requirement:
    return Requirement(
        id=id_,
        level=level,
        rule=f"the rule of {id_} is that a quiet stream says\nthat it is alive",
        source="https://www.rfc-editor.org/rfc/rfc9110#section-7.8",
        remedy="send a comment on a timer of its own, from the moment the head is out",
        probes=(probe,),
    )


def judged(
    id_: str,
    verdict: Verdict,
    *findings: Finding,
    reason: str = "",
    samples: tuple[float, ...] = (),
    level: Level = Level.MUST,
) -> Judgement:
    return Judgement(
        requirement=requirement(id_, level),
        verdict=verdict,
        findings=findings,
        reason=reason,
        samples=samples,
    )


def run_of(*judgements: Judgement, settings: tuple[str, ...] = ()) -> RunResult:
    return RunResult(
        profile="sample",
        target="http://127.0.0.1:8000",
        seed=7,
        settings=settings,
        started="2026-01-02T03:04:05+00:00",
        seconds=3.25,
        probe_seconds={"silent": 3.0, "paced": 1.0},
        judgements=judgements,
        evidence={
            "silent": Evidence(probe="silent", exchanges=(STREAM, RESUMED)),
            "paced": Evidence(probe="paced", missing="no fake provider"),
        },
    )


def mixed_run() -> RunResult:
    """Return a run in which every verdict occurs."""
    late = Finding(
        expected="a heartbeat at least every 300 ms",
        got="none for 1012 ms",
        probe="silent",
        exchange="stream",
        offset=68,
        at_s=1.0124,
        timed=True,
    )
    hostile = Finding(
        expected="ASCII",
        got=f"\x1b[2J\x00\ud800\u202e]]> & <b> [red]{TOKEN}[/red]",
        probe="silent",
        exchange="resumed/../x",
    )
    bare = Finding(expected="a status", got="none", probe="silent")
    return run_of(
        judged("heartbeat.while-silent", Verdict.FAILED, late, samples=(0.3, 1.012)),
        judged("heartbeat.no-id", Verdict.PASSED, samples=(0.002,)),
        judged("fields.ascii", Verdict.FAILED, hostile, bare, bare, bare, bare),
        judged("fields.short", Verdict.WARNED, bare, level=Level.SHOULD),
        judged("limits.exact", Verdict.UNTESTABLE, reason="no fake provider answers"),
        judged(
            "limits.slot-back", Verdict.UNTESTABLE, reason="no fake provider answers"
        ),
        judged("resume.gapless", Verdict.ERRORED, reason="late by 120 ms\x07"),
        judged(
            "auth.expiry",
            Verdict.INAPPLICABLE,
            reason="the profile does not declare 'auth.expiry'",
        ),
        settings=("heartbeat.interval_s=0.3", "cancel.grace_s=0.5"),
    )
