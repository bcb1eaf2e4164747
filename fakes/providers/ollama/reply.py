"""Everything the service says in answer to one request: lines, bodies, headers.

Every line is a JSON object. A tool's call comes whole, with its last fragment; one
that was cut off for length never does. The line with `done` is the terminator.
Durations are so many nanoseconds per token, seeded: they say what was scripted, never
what a clock says.
Must not know HTTP framing or timing; the delivery and the engine add them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Final

from ...content import Kind, Omission, StopReason
from ...dice import Dice
from ..encoding import (
    MARK,
    NOTICE,
    SLOT,
    compact,
    cut_behind_mark,
    dumps,
    fill_slots,
    is_object,
    mark_end,
)
from ..provider import Syntax
from .errors import JSON_HEADERS, encode_failure, encode_late_error
from .spelling import spell

if TYPE_CHECKING:
    from ...content import Answer, Part
    from ...script import Fail, InStreamError
    from ..provider import Headers
    from .request import LineRequest

__all__ = ["LineReply"]

Json = dict[str, object]

# Must not come from a clock; any fixed moment will do (2023-11-14), give or take.
EPOCH_S: Final = 1_700_000_000
EPOCH_SPAN_S: Final = 50_000_000
SECOND_NS: Final = 1_000_000_000
# What a small model takes on a laptop, at least and on top: per token made (20 to 36
# ms) and read (0.5 to 1.5 ms), to load (1 to 9 ms), and beside all that.
EVAL_NS: Final = (20_000_000, 16_000_000)
PROMPT_NS: Final = (500_000, 1_000_000)
LOAD_NS: Final = (1_000_000, 8_000_000)
OVERHEAD_NS: Final = (500_000, 500_000)


class LineReply:
    """Everything the service says in answer to one request, piece by piece."""

    syntax: Final = Syntax.LINES

    def __init__(self, *, request: LineRequest, answer: Answer, seed: int) -> None:
        """Derive what the whole reply shares."""
        self._request = request
        self._answer = answer
        self._dice = Dice(seed=seed, fingerprint=request.fingerprint)
        self._eval_ns = self._between("eval", EVAL_NS)
        created_s = EPOCH_S + self._dice.number("created", EPOCH_SPAN_S)
        nanos = self._dice.number("nanos", SECOND_NS)
        self._created_ns = created_s * SECOND_NS + nanos
        self._second = (-1, "")
        self._lines = 0
        self._part: Part | None = None
        self._made_of_part = 0
        self._head = f'{{"model":{encode_basestring(request.model)},"created_at":"'
        # What stands around a text, so that a token costs no dict.
        self._around = ("", "")

    def stream_headers(self) -> Headers:
        """Return the header fields of a streamed answer."""
        return [("content-type", "application/x-ndjson")]

    def body_headers(self) -> Headers:
        """Return the header fields of an answer in one piece."""
        return list(JSON_HEADERS)

    def opening(self) -> bytes:
        """Encode nothing: the first line has content already."""
        return b""

    def token(self, part: Part, text: str) -> bytes:
        """Encode the next word of a text, or a call with its last fragment."""
        if part is not self._part:
            self._part, self._made_of_part = part, 0
            if part.kind is not Kind.TOOL:
                self._around = self._around_text(part.kind)
        self._made_of_part += 1
        self._lines += 1
        if part.kind is Kind.TOOL:
            return self._call(part)
        before, after = self._around
        said = encode_basestring(text)
        return spell(f'{self._head}{self._now()}",{before}{said}{after}\n')

    def closing(self) -> bytes:
        """Encode nothing: the reason to stop is in the terminator."""
        return b""

    def terminator(self) -> bytes:
        """Encode the line that says done, why, and what it took."""
        return spell(f"{dumps(self._done(self._message('')))}\n")

    def stream_error(self, error: InStreamError) -> bytes:
        """Encode an error in the stream; the service says nothing after it."""
        return encode_late_error(error) + b"\n"

    def keepalive(self, text: str | None) -> bytes:  # noqa: ARG002 -- one signature
        """Encode an empty line: lines of JSON have no comments."""
        return b"\n"

    def blank(self) -> bytes:
        """Encode an empty line."""
        return b"\n"

    def unknown(self) -> bytes:
        """Encode a line of nothing but a field that no client knows."""
        line = {**self._line_head(), "notice": NOTICE, "done": False}
        return spell(f"{dumps(line)}\n")

    def body(self) -> bytes:
        """Encode the answer in one piece."""
        encoded, objects = self._encode_body(self._answer)
        return spell(fill_slots(encoded, objects))

    def truncated_body(self, count: int) -> bytes:
        """Encode that answer, cut off right behind its `count`-th piece."""
        marked = mark_end(self._answer, count)
        encoded, objects = self._encode_body(marked)
        last = marked.parts[-1]
        if last.kind is not Kind.TOOL:
            return spell(cut_behind_mark(fill_slots(encoded, objects)).decode())
        *whole, cut = objects
        before, _, _ = fill_slots(encoded, whole).rpartition(f'"{SLOT}"')
        return spell(f"{before}{cut.removesuffix(MARK)}")

    def body_error(self, error: InStreamError) -> tuple[int, bytes]:
        """Encode the same error as the body of a 500."""
        return 500, encode_late_error(error)

    def failure(self, fail: Fail) -> tuple[Headers, bytes]:
        """Encode an HTTP error: header fields and body."""
        return encode_failure(fail, self._request.model)

    def _call(self, part: Part) -> bytes:
        """Encode a call once it is whole."""
        if self._made_of_part < len(part.pieces) or not is_object(part.text):
            return b""
        message = self._message("", tool_calls=[_call_of(part)])
        line = dumps({**self._line_head(), **message, "done": False})
        return spell(f"{fill_slots(line, [compact(part.text)])}\n")

    def _around_text(self, kind: Kind) -> tuple[str, str]:
        is_thought = kind is Kind.THINKING
        message = (
            self._message("", thinking=MARK) if is_thought else self._message(MARK)
        )
        line = dumps({**message, "done": False})
        before, _, after = line.removeprefix("{").partition(f'"{MARK}"')
        return before, after

    def _message(
        self,
        content: str,
        *,
        thinking: str | None = None,
        tool_calls: list[Json] | None = None,
    ) -> Json:
        """Return what is said, as a message or, of /api/generate, without one."""
        more: Json = {}
        if thinking is not None:
            more["thinking"] = thinking
        if tool_calls:
            more["tool_calls"] = tool_calls
        if not self._request.is_chat:
            return {"response": content, **more}
        return {"message": {"role": "assistant", "content": content, **more}}

    def _encode_body(self, answer: Answer) -> tuple[str, list[str]]:
        """Spell a whole answer, and what comes into its slots.

        As the service has it, thoughts stand behind the text that they lead to; an
        answer that is cut off in its text has lost them.
        """
        self._lines = self._answer.size
        calls = [
            part
            for part in answer.tools()
            if part.text.endswith(MARK) or is_object(part.text)
        ]
        said = [
            part.text for part in answer.parts if part.kind in {Kind.TEXT, Kind.REFUSAL}
        ]
        message = self._message(
            "".join(said),
            thinking=answer.text_of(Kind.THINKING) or None,
            tool_calls=[_call_of(call) for call in calls],
        )
        return dumps(self._done(message)), [compact(call.text) for call in calls]

    def _done(self, message: Json) -> Json:
        done: Json = {"done": True}
        if self._answer.has(Omission.FINISH):
            done["done_reason"] = self._reason()
        if self._request.is_load:
            return {**self._line_head(), **message, **done}
        return {**self._line_head(), **message, **done, **self._costs()}

    def _reason(self) -> str:
        if self._request.is_load:
            return "unload" if self._request.is_unload else "load"
        if self._answer.stop_literal is not None:
            return self._answer.stop_literal
        return "length" if self._answer.stop is StopReason.LENGTH else "stop"

    def _costs(self) -> dict[str, int]:
        """Count tokens and nanoseconds; as the service, leave out what is nothing."""
        usage = self._answer.usage
        load_ns = self._between("load", LOAD_NS)
        prompt_ns = usage.input_tokens * self._between("prompt", PROMPT_NS)
        eval_ns = usage.output_tokens * self._eval_ns
        spent_ns = load_ns + prompt_ns + eval_ns
        costs = {
            "total_duration": spent_ns + self._between("overhead", OVERHEAD_NS),
            "load_duration": load_ns,
            "prompt_eval_count": usage.input_tokens,
            "prompt_eval_duration": prompt_ns,
            "eval_count": usage.output_tokens,
            "eval_duration": eval_ns,
        }
        if not self._answer.has(Omission.USAGE):
            del costs["prompt_eval_count"], costs["eval_count"]
        return {name: value for name, value in costs.items() if value}

    def _line_head(self) -> Json:
        return {"model": self._request.model, "created_at": self._now()}

    def _now(self) -> str:
        """Spell when the last token was made, if each took as long as it is said to."""
        at_ns = self._created_ns + self._lines * self._eval_ns
        at_s, nanos = divmod(at_ns, SECOND_NS)
        if at_s != self._second[0]:
            moment = datetime.fromtimestamp(at_s, UTC)
            self._second = (at_s, f"{moment:%Y-%m-%dT%H:%M:%S}")
        # An odd number has no zero at its end, which the service would leave out.
        return f"{self._second[1]}.{nanos | 1:09d}Z"

    def _between(self, purpose: str, bounds: tuple[int, int]) -> int:
        least, span = bounds
        return least + self._dice.number(purpose, span)


def _call_of(part: Part) -> Json:
    return {"function": {"name": part.name, "arguments": SLOT}}
