"""Judge of Ollama: every line by schema, their order by hand.

After the public reference (docs/api.md); shares no code with the fake.
"""

from __future__ import annotations

import json

from tests.fakes.validators.frames import (
    STRING,
    Json,
    Schema,
    Told,
    check,
    closed,
    join_same,
    matching,
    one_of,
    parse,
)

POSITIVE: Schema = {"type": "integer", "minimum": 1}
CALLS: Schema = {
    "type": "array",
    "minItems": 1,
    "items": closed(function=closed(name=STRING, arguments={"type": "object"})),
}
_SAID: dict[str, Schema] = {"thinking_": STRING, "tool_calls_": CALLS}
_HEAD: dict[str, Schema] = {
    "model": STRING,
    # Nanoseconds without a zero at the end, as Go spells them.
    "created_at": matching(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{8}[1-9]Z"),
}
_COSTS: dict[str, Schema] = {
    "total_duration": POSITIVE,
    "load_duration": POSITIVE,
    "prompt_eval_count_": POSITIVE,
    "prompt_eval_duration_": POSITIVE,
    "eval_count_": POSITIVE,
    "eval_duration_": POSITIVE,
}
_MESSAGE = closed(role=one_of("assistant"), content=STRING, **_SAID)
_LEGACY: dict[str, Schema] = {"response": STRING, **_SAID}


def _line(*, is_chat: bool, is_done: bool) -> Schema:
    said: dict[str, Schema] = {"message": _MESSAGE} if is_chat else _LEGACY
    end = {"done_reason": one_of("stop", "length"), **_COSTS} if is_done else {}
    return closed(**_HEAD, **said, done=one_of(is_done), **end)


def split_lines(body: bytes) -> list[Json]:
    """Split a stream into its lines, each an object in the tightest spelling."""
    text = body.decode()
    assert text.endswith("}\n"), text[-80:]
    return [parse(line) for line in text.removesuffix("\n").split("\n")]


def validate_stream(body: bytes, *, is_chat: bool = True) -> Told:
    """Judge a whole stream and return what it told."""
    lines = split_lines(body)
    moments = [line["created_at"] for line in lines]
    assert moments == sorted(moments)
    assert len({line["model"] for line in lines}) == 1
    parts: list[tuple[str, str, str]] = []
    for place, line in enumerate(lines):
        is_done = place == len(lines) - 1
        check(line, _line(is_chat=is_chat, is_done=is_done))
        said = _parts_of(line)
        assert len(said) == (0 if is_done else 1), f"one thing per line, got {said}"
        parts += said
    return _told(parts, lines[-1])


def validate_body(body: bytes, *, is_chat: bool = True) -> Told:
    """Judge an answer in one piece and return what it told."""
    whole = parse(body.decode())
    check(whole, _line(is_chat=is_chat, is_done=True))
    return _told(_parts_of(whole), whole)


def validate_error(body: bytes) -> str:
    """Judge the body of an error, or its line, and return its message."""
    error = parse(body.decode())
    check(error, closed(error=STRING))
    message: str = error["error"]
    return message


def _parts_of(line: Json) -> list[tuple[str, str, str]]:
    said = line.get("message", line)
    texts = {"thinking": said.get("thinking"), "text": said.get("content")}
    if "message" not in line:
        texts["text"] = said["response"]
    assert texts["thinking"] != "", "thoughts without a word are left out"
    parts = [(kind, "", text) for kind, text in texts.items() if text]
    for call in said.get("tool_calls", []):
        function = call["function"]
        parts.append(("tool", function["name"], json.dumps(function["arguments"])))
    return parts


def _told(parts: list[tuple[str, str, str]], last: Json) -> Told:
    durations = ("load_duration", "prompt_eval_duration", "eval_duration")
    assert last["total_duration"] > sum(last.get(name, 0) for name in durations)
    for name in ("prompt_eval", "eval"):
        assert (f"{name}_count" in last) == (f"{name}_duration" in last)
    return Told(
        parts=join_same(parts),
        stop=last["done_reason"],
        input_tokens=last.get("prompt_eval_count", 0),
        output_tokens=last.get("eval_count", 0),
    )
