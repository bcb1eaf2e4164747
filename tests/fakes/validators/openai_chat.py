"""Judge of Chat Completions: every chunk by schema, their order by hand.

After the public reference (chat/streaming); shares no code with the fake.
"""

from __future__ import annotations

from typing import Any

from tests.fakes.validators.frames import (
    COUNT,
    EMPTY,
    NULL,
    STRING,
    Json,
    Schema,
    Told,
    check,
    closed,
    join_same,
    matching,
    nullable,
    one_of,
    parse,
    split_events,
)

ID = matching("chatcmpl-[A-Za-z0-9]{29}")
CALL_ID = matching("call_[A-Za-z0-9]{24}")
FINISH = one_of("stop", "length", "tool_calls", "content_filter")
USAGE = closed(
    prompt_tokens=COUNT,
    completion_tokens=COUNT,
    total_tokens=COUNT,
    prompt_tokens_details=closed(cached_tokens=COUNT, audio_tokens=COUNT),
    completion_tokens_details=closed(
        reasoning_tokens=COUNT,
        audio_tokens=COUNT,
        accepted_prediction_tokens=COUNT,
        rejected_prediction_tokens=COUNT,
    ),
)
CALL_START = closed(
    index=COUNT,
    id=CALL_ID,
    type=one_of("function"),
    function=closed(name=STRING, arguments=one_of("")),
)
CALL_MORE = closed(index=COUNT, function=closed(arguments=STRING))
DELTAS: dict[str, Schema] = {
    "role": closed(role=one_of("assistant"), content=one_of("", None), refusal=NULL),
    "text": closed(content=STRING),
    "thinking": closed(reasoning_content=STRING),
    "refusal": closed(refusal=STRING),
    "start": closed(
        tool_calls={"type": "array", "items": CALL_START, "minItems": 1, "maxItems": 1}
    ),
    "tool": closed(
        tool_calls={"type": "array", "items": CALL_MORE, "minItems": 1, "maxItems": 1}
    ),
    "end": closed(),
}
FIELDS = {"text": "content", "thinking": "reasoning_content", "refusal": "refusal"}


def validate_stream(
    body: bytes, *, usage: bool = False, obfuscation: bool = True
) -> Told:
    """Judge a whole stream and return what it told."""
    events = split_events(body)
    assert all(name is None for name, _ in events)
    assert events.pop()[1] == "[DONE]"
    chunks = [parse(data) for _, data in events]
    total = _take_usage(chunks, usage=usage, obfuscation=obfuscation)
    for name in ("id", "created", "model", "system_fingerprint"):
        assert len({chunk[name] for chunk in chunks}) == 1, name
    parts: list[tuple[str, str, str]] = []
    names: list[str] = []
    for place, chunk in enumerate(chunks):
        is_last = place == len(chunks) - 1
        check(chunk, _chunk_schema(usage=usage, obfuscation=obfuscation, end=is_last))
        kind = _kind_of(chunk["choices"][0]["delta"])
        assert (kind == "role") == (place == 0)
        assert (kind == "end") == is_last
        _take_delta(kind, chunk["choices"][0]["delta"], parts, names)
    return Told(
        parts=join_same(parts),
        stop=chunks[-1]["choices"][0]["finish_reason"],
        input_tokens=total and total["prompt_tokens"],
        output_tokens=total and total["completion_tokens"],
    )


def validate_body(body: bytes) -> Told:
    """Judge an answer in one piece and return what it told."""
    whole = parse(body.decode())
    check(whole, BODY)
    _check_sums(whole["usage"])
    choice = whole["choices"][0]
    message = choice["message"]
    parts = [
        (kind, "", message[FIELDS[kind]])
        for kind in ("thinking", "text", "refusal")
        if message.get(FIELDS[kind])
    ]
    for call in message.get("tool_calls", []):
        function = call["function"]
        parts.append(("tool", function["name"], function["arguments"]))
    return Told(
        parts=tuple(parts),
        stop=choice["finish_reason"],
        input_tokens=whole["usage"]["prompt_tokens"],
        output_tokens=whole["usage"]["completion_tokens"],
    )


def validate_error(body: bytes) -> tuple[str, str]:
    """Judge the body of an HTTP error and return its type and message."""
    error = parse(body.decode())
    shape = closed(
        message=STRING, type=STRING, param=nullable(STRING), code=nullable(STRING)
    )
    check(error, closed(error=shape))
    return error["error"]["type"], error["error"]["message"]


def _take_usage(chunks: list[Json], *, usage: bool, obfuscation: bool) -> Any:  # noqa: ANN401 -- JSON
    if not usage:
        return None
    last = chunks.pop()
    padding = {"obfuscation": STRING} if obfuscation else {}
    check(last, closed(**_HEAD, choices=EMPTY, usage=USAGE, **padding))
    _check_sums(last["usage"])
    return last["usage"]


def _check_sums(usage: Json) -> None:
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    assert usage["total_tokens"] == total


def _kind_of(delta: Json) -> str:
    fits: list[str] = []
    for kind, schema in DELTAS.items():
        try:
            check(delta, schema)
        except AssertionError:
            continue
        fits.append(kind)
    assert len(fits) == 1, f"expected one kind of delta, got {fits} for {delta}"
    return fits[0]


def _take_delta(
    kind: str, delta: Json, parts: list[tuple[str, str, str]], names: list[str]
) -> None:
    if kind in FIELDS:
        parts.append((kind, "", delta[FIELDS[kind]]))
    elif kind == "start":
        (call,) = delta["tool_calls"]
        assert call["index"] == len(names)
        names.append(call["function"]["name"])
        parts.append(("tool", names[-1], ""))
    elif kind == "tool":
        (call,) = delta["tool_calls"]
        assert call["index"] == len(names) - 1
        assert parts[-1][0] == "tool"
        told = parts.pop()[2] + call["function"]["arguments"]
        parts.append(("tool", names[-1], told))


def _chunk_schema(*, usage: bool, obfuscation: bool, end: bool) -> Schema:
    choice = closed(
        index=one_of(0),
        delta={"type": "object"},
        logprobs=NULL,
        finish_reason=FINISH if end else NULL,
    )
    extra = {"usage": NULL} if usage else {}
    extra |= {"obfuscation": STRING} if obfuscation else {}
    choices = {"type": "array", "items": choice, "minItems": 1, "maxItems": 1}
    return closed(**_HEAD, choices=choices, **extra)


_HEAD: dict[str, Schema] = {
    "id": ID,
    "object": one_of("chat.completion.chunk"),
    "created": COUNT,
    "model": STRING,
    "service_tier": one_of("default"),
    "system_fingerprint": matching("fp_[0-9a-f]{10}"),
}
_MESSAGE = closed(
    role=one_of("assistant"),
    reasoning_content_=STRING,
    content=nullable(STRING),
    refusal=nullable(STRING),
    annotations=EMPTY,
    tool_calls_={
        "type": "array",
        "minItems": 1,
        "items": closed(
            id=CALL_ID,
            type=one_of("function"),
            function=closed(name=STRING, arguments=STRING),
        ),
    },
)
BODY = closed(
    **{**_HEAD, "object": one_of("chat.completion")},
    choices={
        "type": "array",
        "minItems": 1,
        "maxItems": 1,
        "items": closed(
            index=one_of(0), message=_MESSAGE, logprobs=NULL, finish_reason=FINISH
        ),
    },
    usage=USAGE,
)
