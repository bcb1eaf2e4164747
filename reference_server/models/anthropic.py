"""Anthropic's messages: the request, and the reader of the streamed answer.

Pure; `event_stream` has split the body into events already. After `message_start` come
blocks of content, `message_delta` with the stop reason, `message_stop`; without that
end, or without a stop reason that is known, an answer is cut off. A `ping` says no more
than a comment, and events, blocks and deltas of other types are skipped.
https://docs.anthropic.com/en/docs/build-with-claude/streaming
"""

import json
from collections.abc import Sequence
from typing import Any

from .fault import broken
from .provider import Answer, AnswerReader, Message, Stop
from .reading import AnswerText, object_in, parse_object, text_in

_VERSION = "2023-06-01"
_STOPS = {
    "end_turn": Stop.COMPLETE,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
}


class Anthropic:
    """The provider.

    Args:
        max_tokens: longest answer in tokens, which the service wants to be told.
    """

    path = "messages"

    def __init__(self, *, max_tokens: int) -> None:
        self._max_tokens = max_tokens

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the version of the interface, and the credential."""
        version = {"anthropic-version": _VERSION}
        return {**version, "x-api-key": key} if key else version

    def body(
        self, model: str, messages: Sequence[Message], *, is_streamed: bool = True
    ) -> bytes:
        """Return the request, with what the system says apart from the messages."""
        said = [message for message in messages if message["role"] != "system"]
        system = [each["content"] for each in messages if each["role"] == "system"]
        request: dict[str, object] = {
            "model": model,
            "max_tokens": self._max_tokens,
            "messages": said,
            "stream": is_streamed,
        }
        if system:
            request["system"] = "\n\n".join(system)
        # Escaped to ASCII: an earlier answer may hold half of a surrogate pair.
        return json.dumps(request).encode()

    def unfold(self, document: dict[str, Any]) -> list[str]:
        """Return the events of each block of a message, and of its end."""
        blocks = document.get("content")
        events: list[dict[str, Any]] = [
            {"type": "content_block_start", "content_block": block}
            for block in (blocks if isinstance(blocks, list) else [])
        ]
        reason = {"stop_reason": document.get("stop_reason")}
        events += [{"type": "message_delta", "delta": reason}, {"type": "message_stop"}]
        return [json.dumps(event) for event in events]

    def reader(self, max_chars: int) -> AnswerReader:
        """Return a `MessageStream`."""
        return MessageStream(max_chars)


class MessageStream:
    """State of one answer: the text so far, and whether it ended as it should.

    Args:
        max_chars: longest answer.
    """

    def __init__(self, max_chars: int) -> None:
        self._text = AnswerText(max_chars)
        self._stop_reason: object = None
        self._is_alive = False
        self._is_terminated = False

    @property
    def is_alive(self) -> bool:
        """Whether there was text or reasoning."""
        return self._is_alive

    @property
    def is_terminated(self) -> bool:
        """Whether `message_stop` was seen; nothing after it counts."""
        return self._is_terminated

    def feed(self, data: str) -> str:
        """Take the data of one event and return the text in it, "" if it has none.

        Raises:
            ModelError: it is no JSON, an error of the provider, or no text.
        """
        piece = self._read(parse_object(data)) if data else ""
        if piece:
            self._is_alive = True
            self._text.add(piece)
        return piece

    def close(self) -> Answer:
        """Return the whole answer at the end of the body.

        Raises:
            ModelError: the answer is not complete.
        """
        if not self._is_terminated:
            raise broken("expected message_stop before the end of the stream")
        if not isinstance(self._stop_reason, str):
            raise broken("expected a stop reason before message_stop")
        if self._stop_reason not in _STOPS:
            raise broken(f"expected a stop reason of {', '.join(_STOPS)}, got another")
        return Answer(
            text=str(self._text),
            stop=_STOPS[self._stop_reason],
            reason=self._stop_reason,
        )

    def _read(self, event: dict[str, Any]) -> str:
        match event.get("type"):
            case "content_block_start":
                return self._open_block(object_in(event, "content_block"))
            case "content_block_delta":
                return self._read_delta(object_in(event, "delta"))
            case "message_delta":
                self._note_stop(object_in(event, "delta"))
            case "message_stop":
                self._is_terminated = True
            case "error":
                raise broken("expected an answer, got an error event")
        return ""

    def _open_block(self, block: dict[str, Any]) -> str:
        kind = block.get("type")
        if kind == "text":
            return text_in(block, "text")
        if isinstance(kind, str) and kind.endswith("tool_use"):
            raise broken("expected text, got a call of a tool that was not offered")
        if kind in ("thinking", "redacted_thinking"):
            # Of reasoning that is not shown the service tells no more than this.
            self._is_alive = True
        return ""

    def _read_delta(self, delta: dict[str, Any]) -> str:
        if delta.get("type") == "text_delta":
            return text_in(delta, "text")
        if delta.get("type") == "thinking_delta" and delta.get("thinking"):
            self._is_alive = True
        return ""

    def _note_stop(self, delta: dict[str, Any]) -> None:
        if delta.get("stop_reason") is not None:
            self._stop_reason = delta["stop_reason"]
