"""Dialect `pipeline`: every event is a `state_delta`.

Pure. It must not know the names or the number of the nodes: the events carry them.
Errors travel as `state_delta` as well, because a browser's EventSource reserves the
event name `error` for trouble with the connection.
"""

from typing import Any

from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.json_text import to_json
from .progress import Position


def enter_node(at: Position) -> Frame:
    """Return the frame of a node that begins."""
    return _frame("node-enter", at, {"status": "running"})


def say(at: Position, text: str) -> Frame:
    """Return the frame of one more piece of the model's answer."""
    return _frame("token-stream", at, {"text": text})


def complete_node(at: Position, output: str) -> Frame:
    """Return the frame of a node that is done; the last one's is terminal.

    Args:
        at: where the run is.
        output: everything that the model said in the node.
    """
    delta = {"status": "complete", "output": output}
    return _frame("node-complete", at, delta, is_terminal=at.is_last)


def fail(at: Position, failure: Failure) -> Frame:
    """Return the frame of the end before the end; it is terminal."""
    delta = {
        "status": "error",
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    return _frame("error", at, delta, is_terminal=True)


def _frame(
    kind: str, at: Position, delta: dict[str, Any], *, is_terminal: bool = False
) -> Frame:
    progress = {
        "node": at.node,
        "step": at.step,
        "total": at.total,
        "etaMs": 0 if is_terminal else at.eta_ms,
    }
    document = {"type": kind, "node": at.node, "delta": delta, "progress": progress}
    return Frame(event="state_delta", data=to_json(document), is_terminal=is_terminal)
