"""What happens during a run, as values: all that a live reporter ever sees."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Judgement
from .plan import Plan
from .result import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The plan is made and the first probe is about to start."""

    plan: Plan
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinished:
    """One probe came back after `seconds`; it ran `attempts` times."""

    name: str
    seconds: float
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One requirement has its verdict."""

    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePassed:
    """The run has been going on for `seconds`; said also when nothing happens."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Everything is judged, or the run was interrupted and all is said."""

    result: RunResult


RunEvent = RunStarted | ProbeFinished | Judged | TimePassed | RunFinished
