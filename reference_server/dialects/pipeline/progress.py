"""Where a run is, and how long the rest will take by what earlier runs took.

Pure: the time comes in with every call, in seconds of any steady clock.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from .nodes import Node

# Three durations are the least that a median can shrug off one outlier with; thirty-two
# follow a change of model within a few dozen runs.
_ENOUGH = 3
_KEPT = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in the pipeline an event happened, and how much is left after it."""

    node: str
    step: int
    total: int
    eta_ms: int

    @property
    def is_last(self) -> bool:
        """Whether no node follows this one."""
        return self.step == self.total


class NodeDurations:
    """How long each node took in recent runs; shared by all runs."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._kept: list[deque[float]] = [deque(maxlen=_KEPT) for _ in nodes]
        self._estimates_ms = [float(node.default_ms) for node in nodes]

    def record(self, step: int, duration_s: float) -> None:
        """Remember how long step `step` (from 1) took."""
        kept = self._kept[step - 1]
        kept.append(duration_s * 1000)
        if len(kept) >= _ENOUGH:
            self._estimates_ms[step - 1] = sorted(kept)[len(kept) // 2]

    def estimate_ms(self, step: int) -> float:
        """Return the usual duration of one step."""
        return self._estimates_ms[step - 1]

    def estimate_after_ms(self, step: int) -> float:
        """Return the usual duration of all steps that follow."""
        return sum(self._estimates_ms[step:])


class RunProgress:
    """Where one run is.

    A run is in one node at a time: `enter`, `complete`, and from the start again. It
    can be located at any moment after the first `enter`.
    """

    def __init__(self, nodes: Sequence[Node], durations: NodeDurations) -> None:
        self._nodes = nodes
        self._durations = durations
        self._step = 0
        self._entered_at = 0.0
        self._left_after_ms = 0.0
        self._is_in_node = False

    def enter(self, now: float) -> Position:
        """Go on to the next node."""
        self._step += 1
        self._entered_at = now
        # Taken once per node: the sum is not worth computing for every token.
        self._left_after_ms = self._durations.estimate_after_ms(self._step)
        self._is_in_node = True
        return self.locate(now)

    def complete(self, now: float) -> Position:
        """Leave the node; how long it took counts for later estimates."""
        self._durations.record(self._step, now - self._entered_at)
        self._is_in_node = False
        return self.locate(now)

    def locate(self, now: float) -> Position:
        """Return where the run is."""
        left_ms = self._left_after_ms
        if self._is_in_node:
            spent_ms = (now - self._entered_at) * 1000
            left_ms += max(0.0, self._durations.estimate_ms(self._step) - spent_ms)
        return Position(
            node=self._nodes[self._step - 1].name,
            step=self._step,
            total=len(self._nodes),
            eta_ms=round(left_ms),
        )
