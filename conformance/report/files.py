"""Writes reports to disk, in every format, and the transcripts of what failed.

Holds no format: those are in `formats` and `streamproof.conformance.wire`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from ..errors import HarnessError, UsageError
from ..model import Exchange, Verdict
from ..runner.result import RunResult
from .formats import FORMATS
from .wording import exchange_of

_SHOWN = (Verdict.FAILED, Verdict.WARNED)


def expect_writable(path: Path) -> None:
    """Make the folder of a report to come; raise `UsageError` if it cannot be written.

    Called before the run, so that no user waits for a report that then has no place.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(_not_writable(path, problem)) from problem
    target = path if path.exists() else path.parent
    if path.is_dir() or not os.access(target, os.W_OK):
        number = errno.EISDIR if path.is_dir() else errno.EACCES
        reason = OSError(number, os.strerror(number))
        raise UsageError(_not_writable(path, reason))


def expect_apart(outputs: Mapping[str, Path], inputs: Mapping[str, Path]) -> None:
    """Refuse two reports on one path, and a report on what the run reads.

    Keys are what to call each path. Raises `UsageError`.
    """
    taken = {path.resolve(): name for name, path in inputs.items()}
    for name, path in outputs.items():
        other = taken.setdefault(path.resolve(), name)
        if other != name:
            raise UsageError(
                f"expected a path of its own for {name}, got that of {other}: {path}"
            )


def write(path: Path, text: str) -> None:
    """Write a report to `path`, making its folder.

    Raises `HarnessError` where that is not possible: before the run it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as problem:
        raise HarnessError(_not_writable(path, problem)) from problem


def _not_writable(path: Path, problem: OSError) -> str:
    reason = (problem.strerror or str(problem)).lower()
    if isinstance(problem, FileExistsError):  # of the folder that was to be made
        reason = f"{path.parent} is no folder"
    return f"cannot write the report to {path}: {reason}"


def files_of_folder(folder: Path, profile: str) -> dict[str, Path]:
    """Return the reports of a report folder by the names of their formats."""
    return {name: folder / f"{profile}{each.suffix}" for name, each in FORMATS.items()}


def write_report_folder(
    folder: Path, result: RunResult, secrets: Collection[str]
) -> Path | None:
    """Write `<profile>.<suffix>` in every format, and the transcripts of what failed.

    Returns the folder of the transcripts, None if nothing failed in an exchange. Those
    of an earlier run are removed, so that none is taken for one of this run.
    """
    for name, path in files_of_folder(folder, result.profile).items():
        write(path, FORMATS[name].to_text(result))
    transcripts = folder / f"{result.profile}-transcripts"
    for stale in transcripts.glob("*.jsonl"):
        stale.unlink()
    written = False
    for name, exchange in failing_exchanges(result):
        write(transcripts / name, exchange.transcript.to_jsonl(secrets))
        written = True
    return transcripts if written else None


def failing_exchanges(result: RunResult) -> Iterator[tuple[str, Exchange]]:
    """Yield each exchange with a finding once, with the file name for it."""
    seen: set[str] = set()
    for judgement in result.judgements:
        if judgement.verdict not in _SHOWN:
            continue
        for finding in judgement.findings:
            exchange = exchange_of(finding, result)
            name = _file_name(finding.probe, finding.exchange)
            if exchange is not None and name not in seen:
                seen.add(name)
                yield name, exchange


def _file_name(probe: str, label: str) -> str:
    # Both are ours, but a label never may name another folder.
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{probe}--{label}") + ".jsonl"
