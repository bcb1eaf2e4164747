"""How far a chapter is: stage, what is being done, percent.

Pure. Percent never decreases, also when the chapter is written a second time.
"""

from dataclasses import dataclass

from .nodes import CHECK, GENERATE, MEASURE, WORKFLOW, Node

# How many characters are half of the way through writing. How long a chapter will be
# is not known: each character of the rest counts for less.
_HALF_WAY_CHARS = 1500

_PERCENT = {GENERATE: 5, CHECK: 75, MEASURE: 90, WORKFLOW: 100}
_SPAN = _PERCENT[CHECK] - _PERCENT[GENERATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a chapter is."""

    node: Node
    percent: int


class RunProgress:
    """How far one run is; it starts at 0 percent."""

    def __init__(self) -> None:
        self._percent = 0
        self._chars = 0

    def reach(self, node: Node) -> Progress:
        """Go on to a node, to the end with the workflow."""
        self._percent = max(self._percent, _PERCENT[node])
        self._chars = 0
        return Progress(node=node, percent=self._percent)

    def write(self, text: str) -> Progress | None:
        """Take a piece of the chapter; None when the percent are as before."""
        self._chars += len(text)
        done = _SPAN * self._chars // (self._chars + _HALF_WAY_CHARS)
        percent = _PERCENT[GENERATE] + done
        if percent <= self._percent:
            return None
        self._percent = percent
        return Progress(node=GENERATE, percent=percent)
