"""How far a chapter is: stage, what is being done, percent.

Pure. Percent never decreases, also when the chapter is written a second time.
"""

from dataclasses import dataclass

from .nodes import CHECK, GENERATE, MEASURE, WORKFLOW, Node

# How many characters are half of the way through writing. How long a chapter will be
# is not known: each character of the rest counts for less.
_HALF_WAY_CHARS = 1500

_WAITING = "The storyteller is busy, one moment"

_PERCENT = {GENERATE: 5, CHECK: 75, MEASURE: 90, WORKFLOW: 100}
_SPAN = _PERCENT[CHECK] - _PERCENT[GENERATE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a chapter is, and what a reader is told of it."""

    node: Node
    description: str
    percent: int


class RunProgress:
    """How far one run is; it starts at 0 percent."""

    def __init__(self) -> None:
        self._node = WORKFLOW
        self._percent = 0
        self._chars = 0

    def reach(self, node: Node) -> Progress:
        """Go on to a node, to the end with the workflow."""
        self._node = node
        self._percent = max(self._percent, _PERCENT[node])
        self._chars = 0
        return self._locate(node.description)

    def write(self, text: str) -> Progress | None:
        """Take a piece of the chapter; None when the percent are as before."""
        self._chars += len(text)
        done = _SPAN * self._chars // (self._chars + _HALF_WAY_CHARS)
        percent = _PERCENT[GENERATE] + done
        if percent <= self._percent:
            return None
        self._percent = percent
        return self._locate(GENERATE.description)

    def wait(self) -> Progress:
        """Wait for the model, which is to be asked again."""
        return self._locate(_WAITING)

    def _locate(self, description: str) -> Progress:
        return Progress(node=self._node, description=description, percent=self._percent)
