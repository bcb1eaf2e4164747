"""Dialect `chat`: frames of data alone, each with its type, content and time.

Pure: the time comes in with every call, in seconds since the epoch.
"""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ...streams import sse
from ...streams.failure import Failure
from ...streams.frame import Frame
from ...streams.json_text import to_json
from .request import CancelReason

CANCELLED = "CANCELLED"

_DATA = b"data: "


def show_retrieval_start(session: UUID, now: float) -> Frame:
    """Return the frame of a retrieval that begins, which names the session."""
    return _frame("retrieval_start", {"session_id": str(session)}, now)


def show_retrieval_complete(documents: int, now: float) -> Frame:
    """Return the frame of a retrieval that has found so many documents."""
    return _frame("retrieval_complete", {"documents": documents}, now)


def show_reranking_start(now: float) -> Frame:
    """Return the frame of a reranking that begins."""
    return _frame("reranking_start", {}, now)


def show_reranking_complete(kept: int, now: float) -> Frame:
    """Return the frame of a reranking that has kept so many documents."""
    return _frame("reranking_complete", {"kept": kept}, now)


def show_token(text: str, now: float) -> Frame:
    """Return the frame of a piece of the answer."""
    return _frame("token", text, now)


def show_done(session: UUID, tokens: int, finish_reason: str, now: float) -> Frame:
    """Return the frame of the end; it is terminal."""
    content = {
        "session_id": str(session),
        "tokens": tokens,
        "finish_reason": finish_reason,
    }
    return _frame("done", content, now, is_terminal=True)


def fail(failure: Failure, reason: CancelReason, now: float) -> Frame:
    """Return the frame of the end before the end; it is terminal.

    Args:
        failure: what happened.
        reason: told of a cancel alone.
        now: the time.
    """
    content: dict[str, object] = {
        "code": failure.code,
        "message": failure.message,
        "retryable": failure.retryable,
    }
    if failure.code == CANCELLED:
        content["reason"] = reason
    return _frame("error", content, now, is_terminal=True)


def show_heartbeat(now: float) -> bytes:
    """Return the block of a heartbeat, which has no id."""
    return _beat(_format(now))


def repeat_time(block: bytes) -> bytes:
    """Return the block of a heartbeat with the time of an event that was sent."""
    (data,) = (line for line in block.split(b"\n") if line.startswith(_DATA))
    return _beat(json.loads(data.removeprefix(_DATA))["timestamp"])


def _beat(timestamp: str) -> bytes:
    return sse.encode(to_json(_document("heartbeat", {}, timestamp)))


def _frame(
    kind: str, content: object, now: float, *, is_terminal: bool = False
) -> Frame:
    document = _document(kind, content, _format(now))
    return Frame(data=to_json(document), is_terminal=is_terminal)


def _document(kind: str, content: object, timestamp: str) -> dict[str, Any]:
    return {"type": kind, "content": content, "timestamp": timestamp}


def _format(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    return f"{moment.isoformat(timespec='milliseconds')}Z"
