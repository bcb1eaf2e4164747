"""OpenAI's chat completions: the request, and the reader of the streamed answer.

Pure; `event_stream` has split the body into events already. It must not forgive: an
answer without a finish reason that it knows, or without `[DONE]`, is cut off, and cut
off is a failure (../README.md, "Guarantees"), although most client libraries let it
pass. What it does not know as a whole it skips: services put chunks of their own kind
into the stream.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
from collections.abc import Sequence
from typing import Any

from .fault import broken
from .provider import Answer, AnswerReader, Message, Stop
from .reading import AnswerText, parse_object

_TERMINATOR = "[DONE]"
_STOPS = {
    "stop": Stop.COMPLETE,
    "length": Stop.LENGTH,
    "content_filter": Stop.FILTER,
}
# Not OpenAI's own: services that show reasoning call it the one or the other.
_REASONING = ("reasoning_content", "reasoning")


class OpenAIChat:
    """The provider."""

    path = "chat/completions"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the credential as a bearer token."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(
        self, model: str, messages: Sequence[Message], *, is_streamed: bool = True
    ) -> bytes:
        """Return the request."""
        request = {"model": model, "messages": messages, "stream": is_streamed}
        # Escaped to ASCII: an earlier answer may hold half of a surrogate pair.
        return json.dumps(request).encode()

    def unfold(self, document: dict[str, Any]) -> list[str]:
        """Return the one chunk that a completion would be, and the terminator."""
        choices = document.get("choices")
        if isinstance(choices, list):
            choices = [
                {**each, "delta": each.get("message")}
                for each in choices
                if isinstance(each, dict)
            ]
        return [json.dumps({**document, "choices": choices}), _TERMINATOR]

    def reader(self, max_chars: int) -> AnswerReader:
        """Return a `ChatStream`."""
        return ChatStream(max_chars)


class ChatStream:
    """State of one answer: the text so far, and whether it ended as it should.

    Args:
        max_chars: longest answer.
    """

    def __init__(self, max_chars: int) -> None:
        self._text = AnswerText(max_chars)
        self._finish_reason: object = None
        self._is_alive = False
        self._is_terminated = False

    @property
    def text(self) -> str:
        """Everything said so far."""
        return str(self._text)

    @property
    def is_alive(self) -> bool:
        """Whether there was text or reasoning."""
        return self._is_alive

    @property
    def is_terminated(self) -> bool:
        """Whether the terminator was seen; nothing after it counts."""
        return self._is_terminated

    def feed(self, data: str) -> str:
        """Take the data of one event and return the text in it, "" if it has none.

        Raises:
            ModelError: it is no JSON, an error of the provider, or no text.
        """
        if data == _TERMINATOR:
            self._is_terminated = True
            return ""
        if not data:
            return ""
        piece = self._read_chunk(parse_object(data))
        if piece:
            self._text.add(piece)
        return piece

    def close(self) -> Answer:
        """Return the whole answer at the end of the body.

        Raises:
            ModelError: the answer is not complete.
        """
        if not self._is_terminated:
            raise broken("expected [DONE] before the end of the stream")
        if self._finish_reason is None:
            raise broken("expected a finish reason before [DONE]")
        if not isinstance(self._finish_reason, str):
            raise broken("expected text as a finish reason")
        if self._finish_reason not in _STOPS:
            raise broken(
                f"expected a finish reason of {', '.join(_STOPS)}, got another"
            )
        return Answer(
            text=self.text,
            stop=_STOPS[self._finish_reason],
            reason=self._finish_reason,
        )

    def _read_chunk(self, chunk: dict[str, Any]) -> str:
        if chunk.get("error") is not None:
            raise broken("expected a chunk, got an error object")
        choices = chunk.get("choices")
        if not isinstance(choices, list) or not choices:
            return ""  # the chunk with the usage has none, those of other kinds no list
        choice = choices[0]
        if not isinstance(choice, dict):
            raise broken("expected an object as a choice")
        # Some services send an empty reason with every chunk: it is none.
        if choice.get("finish_reason") not in (None, ""):
            self._finish_reason = choice["finish_reason"]
        delta = choice.get("delta")
        return self._read_delta(delta) if isinstance(delta, dict) else ""

    def _read_delta(self, delta: dict[str, Any]) -> str:
        if delta.get("tool_calls") or delta.get("function_call"):
            raise broken("expected text, got a call of a tool that was not offered")
        if delta.get("refusal"):
            raise broken("expected text, got a refusal")
        content = delta.get("content")
        if content is not None and not isinstance(content, str):
            raise broken("expected text as content of a delta")
        if content or any(delta.get(name) for name in _REASONING):
            self._is_alive = True
        return content or ""
