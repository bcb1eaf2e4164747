"""Reader of an OpenAI chat completion stream: `data` of an event in, text out.

Pure; the transport has split the body into events already. It must not forgive: an
answer without its finish reason or without `[DONE]` is cut off, and cut off is a
failure (../../README.md, "guarantees"), although most client libraries let it pass.
https://platform.openai.com/docs/api-reference/chat-streaming
"""

import json
from io import StringIO
from typing import Any

_TERMINATOR = "[DONE]"


class BrokenStreamError(Exception):
    """The provider did not keep to its own protocol, or reported an error in it."""


class ChatStream:
    """State of one answer: the text so far, and whether it ended as it should.

    Args:
        max_chars: longest answer; a provider that never stops must not grow a run
            without limit.
    """

    def __init__(self, max_chars: int) -> None:
        self._max_chars = max_chars
        # A list of pieces takes twenty times their length when they are short.
        self._text = StringIO()
        self._chars = 0
        self._has_finish_reason = False
        self._is_terminated = False

    @property
    def text(self) -> str:
        """Everything said so far."""
        return self._text.getvalue()

    @property
    def is_terminated(self) -> bool:
        """Whether the terminator was seen; nothing after it counts."""
        return self._is_terminated

    def feed(self, data: str) -> str:
        """Take the data of one event and return the text in it, "" if it has none.

        Raises:
            BrokenStreamError: it is no chunk, or it is an error of the provider.
        """
        if data == _TERMINATOR:
            self._is_terminated = True
            return ""
        if not data:
            return ""
        piece = self._read_chunk(_parse(data))
        if piece:
            self._keep(piece)
        return piece

    def close(self) -> str:
        """Return the whole text at the end of the body.

        Raises:
            BrokenStreamError: the answer is not complete.
        """
        if not self._is_terminated:
            raise BrokenStreamError("expected [DONE] before the end of the stream")
        if not self._has_finish_reason:
            raise BrokenStreamError("expected a finish reason before [DONE]")
        return self.text

    def _read_chunk(self, chunk: dict[str, Any]) -> str:
        if chunk.get("error") is not None:
            raise BrokenStreamError("expected a chunk, got an error object")
        choices = chunk.get("choices")
        if not isinstance(choices, list):
            raise BrokenStreamError("expected a list of choices in a chunk")
        if not choices:  # the usage chunk has none
            return ""
        choice = choices[0]
        if not isinstance(choice, dict):
            raise BrokenStreamError("expected an object as a choice")
        if choice.get("finish_reason") is not None:
            self._has_finish_reason = True
        delta = choice.get("delta") or {}
        content = delta.get("content") if isinstance(delta, dict) else None
        if content is not None and not isinstance(content, str):
            raise BrokenStreamError("expected text as content of a delta")
        return content or ""

    def _keep(self, piece: str) -> None:
        self._chars += len(piece)
        if self._chars > self._max_chars:
            raise BrokenStreamError(f"expected at most {self._max_chars} characters")
        self._text.write(piece)


def _parse(data: str) -> dict[str, Any]:
    try:
        chunk = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BrokenStreamError("expected JSON in a chunk") from error
    if not isinstance(chunk, dict):
        raise BrokenStreamError("expected an object as a chunk")
    return chunk
