"""The suite as its users run it: as a command, against whole servers it starts."""

import json
import os
import secrets
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
FAKES = f"{BIN}/streamproof-fakes --port {{port}}"

# Findings 1 and 4 of failure-modes.md, and silence.
NAIVE_FAULTS = {
    "cancellation.fin-before-headers",
    "cancellation.fin-midstream",
    "cancellation.rst-before-first-token",
    "cancellation.no-tokens-after",
    "errors.dropped-fin",
    "heartbeat.before-first-token",
    "heartbeat.mid-stream",
}


def run(tmp_path: Path, *arguments: str, **environment: str) -> tuple[int, Any]:
    """Run `streamproof run`; return its exit code and its JSON report."""
    report = tmp_path / "report.json"
    command = [str(BIN / "streamproof"), "run", *arguments, "--json", str(report)]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environment,
    )
    if not report.exists():
        raise AssertionError(done.stderr)
    return done.returncode, json.loads(report.read_text("utf-8"))


def verdicts(report: Mapping[str, Any]) -> dict[str, str]:
    return {each["id"]: each["verdict"] for each in report["judgements"]}


@pytest.mark.slow
def test_the_reference_server_is_conformant(tmp_path: Path) -> None:
    server = (
        f"{BIN}/streamproof-server --port {{port}} --upstream-url {{upstream}}/v1"
        " --heartbeat-s 0.3 --resume-grace-s 0.5"
        " --upstream-first-token-timeout-s 5 --upstream-total-timeout-s 5"
    )

    code, report = run(
        tmp_path,
        *("--profile", "pipeline", "--start", server, "--start-upstream", FAKES),
        *("--token-secret-env", "STREAMPROOF_SERVER_JWT_SECRET"),
        *("--set", "heartbeat.interval_s=0.3", "--set", "cancel.grace_s=0.5"),
        *("--set", "errors.timeout_s=5", "--strict"),
        STREAMPROOF_SERVER_JWT_SECRET=secrets.token_urlsafe(48),
        STREAMPROOF_SERVER_UPSTREAM_KEY="any",
    )

    found = verdicts(report)
    counts = Counter(found.values())
    # What the profile does not declare is all that may be left out.
    assert {k: v for k, v in found.items() if v not in ("passed", "inapplicable")} == {}
    assert counts["passed"] > 150
    assert code == 0


@pytest.mark.slow
def test_the_usual_langgraph_server_is_found_out(tmp_path: Path) -> None:
    server = f"{sys.executable} {HERE}/naive_server.py {{port}} {{upstream}}/v1"
    selected = [option for each in sorted(NAIVE_FAULTS) for option in ("--only", each)]

    code, report = run(
        tmp_path,
        *("--profile", str(HERE / "naive.toml")),
        *("--start", server, "--start-upstream", FAKES),
        *("--only", "framing.data-is-json", *selected),
    )

    found = verdicts(report)
    assert {id_ for id_, verdict in found.items() if verdict == "failed"} == (
        NAIVE_FAULTS
    )
    assert found["framing.data-is-json"] == "passed"
    assert code == 1
