"""Everything the service says in answer to one request: chunks, bodies, headers.

Every chunk is a whole GenerateContentResponse, so a tool's call comes when its last
fragment is made, and one that was cut off for length never does. Counts of the usage
grow from chunk to chunk. The service has no terminal frame but the end of the body:
what ends an answer, and what counts as its terminator, is the chunk with the finish
reason (in an array, with the bracket behind it).
Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from ...content import Kind, Omission, StopReason
from ...dice import ALPHANUMERIC, Dice
from ..encoding import (
    MARK,
    NOTICE,
    SLOT,
    comment,
    compact,
    cut_behind_mark,
    fill_slots,
    is_object,
    mark_end,
)
from ..provider import Syntax
from .errors import JSON_HEADERS, encode_failure, late_error, pretty
from .request import Shape

if TYPE_CHECKING:
    from ...content import Answer, Part
    from ...script import Fail, InStreamError
    from ..provider import Headers
    from .errors import Json
    from .request import ContentRequest

__all__ = ["ContentReply"]

# Must not come from a clock; any fixed moment will do (2023-11-14), give or take.
EPOCH_S: Final = 1_700_000_000
EPOCH_SPAN_S: Final = 50_000_000
# Both alphabets have a power of two of characters, so that all are as likely.
URL_SAFE: Final = ALPHANUMERIC + "-_"
BASE64: Final = ALPHANUMERIC + "+/"

FINISH: Final = {
    StopReason.STOP: "STOP",
    StopReason.LENGTH: "MAX_TOKENS",
    StopReason.TOOL_CALLS: "STOP",
    StopReason.REFUSAL: "SAFETY",
    StopReason.CONTENT_FILTER: "PROHIBITED_CONTENT",
}
# The categories that a refusal may have instead, of an answer and of a prompt.
COMMON: Final = frozenset({"SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"})
FINISH_CATEGORIES: Final = COMMON | {"RECITATION", "LANGUAGE", "SPII"}
BLOCK_CATEGORIES: Final = COMMON | {"IMAGE_SAFETY"}
# Stands where a chunk's own numbers come, so that a token costs no dict.
COUNT: Final = f"{MARK} count"
TOTAL: Final = f"{MARK} total"


class ContentReply:
    """Everything the service says in answer to one request, piece by piece."""

    def __init__(self, *, request: ContentRequest, answer: Answer, seed: int) -> None:
        """Derive what the whole reply shares."""
        self._request = request
        self._answer = answer
        # The model is not in the body: without it two models had one id.
        identity = f"{request.model}:{request.fingerprint}"
        self._dice = Dice(seed=seed, fingerprint=identity)
        created_s = EPOCH_S + self._dice.number("created", EPOCH_SPAN_S)
        created = datetime.fromtimestamp(created_s, UTC)
        micros = self._dice.number("micros", 1_000_000)
        self._tail: Json = {
            "modelVersion": request.model,
            "createTime": f"{created:%Y-%m-%dT%H:%M:%S}.{micros:06d}Z",
            "responseId": self._dice.text(URL_SAFE, "id", 23),
        }
        usage = answer.usage
        self._thoughts = usage.thinking_tokens
        self._candidates = max(usage.output_tokens - usage.thinking_tokens, 0)
        self._signed = _signed_part(answer)
        # What was made so far, and of which part.
        self._made = {Kind.THINKING: 0, Kind.TEXT: 0}
        self._part: Part | None = None
        self._made_of_part = 0
        self._template = ("", "", "", "")
        self._has_begun = False
        self._is_counted = answer.has(Omission.USAGE)

    @property
    def syntax(self) -> Syntax:
        """Return which of its two streams was asked for."""
        is_events = self._request.shape is Shape.EVENTS
        return Syntax.EVENTS if is_events else Syntax.ARRAY

    def stream_headers(self) -> Headers:
        """Return the header fields of a streamed answer."""
        if self._request.shape is Shape.ARRAY:
            return self.body_headers()
        return [
            ("content-type", "text/event-stream"),
            ("content-disposition", "attachment"),
            *self.body_headers()[1:],
        ]

    def body_headers(self) -> Headers:
        """Return the header fields of an answer in one piece."""
        took_ms = 200 + self._dice.number("took", 1024)
        return [*JSON_HEADERS, ("server-timing", f"gfet4t7; dur={took_ms}")]

    def opening(self) -> bytes:
        """Encode nothing: the first chunk has content already."""
        return b""

    def token(self, part: Part, text: str) -> bytes:
        """Encode the next word of a text, or a call with its last fragment."""
        kind = Kind.THINKING if part.kind is Kind.THINKING else Kind.TEXT
        self._made[kind] += 1
        if part is not self._part:
            self._part, self._made_of_part = part, 0
            if part.kind is not Kind.TOOL:
                self._template = self._template_of(part)
        self._made_of_part += 1
        if part.kind is Kind.TOOL:
            return self._call(part)
        if not self._is_counted:
            return self._frame(encode_basestring(text).join(self._template[:2]))
        candidates, thoughts = self._counts()
        count = thoughts if kind is Kind.THINKING else candidates
        total = self._answer.usage.input_tokens + candidates + thoughts
        before, between, more, after = self._template
        said = encode_basestring(text)
        return self._frame(f"{before}{said}{between}{count}{more}{total}{after}")

    def closing(self) -> bytes:
        """Encode nothing: the finish reason is the terminator."""
        return b""

    def terminator(self) -> bytes:
        """Encode the chunk with the finish reason and the whole usage."""
        last: Json = {"text": ""}
        if (
            self._signed is not None and self._signed.kind is not Kind.TOOL
        ) or self._is_signature_alone():
            last["thoughtSignature"] = self._signature()
        # The service ends some answers with a content that has no parts.
        parts = [last] if self._answer.has(Omission.PARTS) else None
        return self._frame(self._spell(self._whole(parts))) + self._end()

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says nothing after it.

        Between events it stands bare and over several lines: the service's own SDKs
        look for it there.
        """
        _, whole = late_error(error)
        if self._request.shape is Shape.ARRAY:
            return self._frame(pretty(whole)) + self._end()
        return f"{pretty(whole)}\r\n".encode()

    def keepalive(self, text: str | None) -> bytes:
        """Encode a comment; in an array, which has none, a line end."""
        if self._request.shape is Shape.EVENTS:
            return comment(text).replace(b"\n", b"\r\n")
        return b"\n"

    def blank(self) -> bytes:
        """Encode an event without data, or an element without a field."""
        is_events = self._request.shape is Shape.EVENTS
        return self._frame("" if is_events else "{}")

    def unknown(self) -> bytes:
        """Encode a response of nothing but a field that no client knows."""
        return self._frame(self._spell({"notice": NOTICE, **self._tail}))

    def body(self) -> bytes:
        """Encode the answer in one piece."""
        encoded, objects = self._encode_body(self._answer)
        return f"{fill_slots(encoded, objects)}\n".encode()

    def truncated_body(self, count: int) -> bytes:
        """Encode that answer, cut off right behind its `count`-th piece."""
        if self._is_blocked():
            head, opening, _ = self.body().partition(b'"blockReason": "')
            return head + opening
        marked = mark_end(self._answer, count)
        encoded, objects = self._encode_body(marked)
        last = marked.parts[-1]
        if last.kind is not Kind.TOOL:
            return cut_behind_mark(fill_slots(encoded, objects))
        *whole, cut = objects
        before, _, _ = fill_slots(encoded, whole).rpartition(f'"{SLOT}"')
        return f"{before}{cut.removesuffix(MARK)}".encode()

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode the same error as status and body of an answer."""
        code, whole = late_error(error)
        return code, f"{pretty(whole)}\n".encode()

    def failure(self, fail: Fail) -> tuple[Headers, bytes]:
        """Encode an HTTP error: header fields and body."""
        return encode_failure(
            fail,
            limits=self._answer.limits,
            model=self._request.model,
            as_array=self._request.shape is Shape.ARRAY,
        )

    def _call(self, part: Part) -> bytes:
        """Encode a call once it is whole."""
        if self._made_of_part < len(part.pieces) or not is_object(part.text):
            return b""
        chunk = self._chunk([self._part_object(part)], *self._counts())
        return self._frame(fill_slots(self._spell(chunk), [compact(part.text)]))

    def _counts(self) -> tuple[int, int]:
        """Return what was made so far as candidates and thoughts, as far as told."""
        return (
            min(self._made[Kind.TEXT], self._candidates),
            min(self._made[Kind.THINKING], self._thoughts),
        )

    def _template_of(self, part: Part) -> tuple[str, str, str, str]:
        """Spell a part's chunk, in four pieces around its text and its counts."""
        candidates, thoughts = self._counts()
        said: Json = {"text": MARK}
        if part.kind is Kind.THINKING:
            said["thought"] = True
            usage = self._usage(candidates, COUNT, TOTAL)
        else:
            usage = self._usage(COUNT, thoughts, TOTAL)
        chunk = self._chunk([said], candidates, thoughts)
        if self._is_counted:
            chunk["usageMetadata"] = usage
        before, _, rest = self._spell(chunk).partition(f'"{MARK}"')
        between, _, rest = rest.partition(f'"{COUNT}"')
        more, _, after = rest.partition(f'"{TOTAL}"')
        return before, between, more, after

    def _chunk(self, parts: list[Json] | None, candidates: int, thoughts: int) -> Json:
        total = self._answer.usage.input_tokens + candidates + thoughts
        counted: Json = {}
        if self._is_counted:
            counted["usageMetadata"] = self._usage(candidates, thoughts, total)
        return {
            "candidates": [{"content": _content(parts), "index": 0}],
            **counted,
            **self._tail,
        }

    def _usage(self, candidates: object, thoughts: object, total: object) -> Json:
        """Count the parts of a call; what there is none of is left out."""
        usage = self._answer.usage
        prompt = {"modality": "TEXT", "tokenCount": usage.input_tokens}
        counted: Json = {"promptTokenCount": usage.input_tokens}
        if usage.cached_tokens:
            counted["cachedContentTokenCount"] = usage.cached_tokens
        if candidates:
            counted["candidatesTokenCount"] = candidates
        if thoughts:
            counted["thoughtsTokenCount"] = thoughts
        return {**counted, "totalTokenCount": total, "promptTokensDetails": [prompt]}

    def _whole(self, parts: list[Json] | None) -> Json:
        """Return a response with the finish reason, or of a prompt that was blocked."""
        whole = self._chunk(parts, self._candidates, self._thoughts)
        if self._is_blocked():
            feedback = {"blockReason": self._reason(BLOCK_CATEGORIES)}
            del whole["candidates"]
            told = self._answer.has(Omission.FINISH)
            return {"promptFeedback": feedback if told else {}, **whole}
        candidate: Json = {"content": _content(parts)}
        if not self._answer.has(Omission.FINISH):
            return {**whole, "candidates": [{**candidate, "index": 0}]}
        candidate["finishReason"] = self._reason(FINISH_CATEGORIES)
        candidate["index"] = 0
        message = self._answer.refusal.explanation
        malformed = self._malformed()
        if self._answer.stop_literal is not None:
            candidate["finishReason"] = self._answer.stop_literal
        elif malformed is not None:
            candidate["finishReason"] = "MALFORMED_FUNCTION_CALL"
            message = f"Malformed function call: {malformed.name}({malformed.text})"
        if message is not None:
            candidate["finishMessage"] = message
        return {**whole, "candidates": [candidate]}

    def _malformed(self) -> Part | None:
        """Return the call that the model got wrong, so that nothing is told of it."""
        if self._answer.stop is not StopReason.TOOL_CALLS:
            return None
        calls = self._answer.tools()
        return next((call for call in calls if not is_object(call.text)), None)

    def _is_blocked(self) -> bool:
        """Tell whether nothing is said but a refusal without a word."""
        parts = self._answer.parts
        is_refusal = all(part.kind is Kind.REFUSAL for part in parts)
        return bool(parts) and is_refusal and not self._answer.size

    def _reason(self, known: frozenset[str]) -> str:
        category = (self._answer.refusal.category or "").upper()
        if self._answer.stop is StopReason.REFUSAL and category in known:
            return category
        reason = FINISH[self._answer.stop]
        # A prompt is never blocked for the reasons that end an answer.
        return reason if reason in known or not self._is_blocked() else "SAFETY"

    def _encode_body(self, answer: Answer) -> tuple[str, list[str]]:
        """Spell a whole answer, and what comes into its slots."""
        said = [part for part in answer.parts if _is_said(part)]
        objects = [compact(part.text) for part in said if part.kind is Kind.TOOL]
        parts = [self._part_object(part) for part in said]
        if self._is_signature_alone() or not parts:
            parts.append({"text": ""})
        if self._is_signature_alone():
            parts[-1]["thoughtSignature"] = self._signature()
        return pretty(self._whole(parts)), objects

    def _part_object(self, part: Part) -> Json:
        said: Json = {"text": part.text}
        if part.kind is Kind.TOOL:
            said = {"functionCall": {"name": part.name, "args": SLOT}}
        if part.kind is Kind.THINKING:
            said["thought"] = True
        if self._signed is not None and self._signed.index == part.index:
            said["thoughtSignature"] = self._signature()
        return said

    def _is_signature_alone(self) -> bool:
        """Tell whether nothing but thoughts is said, so that none of it is signed."""
        return self._signed is None and self._answer.count(Kind.THINKING) > 0

    def _signature(self) -> str:
        return self._dice.text(BASE64, "signature", 216)

    def _spell(self, value: Json) -> str:
        if self._request.shape is Shape.EVENTS:
            return json.dumps(value, ensure_ascii=False, separators=(",", ": "))
        return pretty(value)

    def _frame(self, encoded: str) -> bytes:
        """Frame one response: as an event, or as the next element of the array."""
        if self._request.shape is Shape.EVENTS:
            return f"data: {encoded}\r\n\r\n".encode()
        before = ",\r\n" if self._has_begun else "["
        self._has_begun = True
        return f"{before}{encoded}\n".encode()

    def _end(self) -> bytes:
        return b"]\n" if self._request.shape is Shape.ARRAY else b""


def _content(parts: list[Json] | None) -> Json:
    return {"role": "model"} if parts is None else {"parts": parts, "role": "model"}


def _is_said(part: Part) -> bool:
    """Tell whether a part is told: a call is, when it is whole or to be cut."""
    if part.kind is not Kind.TOOL:
        return bool(part.pieces)
    return part.text.endswith(MARK) or is_object(part.text)


def _signed_part(answer: Answer) -> Part | None:
    """Return the part that carries the thoughts' signature.

    It is the first call, or else the last part, after
    https://ai.google.dev/gemini-api/docs/thought-signatures.
    """
    if not answer.count(Kind.THINKING):
        return None
    said = [
        part
        for part in answer.parts
        if part.kind is not Kind.THINKING and _is_said(part)
    ]
    calls = [part for part in said if part.kind is Kind.TOOL]
    return next(iter(calls or said[-1:]), None)
