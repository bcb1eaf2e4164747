"""Where a run is: stage, percent, how long the rest will take.

Pure: the time comes in with every call, in seconds of any steady clock.
"""

from collections.abc import Callable
from dataclasses import dataclass

from .stages import COMPLETE, GENERATING, STARTED, VALIDATING, Stage

# How many characters of the model are half of the way through generating. How long an
# answer will be is not known: each character of the rest counts for less.
_HALF_WAY_CHARS = 800
_SPAN = VALIDATING.progress - GENERATING.progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in the generation an event happened, and how much is left after it."""

    stage: Stage
    progress: int
    left_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """How long a stage took."""

    stage: Stage
    duration_ms: float


class RunProgress:
    """Where one run is.

    Args:
        estimate_ms: usual duration of a stage.
        estimate_after_ms: usual duration of all that follow it.
    """

    def __init__(
        self,
        estimate_ms: Callable[[Stage], float],
        estimate_after_ms: Callable[[Stage], float],
    ) -> None:
        self._estimate_ms = estimate_ms
        self._estimate_after_ms = estimate_after_ms
        self._stage = STARTED
        self._progress = STARTED.progress
        self._entered_at: float | None = None
        self._chars = 0
        self._finished: list[Finished] = []

    def enter(self, stage: Stage, now: float) -> Position:
        """Go on to a stage; the one before it is finished."""
        self._finish(now)
        self._stage = stage
        self._progress = stage.progress
        self._entered_at = now
        if stage is COMPLETE:
            self._finish(now)
        return self.locate(now)

    def say(self, text: str, now: float) -> Position | None:
        """Take a piece of the model's answer; None when the progress is as before."""
        self._chars += len(text)
        done = _SPAN * self._chars // (self._chars + _HALF_WAY_CHARS)
        progress = GENERATING.progress + done
        if progress == self._progress:
            return None
        self._progress = progress
        return self.locate(now)

    def locate(self, now: float) -> Position:
        """Return where the run is."""
        left_ms = self._estimate_after_ms(self._stage)
        if self._entered_at is not None:
            spent_ms = (now - self._entered_at) * 1000
            left_ms += max(0.0, self._estimate_ms(self._stage) - spent_ms)
        return Position(
            stage=self._stage, progress=self._progress, left_ms=round(left_ms)
        )

    def take_finished(self) -> list[Finished]:
        """Return the stages that were finished since the last call."""
        finished, self._finished = self._finished, []
        return finished

    def _finish(self, now: float) -> None:
        if self._entered_at is not None:
            duration_ms = (now - self._entered_at) * 1000
            self._finished.append(Finished(stage=self._stage, duration_ms=duration_ms))
            self._entered_at = None
