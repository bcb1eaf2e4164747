"""The outcome of one run of the suite and the exit code it means. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from ..model import Evidence, Judgement, Verdict


class ExitCode(IntEnum):
    """What the process tells its caller (design.md, Verdicts)."""

    CONFORMANT = 0
    NOT_CONFORMANT = 1
    USAGE = 2
    INCOMPLETE = 3
    HARNESS_ERROR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything a report shows.

    Attributes:
        profile: name of the profile that was checked.
        target: base URL of the target.
        seed: what the probes' users, keys and texts were derived from.
        settings: `key=value` overrides of the profile, as given.
        started: wall-clock start, ISO 8601 in UTC.
        seconds: how long the whole run took.
        probe_seconds: how long each probe took.
        judgements: one for every selected requirement, in catalogue order.
        evidence: what each probe brought back, for transcripts and reproduction.
        is_selection: only some of the suite's requirements were asked for.
        is_interrupted: a signal ended the run; what was not judged is untestable.
    """

    profile: str
    target: str
    seed: int
    settings: tuple[str, ...]
    started: str
    seconds: float
    probe_seconds: Mapping[str, float]
    judgements: tuple[Judgement, ...]
    evidence: Mapping[str, Evidence]
    is_selection: bool = False
    is_interrupted: bool = False

    @property
    def totals(self) -> Counter[Verdict]:
        """How many requirements got each verdict."""
        return Counter(judgement.verdict for judgement in self.judgements)

    @property
    def judged(self) -> int:
        """How many requirements were really judged, whatever came out."""
        totals = self.totals
        return sum(totals[v] for v in (Verdict.PASSED, Verdict.WARNED, Verdict.FAILED))

    @property
    def exit_code(self) -> ExitCode:
        """The worst that happened; green only if something was really judged."""
        totals = self.totals
        if totals[Verdict.FAILED]:
            return ExitCode.NOT_CONFORMANT
        if totals[Verdict.ERRORED]:
            return ExitCode.HARNESS_ERROR
        if totals[Verdict.UNTESTABLE] or not self.judged:
            return ExitCode.INCOMPLETE
        return ExitCode.CONFORMANT
