"""OpenAI's responses: the request, and the reader of the streamed answer.

Pure; `event_stream` has split the body into events already. There is no `[DONE]`: an
answer ends with `response.completed` or `response.incomplete`, whose response says with
its status the same, and a service that does not is not believed. What went wrong comes
as `response.failed` or as an `error` event, whose members stand in it (as the reference
has it) or in an object in it (as the service sends it). Events of other types are
skipped.
https://platform.openai.com/docs/api-reference/responses-streaming
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .fault import broken
from .provider import Answer, AnswerReader, Message, Stop
from .reading import AnswerText, object_in, parse_object, text_in

_ENDS = frozenset({"response.completed", "response.incomplete"})
_FAILURES = frozenset({"error", "response.failed", "response.cancelled"})
_REASONING = frozenset(
    {"response.reasoning_summary_text.delta", "response.reasoning_text.delta"}
)
_REFUSAL = frozenset({"response.refusal.delta", "response.refusal.done"})
_COMPLETED = "completed"
# What a part of an item is told with in a stream.
_PARTS: Mapping[object, str] = {
    "output_text": "response.output_text.delta",
    "refusal": "response.refusal.delta",
}
# What a response is, or why it is incomplete.
_STOPS = {
    _COMPLETED: Stop.COMPLETE,
    "max_output_tokens": Stop.LENGTH,
    "content_filter": Stop.FILTER,
}


class OpenAIResponses:
    """The provider."""

    path = "responses"

    def headers(self, key: str | None) -> dict[str, str]:
        """Return the credential as a bearer token."""
        return {"Authorization": f"Bearer {key}"} if key else {}

    def body(
        self, model: str, messages: Sequence[Message], *, is_streamed: bool = True
    ) -> bytes:
        """Return the request; the service is asked to keep nothing of it."""
        request = {
            "model": model,
            "input": messages,
            "stream": is_streamed,
            "store": False,
        }
        # Escaped to ASCII: an earlier answer may hold half of a surrogate pair.
        return json.dumps(request).encode()

    def unfold(self, document: dict[str, Any]) -> list[str]:
        """Return the events of each item of a response, and its terminal one."""
        events: list[dict[str, Any]] = []
        for item in _objects_in(document, "output"):
            events.append({"type": "response.output_item.added", "item": item})
            for part in _objects_in(item, "content"):
                text = {"type": _PARTS.get(part.get("type")), "delta": part.get("text")}
                events.append(text)
        status = document.get("status")
        events.append({"type": f"response.{status}", "response": document})
        return [json.dumps(event) for event in events]

    def reader(self, max_chars: int) -> AnswerReader:
        """Return a `ResponseStream`."""
        return ResponseStream(max_chars)


class ResponseStream:
    """State of one answer: the text so far, and whether it ended as it should.

    Args:
        max_chars: longest answer.
    """

    def __init__(self, max_chars: int) -> None:
        self._text = AnswerText(max_chars)
        self._is_alive = False
        self._end: dict[str, Any] | None = None

    @property
    def is_alive(self) -> bool:
        """Whether there was text or reasoning."""
        return self._is_alive

    @property
    def is_terminated(self) -> bool:
        """Whether the terminal event was seen; nothing after it counts."""
        return self._end is not None

    def feed(self, data: str) -> str:
        """Take the data of one event and return the text in it, "" if it has none.

        Raises:
            ModelError: it is no JSON, an error of the provider, or no text.
        """
        if not data:
            return ""
        event = parse_object(data)
        kind = event.get("type")
        if kind == "response.output_text.delta":
            return self._say(text_in(event, "delta"))
        if kind == "response.output_item.added":
            self._open_item(object_in(event, "item"))
        elif isinstance(kind, str):
            self._note(kind, event)
        return ""

    def close(self) -> Answer:
        """Return the whole answer at the end of the body.

        Raises:
            ModelError: the answer is not complete.
        """
        if self._end is None:
            raise broken("expected a terminal event before the end of the stream")
        response = object_in(self._end, "response")
        # The one is the name of the event behind its dot, the other what is in it.
        if f"response.{response.get('status')}" != self._end["type"]:
            raise broken("expected the status of the response to be as its last event")
        reason = _find_reason(response)
        return Answer(text=str(self._text), stop=_STOPS[reason], reason=reason)

    def _say(self, piece: str) -> str:
        if piece:
            self._is_alive = True
            self._text.add(piece)
        return piece

    def _open_item(self, item: dict[str, Any]) -> None:
        kind = item.get("type")
        if isinstance(kind, str) and kind.endswith("_call"):
            raise broken("expected text, got a call of a tool that was not offered")
        if kind == "reasoning":
            # Of reasoning that is not shown the service tells no more than this.
            self._is_alive = True

    def _note(self, kind: str, event: dict[str, Any]) -> None:
        if kind in _FAILURES:
            raise broken(f"expected an answer, got the event {kind}")
        if kind in _REFUSAL:
            raise broken("expected text, got a refusal")
        if kind in _REASONING and event.get("delta"):
            self._is_alive = True
        if kind in _ENDS:
            self._end = event


def _objects_in(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = document.get(name)
    if not isinstance(items, list):
        return []
    return [item for item in items if isinstance(item, dict)]


def _find_reason(response: dict[str, Any]) -> str:
    if response["status"] == _COMPLETED:
        return _COMPLETED
    reason = text_in(object_in(response, "incomplete_details"), "reason")
    expected = [name for name in _STOPS if name != _COMPLETED]
    if reason not in expected:
        raise broken(
            f"expected a response to be incomplete for {', '.join(expected)}, got "
            "another"
        )
    return reason
