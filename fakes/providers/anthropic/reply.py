"""Everything the service says in answer to one request: events, bodies, headers.

A content block is opened with its first piece and closed when the next block or the
end of the message comes. As in captured streams, events are padded with spaces before
their last brace, and a ping follows the start of the first block.
Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

import json
import math
import string
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from ...content import Kind, Omission, StopReason
from ...dice import ALPHANUMERIC, HEX, Dice, roll
from ..encoding import (
    BLANK_EVENT,
    MARK,
    NOTICE,
    cut_behind_mark,
    dumps,
    event,
    mark_end,
)
from ..provider import Syntax
from .errors import encode_failure, encode_late_error, late_error, request_id

if TYPE_CHECKING:
    from ...content import Answer, Part
    from ...script import Fail, InStreamError
    from ..provider import Headers
    from .request import MessageRequest

__all__ = ["MessageReply"]

BASE64: Final = string.ascii_letters + string.digits + "+/"
# As many different paddings as there are before they repeat.
PADS: Final = 1021
MAX_PAD: Final = 16
PING: Final = b'event: ping\ndata: {"type": "ping"}\n\n'

# The service's now: must not come from a clock; any fixed moment will do
# (2023-11-14T22:13:20Z).
EPOCH_S: Final = 1_700_000_000
LIMITS: Final = {
    "requests": 4_000,
    "tokens": 2_400_000,
    "input-tokens": 2_000_000,
    "output-tokens": 400_000,
}

# What of the usage the end of a stream says again.
COUNTED: Final = (
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
)
STOP_REASONS: Final = {
    StopReason.STOP: "end_turn",
    StopReason.LENGTH: "max_tokens",
    StopReason.TOOL_CALLS: "tool_use",
    StopReason.REFUSAL: "refusal",
    StopReason.CONTENT_FILTER: "refusal",
}
DELTAS: Final = {
    Kind.TEXT: ("text_delta", "text"),
    Kind.REFUSAL: ("text_delta", "text"),
    Kind.THINKING: ("thinking_delta", "thinking"),
    Kind.TOOL: ("input_json_delta", "partial_json"),
}


class MessageReply:
    """Everything the service says in answer to one request, piece by piece."""

    syntax: Final = Syntax.EVENTS

    def __init__(self, *, request: MessageRequest, answer: Answer, seed: int) -> None:
        """Derive what the whole reply shares."""
        self._request = request
        self._answer = answer
        self._dice = Dice(seed=seed, fingerprint=request.fingerprint)
        self._id = "msg_01" + self._dice.text(ALPHANUMERIC, "id", 22)
        sizes = roll(seed, request.fingerprint, "padding", PADS)
        self._pads = [" " * (size % MAX_PAD) for size in sizes]
        self._frames = 0
        self._blocks = 0
        self._part: Part | None = None
        # Every delta of a block starts like this, so that a token costs no dict.
        self._prefix = ""

    def stream_headers(self) -> Headers:
        """Return the header fields of a streamed answer."""
        return [
            ("content-type", "text/event-stream; charset=utf-8"),
            ("cache-control", "no-cache"),
            *self._headers(),
        ]

    def body_headers(self) -> Headers:
        """Return the header fields of an answer in one piece."""
        return [("content-type", "application/json"), *self._headers()]

    def opening(self) -> bytes:
        """Encode the message without content that leaves with the headers."""
        # The first token is counted before it is said.
        counted = self._usage(min(self._answer.usage.output_tokens, 1))
        message = {
            **self._message_head(),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            **self._unless_omitted({"usage": counted}),
        }
        return self._event({"type": "message_start", "message": message})

    def token(self, part: Part, text: str) -> bytes:
        """Encode the next piece, in a block of its own if its part begins here."""
        opening = b""
        if part is not self._part:
            opening = self._stop_block() + self._start_block(part)
        said = encode_basestring(text)
        return opening + self._delta(f"{self._prefix}{said}")

    def closing(self) -> bytes:
        """Encode the end of the last block, the stop reason, and the whole usage."""
        blocks = [self._stop_block()]
        for part in _wordless(self._answer):
            blocks += [self._start_block(part), self._stop_block()]
        usage = self._usage(self._answer.usage.output_tokens)
        counted = {
            **{name: usage[name] for name in COUNTED},
            "output_tokens_details": self._output_details(),
        }
        delta: dict[str, object] = {
            "type": "message_delta",
            "delta": self._stop(),
            **self._unless_omitted({"usage": counted}),
        }
        return b"".join([*blocks, self._event(delta)])

    def terminator(self) -> bytes:
        """Encode the terminal event."""
        return self._event({"type": "message_stop"})

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says nothing after it."""
        return self._event(late_error(error))

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode the same error as an HTTP error."""
        return encode_late_error(error, self._dice)

    def failure(self, fail: Fail) -> tuple[Headers, bytes]:
        """Encode an HTTP error: header fields and body."""
        return encode_failure(
            fail, self.body_headers(), self._dice, limits=self._answer.limits
        )

    def keepalive(self, text: str | None) -> bytes:  # noqa: ARG002 -- one signature
        """Encode a ping, which has no place for a text."""
        return PING

    def blank(self) -> bytes:
        """Encode an event without name or data."""
        return BLANK_EVENT

    def unknown(self) -> bytes:
        """Encode an event of a type that there is not."""
        return self._event({"type": "notice", "notice": NOTICE})

    def body(self) -> bytes:
        """Encode the answer in one piece."""
        return dumps(self._whole(self._answer)).encode()

    def truncated_body(self, count: int) -> bytes:
        """Encode that answer, cut off right behind its `count`-th piece."""
        marked = mark_end(self._answer, count)
        encoded = dumps(self._whole(marked))
        last = marked.parts[-1]
        if last.kind is not Kind.TOOL:
            return cut_behind_mark(encoded)
        # A tool's input is an object, which has no place for a mark inside.
        before, _, _ = encoded.rpartition(f'"{MARK}"')
        return f"{before}{last.text.removesuffix(MARK)}".encode()

    def _whole(self, answer: Answer) -> dict[str, object]:
        said = [part for part in answer.parts if part.pieces] + _wordless(answer)
        counted = {
            **self._usage(answer.usage.output_tokens),
            "output_tokens_details": self._output_details(),
        }
        return {
            **self._message_head(),
            "content": [self._block(part, part.text) for part in said],
            **self._stop(),
            **self._unless_omitted({"usage": counted}),
        }

    def _message_head(self) -> dict[str, object]:
        return {
            "model": self._request.model,
            "id": self._id,
            "type": "message",
            "role": "assistant",
        }

    def _unless_omitted(self, usage: dict[str, object]) -> dict[str, object]:
        return usage if self._answer.has(Omission.USAGE) else {}

    def _stop(self) -> dict[str, object]:
        reason: str | None = self._answer.stop_word(STOP_REASONS)
        if not self._answer.has(Omission.FINISH):
            reason = None
        refusal = self._answer.refusal
        details = {
            "type": "refusal",
            "category": refusal.category,
            "explanation": refusal.explanation,
        }
        return {
            "stop_reason": reason,
            "stop_sequence": None,
            "stop_details": details if reason == "refusal" else None,
        }

    def _usage(self, output_tokens: int) -> dict[str, object]:
        """Count what came from the cache apart, as the service does."""
        usage = self._answer.usage
        return {
            "input_tokens": max(usage.input_tokens - usage.cached_tokens, 0),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": usage.cached_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": 0,
                "ephemeral_1h_input_tokens": 0,
            },
            "output_tokens": output_tokens,
            "service_tier": "standard",
            "inference_geo": "global",
        }

    def _output_details(self) -> dict[str, int]:
        return {"thinking_tokens": self._answer.usage.thinking_tokens}

    def _block(self, part: Part, text: str) -> dict[str, object]:
        """Return a part as a content block; without text, as it is before any."""
        if part.kind is Kind.THINKING:
            signature = self._signature(part) if text else ""
            return {"type": "thinking", "thinking": text, "signature": signature}
        if part.kind is Kind.TOOL:
            return {
                "type": "tool_use",
                "id": "toolu_01"
                + self._dice.text(ALPHANUMERIC, f"tool {part.index}", 22),
                "name": part.name,
                "input": _object_of(text),
                "caller": {"type": "direct"},
            }
        return {"type": "text", "text": text}

    def _signature(self, part: Part) -> str:
        return "EqQB" + self._dice.text(BASE64, f"signature {part.index}", 212) + "GAE="

    def _start_block(self, part: Part) -> bytes:
        index, self._part = self._blocks, part
        self._blocks += 1
        start = {"type": "content_block_start", "index": index}
        frames = self._event({**start, "content_block": self._block(part, "")})
        if index == 0:
            frames += PING
        kind, field = DELTAS[part.kind]
        head = {"type": "content_block_delta", "index": index, "delta": {"type": kind}}
        self._prefix = f'{dumps(head)[:-2]},"{field}":'
        if part.kind is Kind.TOOL:
            frames += self._delta(f'{self._prefix}""')
        return frames

    def _stop_block(self) -> bytes:
        part, self._part = self._part, None
        if part is None:
            return b""
        index = self._blocks - 1
        frames = b""
        if part.kind is Kind.THINKING:
            delta = {"type": "signature_delta", "signature": self._signature(part)}
            frames = self._event(
                {"type": "content_block_delta", "index": index, "delta": delta}
            )
        return frames + self._event({"type": "content_block_stop", "index": index})

    def _delta(self, head: str) -> bytes:
        """Assemble a delta event from its text but for the two braces that end it."""
        return event(f"{head}}}{self._pad()}}}", name="content_block_delta")

    def _event(self, value: dict[str, object]) -> bytes:
        return event(f"{dumps(value)[:-1]}{self._pad()}}}", name=str(value["type"]))

    def _pad(self) -> str:
        self._frames += 1
        return self._pads[self._frames % PADS]

    def _headers(self) -> Headers:
        limits = [
            (f"anthropic-ratelimit-{what}-{name}", value)
            for what, limit in LIMITS.items()
            for name, value in zip(
                ("limit", "remaining", "reset"), self._limit(what, limit), strict=True
            )
        ]
        groups = [self._dice.text(HEX, f"org {n}", n) for n in (8, 4, 3, 12)]
        first, second, third, last = groups
        return [
            ("request-id", request_id(self._dice)),
            ("anthropic-organization-id", f"{first}-{second}-4{third}-8{third}-{last}"),
            ("anthropic-workspace-id", "wrkspc_01" + self._dice.text(HEX, "space", 22)),
            *limits,
        ]

    def _limit(self, what: str, usual: int) -> tuple[str, str, str]:
        """Return a limit, what is left of it, and when all of it is there again.

        With a quota of tokens only `tokens` tells it: "the most restrictive limit
        currently in effect" (https://docs.anthropic.com/en/api/rate-limits).
        """
        limits = self._answer.limits
        told = {
            "requests": (limits.requests, limits.requests_left),
            "tokens": (limits.tokens, limits.tokens_left),
        }
        limit, left = told.get(what, (None, None))
        # What is not kept count of is all there again at once.
        reset_s = 0.0 if limit is None else (limits.reset_ms or 0.0) / 1000
        limit = usual if limit is None else limit
        if left is None:
            cost = {"requests": 1, "output-tokens": 0}
            left = max(limit - cost.get(what, self._request.prompt_tokens), 0)
        reset = datetime.fromtimestamp(EPOCH_S + math.ceil(reset_s), UTC)
        return str(limit), str(left), f"{reset:%Y-%m-%dT%H:%M:%SZ}"


def _wordless(answer: Answer) -> list[Part]:
    """Return the refusals without a word: empty blocks of text, at the end."""
    parts = answer.parts
    return [part for part in parts if part.kind is Kind.REFUSAL and not part.pieces]


def _object_of(arguments: str) -> object:
    """Read a tool's input; what was cut off for length is no input yet."""
    if arguments.endswith(MARK):
        return MARK
    try:
        return json.loads(arguments)
    except ValueError:
        return {}
