"""Dialect `pipeline`: every event is a `state_delta`.

Pure. It must not know the names or the number of the nodes: the events carry them.
Errors travel as `state_delta` as well, because a browser's EventSource reserves the
event name `error` for trouble with the connection.
"""

import json
from typing import Any, assert_never

from ...streams.events import (
    NodeCompleted,
    NodeEntered,
    Position,
    RunEvent,
    RunFailed,
    TextDelta,
)
from ...streams.frame import DialectFrame

NAME = "pipeline"
PATH = "/api/generation/stream"
EVENT = "state_delta"
HEARTBEAT = DialectFrame(event="heartbeat", data="{}")

# Made once: json.dumps with options makes a new encoder for each call.
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_encode_to_ascii = json.JSONEncoder(separators=(",", ":")).encode


def render(event: RunEvent) -> DialectFrame:
    """Return the frame of one event.

    The last node's completion and every failure are terminal.
    """
    match event:
        case NodeEntered():
            return _frame("node-enter", event.at, {"status": "running"})
        case TextDelta():
            return _frame("token-stream", event.at, {"text": event.text})
        case NodeCompleted():
            delta = {"status": "complete", "output": event.output}
            is_last = event.at.is_last
            return _frame("node-complete", event.at, delta, is_terminal=is_last)
        case RunFailed():
            return _failure_frame(event)
        case _:  # pragma: no cover -- mypy proves it
            assert_never(event)


def _failure_frame(event: RunFailed) -> DialectFrame:
    failure = event.failure
    delta = {
        "status": "error",
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    retry_ms = failure.retry_ms
    return _frame("error", event.at, delta, is_terminal=True, retry_ms=retry_ms)


def _frame(
    kind: str,
    at: Position,
    delta: dict[str, Any],
    *,
    is_terminal: bool = False,
    retry_ms: int | None = None,
) -> DialectFrame:
    progress = {
        "node": at.node,
        "step": at.step,
        "total": at.total,
        "etaMs": 0 if is_terminal else at.eta_ms,
    }
    document = {"type": kind, "node": at.node, "delta": delta, "progress": progress}
    return DialectFrame(
        event=EVENT,
        data=_to_json(document),
        is_terminal=is_terminal,
        retry_ms=retry_ms,
    )


def _to_json(document: dict[str, Any]) -> str:
    text = _encode(document)
    # A provider may cut a token inside a surrogate pair. Half a pair is no UTF-8, but
    # it can travel escaped, and the client gets the character when it joins the deltas.
    if text.isascii() or _is_encodable(text):
        return text
    return _encode_to_ascii(document)


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
