"""Everything the service says in answer to one request: events, bodies, headers.

Events are numbered from 0. An item of the output opens with its first piece and closes
when the next one or the end of the response comes. There is no `[DONE]`: the terminal
event is `response.completed` or `response.incomplete`; after an error, the error.
Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from ...content import Kind, Omission, StopReason
from ...dice import HEX
from ..encoding import NOTICE, comment, cut_behind_mark, dumps, event, mark_end
from ..openai_reply import ServiceReply
from ..openai_service import FAILURES, encode_late_error
from .items import Item

if TYPE_CHECKING:
    from ...content import Answer, Part
    from ...script import InStreamError
    from .request import ResponseRequest

__all__ = ["ResponseReply"]

# Only these make a response incomplete; refusals and tool calls complete it.
INCOMPLETE: Final = {
    StopReason.LENGTH: "max_output_tokens",
    StopReason.CONTENT_FILTER: "content_filter",
}
# The error type that is told as a failed response instead of an `error` event.
FAILED: Final = "response.failed"


class ResponseReply(ServiceReply):
    """Everything the service says in answer to one request, piece by piece."""

    def __init__(self, *, request: ResponseRequest, answer: Answer, seed: int) -> None:
        """Derive what the whole reply shares."""
        super().__init__(request, answer, seed)
        self._request = request
        self._id = "resp_" + self._dice.text(HEX, "id", 50)
        self._status = "incomplete" if answer.stop in INCOMPLETE else "completed"
        # The item that ends as the response does.
        self._last = max(
            (part.index for part in answer.parts if part.pieces), default=0
        )
        self._events = 0
        self._items = 0
        self._item: Item | None = None
        # Every delta of an item starts and goes on like this, so that a token costs
        # no encoding of a dict.
        self._delta_name = ""
        self._delta_head = ""
        self._delta_tail = ""

    def opening(self) -> bytes:
        """Encode the two events that leave with the headers."""
        response = self._response("in_progress")
        return b"".join(
            self._event(name, {"response": response})
            for name in ("response.created", "response.in_progress")
        )

    def token(self, part: Part, text: str) -> bytes:
        """Encode the next piece, in an item of its own if its part begins here."""
        opening = b""
        if self._item is None or part is not self._item.part:
            opening = self._close_item() + self._open_item(part)
        said = encode_basestring(text)
        padding = ""
        if self._request.include_obfuscation:
            padding = f',"obfuscation":"{self._pad(self._events, len(text))}"'
        number, self._events = self._events, self._events + 1
        return opening + event(
            f'{self._delta_head}{number},{self._delta_tail}"delta":{said}{padding}}}',
            name=self._delta_name,
        )

    def closing(self) -> bytes:
        """Encode the events behind the last piece."""
        return self._close_item()

    def terminator(self) -> bytes:
        """Encode the terminal event, which holds the whole response."""
        response = self._finished(self._answer)
        return self._event(f"response.{self._status}", {"response": response})

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says nothing after it."""
        message = error.message or FAILURES[500][2]
        if error.type == FAILED:
            failure = {"code": "server_error", "message": message}
            response = {**self._response("failed"), "error": failure}
            return self._event(FAILED, {"response": response})
        code = error.type or "server_error"
        told: dict[str, object] = {"code": code, "message": message, "param": None}
        if error.shape == "flat":
            return self._event("error", told)
        # What the service sends is not what its reference says,
        # https://github.com/openai/openai-dotnet/issues/881
        return self._event("error", {"error": {"type": code, **told}})

    def keepalive(self, text: str | None) -> bytes:
        """Encode an event of its own; with a text a comment, as from a gateway."""
        # https://github.com/openai/openai-node/issues/1964
        return self._event("keepalive", {}) if text is None else comment(text)

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode the same error as the body of a 500."""
        kind = None if error.type == FAILED else error.type
        return 500, encode_late_error(error.model_copy(update={"type": kind}))

    def unknown(self) -> bytes:
        """Encode an event of a type that there is not."""
        return self._event("response.notice", {"notice": NOTICE})

    def body(self) -> bytes:
        """Encode the answer in one piece."""
        return dumps(self._finished(self._answer)).encode()

    def truncated_body(self, count: int) -> bytes:
        """Encode that answer, cut off right behind its `count`-th piece."""
        marked = mark_end(self._answer, count)
        return cut_behind_mark(dumps(self._finished(marked)))

    def _finished(self, answer: Answer) -> dict[str, object]:
        """Return the whole response; without how it ended if that is left out."""
        response = self._response(self._status, answer)
        if self._answer.has(Omission.FINISH):
            return response
        unfinished = {"status": None, "completed_at": None, "incomplete_details": None}
        return {**response, **unfinished}

    def _response(self, status: str, answer: Answer | None = None) -> dict[str, object]:
        """Return the response object; without an answer as it is before one."""
        echo = dict(self._request.echo)
        is_incomplete = status == "incomplete"
        reason = self._answer.stop_word(INCOMPLETE) if is_incomplete else None
        completed_at = self._created_s + 1 if status == "completed" else None
        is_counted = self._answer.has(Omission.USAGE)
        return {
            "id": self._id,
            "object": "response",
            "created_at": self._created_s,
            "status": status,
            "background": echo.pop("background"),
            "completed_at": completed_at,
            "error": None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "model": self._request.model,
            "output": [] if answer is None else self._output(answer),
            **echo,
            "service_tier": "default",
            "usage": self._usage() if answer is not None and is_counted else None,
        }

    def _output(self, answer: Answer) -> list[dict[str, object]]:
        said = [part for part in answer.parts if part.pieces]
        return [
            Item.of(part, output_index=index, dice=self._dice).render(
                self._status_of(part), said=part.text
            )
            for index, part in enumerate(said)
        ]

    def _status_of(self, part: Part) -> str:
        """Tell how an item ended: as the response did, if it is the last."""
        return self._status if part.index == self._last else "completed"

    def _usage(self) -> dict[str, object]:
        usage = self._answer.usage
        return {
            "input_tokens": usage.input_tokens,
            "input_tokens_details": {
                "cached_tokens": usage.cached_tokens,
                "cache_write_tokens": 0,
            },
            "output_tokens": usage.output_tokens,
            "output_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
            "total_tokens": usage.input_tokens + usage.output_tokens,
        }

    def _open_item(self, part: Part) -> bytes:
        item = Item.of(part, output_index=self._items, dice=self._dice)
        self._item = item
        self._items += 1
        self._delta_name = item.delta_type
        self._delta_head = f'{{"type":"{item.delta_type}","sequence_number":'
        place = item.place()
        if part.kind is Kind.TEXT:
            place["logprobs"] = []
        self._delta_tail = f"{dumps(place)[1:-1]},"
        return b"".join(self._event(*each) for each in item.opening())

    def _close_item(self) -> bytes:
        item, self._item = self._item, None
        if item is None:
            return b""
        closing = item.closing(self._status_of(item.part))
        return b"".join(self._event(*each) for each in closing)

    def _event(self, name: str, fields: dict[str, object]) -> bytes:
        number, self._events = self._events, self._events + 1
        data = {"type": name, "sequence_number": number, **fields}
        return event(dumps(data), name=name)
